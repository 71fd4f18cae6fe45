"""Who watches one output: admitted, fed, seen off. On the WHIP thread.

Whatever comes from the engine is cut into RTP payloads once, for all; while nobody watches it is not cut at all. Each
viewer has a bound of its own, so one that takes nothing costs the others no picture.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from camcast.errors import MediaError, NetworkError
from camcast.media import MediaKind, Packet, Track
from camcast_kit_http.problem import Problem
from camcast_whip.names import Names
from camcast_whip.peer import local_addresses
from camcast_whip.track import payloads
from camcast_whip.whep import refusals
from camcast_whip.whep.figures import Figures
from camcast_whip.whep.group import Group, Unit
from camcast_whip.whep.offer import NothingCommon, read_fragment, read_offer
from camcast_whip.whep.options import Address, WhepOptions
from camcast_whip.whep.viewer import Viewer

_log = logging.getLogger(__name__)

KEYFRAMES_EVERY = 2.0
"""Seconds between two keyframes that are asked for, for all viewers together: each makes the stream larger for every
other output too."""
RETRY_AFTER = "5"
"""Seconds after which somebody for whom there is no room may ask again."""


class Audience:
    """Of one attempt. `keyframe_wanted` returns at once."""

    def __init__(
        self,
        address: Address,
        options: WhepOptions,
        names: Names,
        figures: Figures,
        tracks: Sequence[Track],
        *,
        family: str,
        keyframe_wanted: Callable[[], None],
        refused: Callable[[str], None],
    ) -> None:
        """`refused` is told each reason of `refusals` for which somebody may not watch."""
        self._address = address
        self._options = options
        self._names = names
        self._figures = figures
        self._tracks = tracks
        self._family = family
        self._keyframe_wanted = keyframe_wanted
        self._refused = refused
        self._loop = asyncio.get_running_loop()
        self._group = Group()
        self._viewers: dict[str, Viewer] = {}
        self._admitting = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        self._asked_at = -KEYFRAMES_EVERY
        self._closed = False

    # --- media ----------------------------------------------------------------------------------------------

    def feed(self, packet: Packet, time: int) -> None:
        """One unit, for all who watch; `time` in milliseconds."""
        self._figures.units += 1
        unit = Unit(packet, time)
        if packet.track.kind is MediaKind.VIDEO:
            self._group.add(unit)
        live = [viewer for viewer in self._viewers.values() if viewer.live]
        if live and self._cut(unit):
            for viewer in live:
                viewer.feed(unit, time)

    def _cut(self, unit: Unit) -> bool:
        """Cut a unit, if nobody has before. False: it cannot be."""
        if unit.parts is None:
            try:
                unit.parts = payloads(unit.packet, self._options.packet_size)
            except MediaError:
                self._figures.damaged_units += 1
                self._group.forget()
                return False
            self._figures.packetized_units += 1
        return True

    def _want_keyframe(self) -> None:
        self._figures.keyframe_requests += 1
        if self._loop.time() - self._asked_at >= KEYFRAMES_EVERY:
            self._asked_at = self._loop.time()
            self._keyframe_wanted()

    # --- viewers --------------------------------------------------------------------------------------------

    async def admit(self, text: str, client: str) -> tuple[str, str]:
        """(key, SDP answer) for an offer of somebody at the address `client`. Raises `Problem`."""
        self._check_open()
        if len(self._viewers) + self._admitting >= self._options.viewers:
            self._figures.refused(refusals.FULL)
            self._refused(refusals.FULL)
            raise Problem(
                503, f"{self._options.viewers} watch already, which is the limit", headers={"retry-after": RETRY_AFTER}
            )
        try:
            offer = read_offer(text, self._tracks)
        except ValueError as error:
            self._figures.refused(refusals.OFFER)
            self._refused(refusals.OFFER)
            raise Problem(
                422 if isinstance(error, NothingCommon) else 400, f"the offer cannot be used: {error}"
            ) from None
        self._admitting += 1
        try:
            servers = await self._names.servers(self._options.ice_servers)
            viewer = Viewer(
                offer,
                self._local(client),
                servers,
                self._figures,
                packet_size=self._options.packet_size,
                ended=self._ended,
                keyframe_wanted=self._want_keyframe,
            )
            try:
                answer = await viewer.answer(self._options.announce)
            except BaseException:
                await viewer.close()
                raise
        except NetworkError as error:
            raise Problem(503, str(error), headers={"retry-after": RETRY_AFTER}) from None
        finally:
            self._admitting -= 1
        if self._closed:
            await viewer.close()
            self._check_open()
        self._viewers[viewer.key] = viewer
        self._count()
        task = self._loop.create_task(self._serve(viewer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return viewer.key, answer

    def _check_open(self) -> None:
        if self._closed:
            raise Problem(503, "the stream has just gone off the air", headers={"retry-after": RETRY_AFTER})

    def _local(self, client: str) -> list[str]:
        """Addresses for media: those of the door alone, or all of the machine's. A proxy may bring those to whom
        addresses are announced."""
        here_only = self._address.here_only
        if here_only and not self._options.announce:
            return ["::1" if ":" in self._address.host else "127.0.0.1"]
        wild = here_only or self._address.host in ("0.0.0.0", "::")
        return local_addresses("" if wild else self._address.host, self._family, client)

    async def _serve(self, viewer: Viewer) -> None:
        if not await self._connected(viewer):
            if self._viewers.pop(viewer.key, None) is not None:
                self._figures.viewers_failed += 1
                self._count()
                self._see_off(viewer)
            return
        if self._viewers.get(viewer.key) is not viewer:
            return
        replay = self._group.replay()
        cut = all(self._cut(unit) for unit, _ in replay)
        self._figures.viewers_seen += 1
        viewer.begin(replay if cut else [])
        self._count()
        if not replay or not cut:
            self._want_keyframe()

    async def _connected(self, viewer: Viewer) -> bool:
        try:
            await viewer.connect()
        except NetworkError:
            return False
        except Exception:  # noqa: BLE001  what an offer may make the libraries raise must not keep a place taken
            _log.exception("WHEP: a viewer could not be connected")
            return False
        return True

    async def learn(self, key: str, text: str) -> None:
        """Candidates that come later (trickle ICE). Raises `Problem`."""
        viewer = self._viewer(key)
        try:
            username, candidates = read_fragment(text)
        except ValueError as error:
            raise Problem(400, f"the fragment cannot be used: {error}") from None
        if not await viewer.learn(username, candidates):
            raise Problem(422, "ICE restarts are not supported: end this session, and post an offer anew")

    async def dismiss(self, key: str) -> None:
        """End one viewer's session, who has asked for it. Raises `Problem`."""
        viewer = self._viewer(key)
        del self._viewers[key]
        self._count()
        await viewer.close()

    def knows(self, key: str) -> bool:
        """Whether there is this viewer."""
        return key in self._viewers

    def _viewer(self, key: str) -> Viewer:
        try:
            return self._viewers[key]
        except KeyError:
            raise Problem(404, "there is no such session, or it has ended") from None

    def _ended(self, viewer: Viewer) -> None:
        if self._viewers.pop(viewer.key, None) is not None:
            self._figures.viewers_gone += 1
            self._count()
            self._see_off(viewer)

    def _count(self) -> None:
        live = sum(viewer.live for viewer in self._viewers.values())
        self._figures.viewers, self._figures.connecting = live, len(self._viewers) - live

    def _see_off(self, viewer: Viewer) -> None:
        """Free what it has, which nobody may disturb: its sockets would stay open."""
        task = self._loop.create_task(viewer.close())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """See everybody off. Within little more than a viewer's own end."""
        self._closed = True
        viewers = list(self._viewers.values())
        self._viewers.clear()
        self._group.forget()
        for task in self._tasks:
            task.cancel()
        for viewer in viewers:
            self._see_off(viewer)
        if self._leaving:
            await asyncio.wait(self._leaving)
        self._count()
