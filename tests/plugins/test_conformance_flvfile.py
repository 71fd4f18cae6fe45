"""The model of a plugin keeps the contract of a transport."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from camcast.testing.conformance import TransportConformance

MODEL = Path(__file__).parent.parent.parent / "examples" / "external_plugin"
sys.path.append(str(MODEL))
"""Not installed here: `test_external_plugin.py` does that."""


class TestFlvFile(TransportConformance):
    kind, wire, plugin = "flvfile", "", importlib.import_module("camcast_flvfile")
    address, refusing = "flvfile://{tmp}/key-{n}.flv", "flvfile:///no/such/folder/key-{n}.flv"
