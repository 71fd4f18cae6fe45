"""What a transport may offer as well, whose peer reports now and then what came to it.

Over TCP every moment brings acknowledgements, and nothing is lost for good. Over RTP somebody says once a second, or
several times, what has come: a figure that is a second old is no queue of a second. A transport that offers this hands
over what it knew when the newest report came, as one value, so that its figures belong together.
"""

from __future__ import annotations

from typing import Protocol

import attrs

from camcast.contracts.transport import Transport


@attrs.frozen
class PathReport:
    """The newest report. Bytes are positions as `Transport.send` returns them."""

    number: int
    """How many reports there have been, this one included."""
    at: float
    """When it came, `time.monotonic()`."""
    sent: int
    """Bytes handed over by then."""
    acked: int
    """Of these, what it covers, arrived or lost. Never falls."""
    lost: int
    """Of `acked`, bytes that did not arrive, whether they were sent again or not. Never falls."""
    trip: float
    """Seconds from the sending of the newest packet that it covers to the report."""
    every: float
    """Seconds from one report to the next, the longest of the last few."""


class TellsPath(Protocol):
    """A `Transport` that offers it."""

    @property
    def path_report(self) -> PathReport | None:
        """None = there was no report yet."""


def path_report(transport: Transport) -> PathReport | None:
    """The newest report; None = there is none, or the transport's peer acknowledges all the time."""
    report: PathReport | None = getattr(transport, "path_report", None)
    return report
