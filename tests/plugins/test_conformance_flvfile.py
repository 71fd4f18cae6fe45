"""The model of a plugin keeps the contract of a transport."""

from __future__ import annotations

import importlib
import sys
from io import FileIO
from pathlib import Path
from types import SimpleNamespace

from camcast.media import Tag, TagType
from camcast.testing.conformance import TransportConformance

MODEL = Path(__file__).parent.parent.parent / "examples" / "external_plugin"
sys.path.append(str(MODEL))
"""Not installed here: `test_external_plugin.py` does that."""


class TestFlvFile(TransportConformance):
    kind, wire, plugin = "flvfile", "", importlib.import_module("camcast_flvfile")
    address, refusing = "flvfile://{tmp}/key-{n}.flv", "flvfile:///no/such/folder/key-{n}.flv"


async def test_a_full_disk_is_told_and_closing_raises_nothing(tmp_path: Path) -> None:
    told: list[Exception] = []
    context = SimpleNamespace(
        target=SimpleNamespace(url=f"flvfile://{tmp_path}/gate.flv"),
        options=SimpleNamespace(stamp=""),
        events=SimpleNamespace(lost=told.append),
    )
    transport = importlib.import_module("camcast_flvfile").FlvFile(context)
    await transport.publish([])
    transport.file.close()
    transport.file = FileIO("/dev/full", "wb")
    transport.send(Tag(TagType.VIDEO, 0, b"\x17\1\0\0\0", b"picture"), 40)
    await transport.close()
    assert [str(error) for error in told] == ["cannot write: No space left on device"]
    assert transport.acked == 0
