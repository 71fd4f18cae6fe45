"""The renditions of one stream: made for the first who wants one, shared, and kept for a while after the last."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Protocol

from camcast.encode.transcoders import Transcoders
from camcast.errors import CamcastError, MediaError, PluginError
from camcast.host import PluginHost
from camcast.media import MediaKind, Packet, Track
from camcast.native.states import RenditionsState
from camcast.stream.negotiation import RenditionKey
from camcast.stream.present import Present
from camcast.stream.rendition import Rendition, RenditionUser

log = logging.getLogger(__name__)

LINGER = 5.0
"""Seconds that a rendition outlives its last user: whoever reconnects finds its encoder and group still there."""


class RenditionsOwner(Protocol):
    """The stream that renditions are made of: its feed."""

    @property
    def offers(self) -> tuple[Track, ...]:
        """The tracks that a rendition may copy or transcode."""

    def wanted(self) -> None:
        """A rendition is about to begin: whatever it is made of must run."""

    def unwanted(self) -> None:
        """There is none any more."""

    def rendition_failed(self, text: str) -> None:
        """One has failed; its users are told next."""


class Renditions(RenditionsState):
    """All of one stream, by key. All calls on the loop."""

    def __init__(
        self, host: PluginHost, transcoders: Transcoders, present: Present, bitrate: int, owner: RenditionsOwner
    ) -> None:
        """`bitrate`: bit/s for a picture that is transcoded, unless whoever acquires it says otherwise; 0 = any."""
        self.all: tuple[Rendition, ...] = ()
        """Those that take packets now."""
        self._host = host
        self._transcoders = transcoders
        self._present = present
        self._bitrate = bitrate
        self._owner = owner
        self._by_key: dict[RenditionKey, Rendition] = {}
        self._users: tuple[RenditionUser, ...] = ()
        """Of those that are gone as well, until they are released."""
        self._leaving: dict[RenditionKey, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self.all)

    def adopt(self, bitrate: int) -> None:
        """The same as `bitrate` of the initialiser, for what is made from now on."""
        self._bitrate = bitrate

    def acquire(self, key: RenditionKey, user: RenditionUser, bitrate: int = 0) -> Rendition:
        """The rendition for `key`, started if need be; give it back with `release`. Raises `CamcastError`."""
        rendition = self._by_key.get(key)
        if rendition is None:
            rendition = self._make(key, bitrate or self._bitrate)
        if key in self._leaving:
            self._leaving.pop(key).cancel()
        rendition.users = (*rendition.users, user)
        self._users = (*self._users, user)
        return rendition

    def release(self, rendition: Rendition, user: RenditionUser) -> None:
        """One user less; `LINGER` after the last one the rendition stops."""
        rendition.users = tuple(other for other in rendition.users if other is not user)
        self._users = tuple(other for other in self._users if other is not user)
        if not rendition.users and self._by_key.get(rendition.key) is rendition:
            self._leaving[rendition.key] = asyncio.get_running_loop().call_later(LINGER, self._drop, rendition)

    def keep_fitting(self, codecs: Mapping[MediaKind, str]) -> None:
        """Let go of those that copy tracks which are of another codec now."""
        for rendition in self.all:
            if not rendition.fits(codecs):
                self._drop(rendition)

    def tell_tracks(self) -> None:
        """The stream's tracks are others now: every user looks whether its rendition is still the right one."""
        for user in self._users:
            user.tracks_changed()

    def packet(self, rendition: Rendition, packet: Packet) -> None:
        """Have one of them take a packet of the stream, on the hub's timeline."""
        try:
            rendition.packet(packet)
        except CamcastError as error:
            self.failed(rendition, error)

    def fail_all(self, error: CamcastError) -> None:
        """Nothing more comes for any of them."""
        for rendition in self.all:
            self.failed(rendition, error)

    def close(self) -> None:
        """Stop all."""
        for timer in self._leaving.values():
            timer.cancel()
        self._leaving.clear()
        for rendition in self.all:
            rendition.close()
        self._by_key.clear()
        self.all = ()

    # --- what a rendition tells -----------------------------------------------------------------------------

    def failed(self, rendition: Rendition, error: CamcastError) -> None:
        """It can take nothing more."""
        log.debug("Rendition %s failed: %s", rendition.key, error)
        if self._by_key.get(rendition.key) is rendition:
            self._owner.rendition_failed(str(error))
            # What it is for the source's side is no matter here; whose bug it is stays known.
            rendition.fail(error if isinstance(error, PluginError) else MediaError(str(error)))
            self._drop(rendition)

    def outdated(self, rendition: Rendition) -> None:
        """A track has come for which it is too late."""
        if self._by_key.get(rendition.key) is rendition:
            self._drop(rendition)
            self.tell_tracks()

    # --- inside ---------------------------------------------------------------------------------------------

    def _make(self, key: RenditionKey, bitrate: int) -> Rendition:
        rendition = Rendition(key, self._owner.offers, self._host, self._transcoders, self)
        self._by_key[key] = rendition
        self.all = tuple(self._by_key.values())
        try:
            self._owner.wanted()
            rendition.begin(self._present, bitrate)
        except CamcastError as error:
            self.failed(rendition, error)
            raise
        return rendition

    def _drop(self, rendition: Rendition) -> None:
        del self._by_key[rendition.key]
        if rendition.key in self._leaving:
            self._leaving.pop(rendition.key).cancel()
        self.all = tuple(self._by_key.values())
        rendition.close()
        if not self.all:
            self._owner.unwanted()
