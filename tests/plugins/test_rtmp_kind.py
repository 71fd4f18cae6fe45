"""What the plugin announces, found as anybody's plugin is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from camcast.errors import ConfigError
from camcast.host import PluginHost
from camcast_rtmp.options import RtmpOptions


@pytest.fixture(scope="module")
def host() -> PluginHost:
    return PluginHost(allow=["rtmp"])


@pytest.mark.parametrize("scheme", ["rtmp", "rtmps"])
def test_it_owns_its_schemes(host: PluginHost, scheme: str) -> None:
    assert host.transport("", scheme).name == scheme


def test_options_are_checked(host: PluginHost) -> None:
    kind = host.transport("", "rtmp")
    found = host.structure_options(kind, {"announce": "list", "connect": {"a": 1, "b": "x", "c": True}}, "o")
    assert found == RtmpOptions(announce="list", connect={"a": 1, "b": "x", "c": True})
    for bad, text in (
        ({"chunk_size": 5}, "must be >= 128"),
        ({"announce": "loudly"}, "o.announce"),
        ({"chunksize": 4096}, "o.chunksize: unknown key"),
        ({"connect": {"a": [1]}}, "o.connect"),
    ):
        with pytest.raises(ConfigError, match=text):
            host.structure_options(kind, bad, "o")


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import camcast_rtmp, sys; camcast_rtmp.camcast_transports(); "
        "print('camcast_rtmp.driver' in sys.modules, 'av' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30).stdout
    assert out.split() == ["False", "False"]
