"""`pytest test_flvfile.py` checks all that camcast promises of a transport."""

from camcast.testing.conformance import TransportConformance


class TestFlvFile(TransportConformance):
    kind, wire = "flvfile", ""
    address, refusing = "flvfile://{tmp}/key-{n}.flv", "flvfile:///no/such/folder/key-{n}.flv"
