"""Recording keeps the contract of a transport."""

from __future__ import annotations

from camcast.testing.conformance import TransportConformance


class TestRecord(TransportConformance):
    kind, wire = "record", ""
    address, refusing = "record://{tmp}/key-{n}.mp4", "record:///no/such/folder/key-{n}.mp4"
