"""The kit for sources that listen.

class TestBeacon(ListeningSourceConformance):
    kind = "beacon"
    address = "beacon://127.0.0.1:4000/key"

    async def drive(self, run):
        ...  # publish to it, again and again
"""

from __future__ import annotations

from camcast.testing.conformance import datagram_rules
from camcast.testing.conformance.listening_rules import RULES
from camcast.testing.conformance.source import SourceConformance


class ListeningSourceConformance(SourceConformance):
    """As `SourceConformance`; `address` is of the loopback, and `drive` publishes to it for as long as a source runs.

    For sources that listen on TCP, on Linux.
    """

    rules = RULES


class DatagramSourceConformance(SourceConformance):
    """As `ListeningSourceConformance`, for sources that listen on UDP, in whichever process; the URL names the port."""

    rules = datagram_rules.RULES
