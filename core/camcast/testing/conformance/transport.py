"""The kit for transports.

class TestTelegraph(TransportConformance):
    kind = "telegraph"
    address = "telegraph://127.0.0.1:1837/key-{n}"
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from camcast.kinds import TransportKind
from camcast.testing.conformance import transport_faults, transport_rules, transport_stalls
from camcast.testing.conformance.attempt import Bounds, TransportBench
from camcast.testing.conformance.base import Conformance
from camcast.testing.conformance.media import Media
from camcast.testing.conformance.peers import Between, Relay
from camcast.testing.conformance.rule import Rules

RULES: Rules[TransportBench] = Rules([*transport_rules.RULES, *transport_stalls.RULES, *transport_faults.RULES])


class TransportConformance(Conformance[TransportKind]):
    """Subclass it, name the `kind`, and say where a willing peer is: `address`, or a fixture `url` that starts one.

    The URL must hold a key, and host and port of a running server, before which the kit puts peers that stall or
    break. `{n}` in it becomes another number for each attempt, for servers that hold on to names for a while;
    `{tmp}` is an empty directory.
    """

    rules = RULES
    address: ClassVar[str] = ""
    wire: ClassVar[str] = "tcp"
    """What the kit's bad peers speak: "tcp", "udp", or "" for a transport that has no peer (a file)."""
    refusing: ClassVar[str | None] = None
    """URL of a target that refuses; None = a closed port. Without a wire it must be given."""
    target: ClassVar[Mapping[str, Any]] = {}
    """More fields of the `Target`: `ca_file`, `stream_key`, …"""
    media: ClassVar[Media | None] = None
    """What is sent; None = made by installed encoders, of codecs that the target accepts."""
    by_silence: ClassVar[bool] = False
    """The protocol learns of a broken connection by silence only, as datagrams do: then it is enough that the figures
    show a standstill, by which sessions see a stall."""
    bounds: ClassVar[Bounds] = Bounds()
    """How long things may take; only `loss` is a matter of the protocol's own."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.peer = bool(cls.wire)

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        assert self.address, "give the kit a target that works: `address`, or a fixture `url` that returns its URL"
        return self.address.replace("{tmp}", str(tmp_path))

    def relay(self, url: str) -> AbstractContextManager[Between]:
        """What stands between transport and peer and can stall and break. For protocols that a relay of `wire` cannot
        stand in front of, return a peer of its own that can."""
        return Relay(url, self.wire)

    @pytest.fixture
    def bench(self, url: str) -> TransportBench:
        host = self.host()
        return TransportBench(
            host,
            host.transports[self.kind],
            url,
            wire=self.wire,
            refusing=self.refusing,
            options=self.options,
            target=self.target,
            media=self.media,
            by_silence=self.by_silence,
            bounds=self.bounds,
            relay=self.relay,
            memo=self.memo,
        )
