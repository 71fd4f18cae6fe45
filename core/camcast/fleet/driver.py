"""Runs one member: its actions are carried out with an engine and a coordinator, and how they went is told to it.

All on the engine's loop. A loop that is held renews no lease; then the cameras on it send nothing either, and the
kernel ends the process in time (`fence.py`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from camcast.config import CameraConfig
from camcast.config.walk import from_mapping
from camcast.coordinators import Card, ClaimNews, Coordinator, Hold, Line, News
from camcast.errors import CamcastError, Conflict, CoordinatorError, NotFound
from camcast.events import ServiceNote
from camcast.fleet.actions import Action, Bury, Pass, Put, Release, Renew, Say, Start, Stop, Take
from camcast.fleet.air import Air
from camcast.fleet.disk import Disk
from camcast.fleet.fence import now as boottime
from camcast.fleet.gaps import Gaps
from camcast.fleet.keeping import Keeping, either
from camcast.fleet.lease import RENEW
from camcast.fleet.member import Member
from camcast.fleet.reporting import Reporting
from camcast.fleet.signs import last_sign_of
from camcast.patience import ended, quiet

if TYPE_CHECKING:
    from camcast.engine import Engine

log = logging.getLogger(__name__)

TICK = 0.1
"""Seconds between two looks, at most; sooner when something is heard."""
LEAVE = 8.0
"""Seconds for leaving in order."""
END = 5.0
"""Seconds for the way to the store to end."""
END_AGAIN = 1.0
"""Seconds before a camera that could not be ended is asked again."""
LINES = 1000
"""Lines that wait for the store; of more the oldest are left out."""
TROUBLED = 50
"""Cameras that a card names."""


class Fence(Protocol):
    """See `KernelFence`."""

    def set(self, at: float | None) -> None: ...


class NoFence:
    """For members that hold their cameras whatever happens, and for tests."""

    def set(self, at: float | None) -> None:
        """Nobody is ended."""


@attrs.frozen(kw_only=True)
class Post:
    """What a member is and has, whatever it runs."""

    capacity: float
    labels: Mapping[str, str] = attrs.field(factory=dict)
    system: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    """This machine's own "system", as a configuration has it: what cameras refer to by name (uplinks) is there."""
    fleet: str = ""
    """The fleet's name, for those who look."""


class Driver:
    """One member on one engine, which has been started and has no cameras of its own. `run` it once."""

    def __init__(
        self,
        engine: Engine,
        coordinator: Coordinator,
        member: Member,
        disk: Disk,
        post: Post,
        fence: Fence,
        clock: Callable[[], float] = boottime,
    ) -> None:
        self.member = member
        self._engine = engine
        self._store = coordinator
        self._post = post
        self._fence = fence
        self._clock = clock
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: deque[Line] = deque(maxlen=LINES)
        self._air = Air(engine)
        self._gaps = Gaps()
        self._wanted: dict[int, Start] = {}
        """The last beginning of each camera that has not been followed by its end."""
        self._keeping = Keeping(disk, member)
        self.reporting = Reporting(post.fleet, member, clock)

    async def run(self, stop: asyncio.Event, end: Callable[[], Awaitable[object]]) -> None:
        """Until `stop` is set and all has been left in order; `end` stops the engine, whatever else has gone wrong.

        Until that is done the lease is renewed, and the kernel keeps it. Raises `CoordinatorError` where nothing can
        ever work, and whatever ends the coordinator's `run`.
        """
        listening = quiet(asyncio.create_task(self._store.run(self._hear), name="camcast-fleet-store"))
        sending = asyncio.create_task(self._send(), name="camcast-fleet-lines")
        keeping = asyncio.create_task(self._keeping.run(), name="camcast-fleet-disk")
        following = asyncio.create_task(self._air.follow(), name="camcast-fleet-events")
        for task in (sending, keeping, following):
            task.add_done_callback(self._done)
        try:
            try:
                await self._work(stop, listening)
            finally:
                await self._end(end)
                self._fence.set(None)
                await _farewell(self._store, self.member)
        finally:
            if await ended((listening, sending, following, *self._tasks), END):
                log.warning("Fleet: the store's plugin does not end within %g s; it is left behind", END)
            await self._keeping.end(keeping)
        if listening.done() and not listening.cancelled() and (error := listening.exception()) is not None:
            raise error
        if not stop.is_set():
            raise CoordinatorError("the store is not listened to any more: its plugin's run() has returned")

    async def _work(self, stop: asyncio.Event, listening: asyncio.Task[None]) -> None:
        left_by: float | None = None
        while not listening.done():
            now = self._clock()
            if stop.is_set():
                left_by = now + LEAVE if left_by is None else left_by
                self.member.leave()
                nobody = not self.member.store.heard and not self.member.running
                if self.member.gone or nobody or now > left_by:
                    return
            actions = self.member.step(now)
            self._guard()
            for action in actions:
                self._do(action, now)
            self._look()
            self._keeping.look()
            self._wake.clear()
            await either(self._wake, TICK)

    async def _end(self, end: Callable[[], Awaitable[object]]) -> None:
        """Stop the engine. Its cameras are this member's until they have ended, so the lease goes on."""
        ending = asyncio.ensure_future(end())
        try:
            while not ending.done():
                now = self._clock()
                if (renewal := self.member.still_here(now)) is not None:
                    self._do(renewal, now)
                self._guard()
                await asyncio.wait({ending}, timeout=TICK)
        finally:
            await ending

    def _hear(self, news: News) -> None:
        self.reporting.hear(news)
        self.member.hear(news, self._clock())
        if isinstance(news, ClaimNews):
            self._hear_claim(news)
        self._wake.set()

    def _hear_claim(self, news: ClaimNews) -> None:
        if news.holder is not None and news.holder.name != self.member.me.name:
            self._gaps.taken(news.camera_id)
        if news.camera_id in self._gaps.off and news.camera_id in self.member.claims.alone_since:
            # Whoever had its names has just ended: they need not be waited for.
            self._air.retry(news.camera_id)

    def _guard(self) -> None:
        """Have the kernel end us where something runs longer than the lease."""
        if self.member.hold is Hold.FOREVER:
            return
        if not self.member.running:
            self._fence.set(None)
        elif (at := self.member.lease.kill_at) is not None:
            self._fence.set(at)

    # --- actions --------------------------------------------------------------------------------------------

    def _do(self, action: Action, now: float) -> None:
        match action:
            case Say():
                self._say(action)
            case Start():
                self._gaps.begin(action.camera_id)
                self._wanted[action.camera_id] = action
                self._begin(self._start(action))
            case Stop():
                self._gaps.end(action.camera_id, now)
                self._wanted.pop(action.camera_id, None)
                self._begin(self._stop(action.camera_id))
            case Renew():
                self._begin(self._renew(action, now))
            case Take():
                self._begin(self._take(action))
            case Bury(name, after):
                self._begin(self._try(self._store.bury(name, after), lambda: self.member.buried(name)))
            case Release(camera_id, fence):
                self._begin(self._try(self._store.release(camera_id, fence), lambda: self.member.released(camera_id)))
            case Pass(camera_id, holder, after, giver):
                passing = self._store.claim(camera_id, holder, after, giver)
                self._begin(self._try(passing, lambda: self.member.released(camera_id)))
            case Put(desired):
                self._begin(self._try(self._store.put(desired), lambda: None))

    def _begin(self, doing: Any) -> None:
        task = asyncio.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("Fleet: internal error", exc_info=error)

    async def _renew(self, action: Renew, began: float) -> None:
        revision = None
        try:
            card = self._card(action)
            revision = await self._store.renew(card, action.after)
        except CoordinatorError as error:
            log.debug("Fleet: not renewed: %s", error)
        finally:
            if revision is None:
                self.member.not_renewed()
        if revision is not None:
            self.member.renewed(action, revision, card, began, self._clock())

    async def _take(self, action: Take) -> None:
        holder, camera_id = self.member.me, action.camera_id
        self._gaps.elsewhere(camera_id, last_sign_of(self.member, camera_id))
        fence = None
        try:
            fence = await self._store.claim(camera_id, holder, action.after)
        except CoordinatorError as error:
            log.debug("Fleet: camera %d not taken: %s", camera_id, error)
            await asyncio.sleep(TICK)
        finally:
            if fence is None:
                self.member.not_taken(camera_id)
        if fence is not None:
            self.member.taken(camera_id, holder, fence)

    async def _try(self, doing: Awaitable[object], done: Callable[[], object]) -> None:
        try:
            await doing
        except CoordinatorError as error:
            log.log(logging.DEBUG if isinstance(error, Conflict) else logging.WARNING, "Fleet: %s", error)
            # A store that says no at once is not to be asked again at once.
            await asyncio.sleep(TICK)
        finally:
            done()

    async def _start(self, action: Start) -> None:
        camera_id = action.camera_id
        written = self.member.cameras.written.get(camera_id)
        if written is None:
            return  # it is not desired any more, and so is ended
        begun = False
        try:
            config = await asyncio.to_thread(self._read, written)
            # What is to be ended in the meantime is not begun any more.
            if self._wanted.get(camera_id) is action:
                await self._engine.add_camera(config)
            begun = True
        except CamcastError as error:
            self._say(Say("cannot_run", f"cannot run here: {error}", camera_id))
        finally:
            if not begun:
                await self._removed(camera_id)
            if self._wanted.get(camera_id) is action:
                if begun:
                    self.member.running.begun(camera_id)
                else:
                    self._wanted.pop(camera_id)
                    self._gaps.end(camera_id, self._clock())
                    self.member.failed(camera_id, self._clock())

    def _read(self, written: Mapping[str, Any]) -> CameraConfig:
        config = from_mapping({"system": dict(self._post.system), "cameras": [written]}, self._engine.host)
        return config.cameras[0]

    async def _stop(self, camera_id: int) -> None:
        await self._removed(camera_id)
        self.member.stopped(camera_id)

    async def _removed(self, camera_id: int) -> None:
        """Once the engine has nothing of it any more."""
        while self._engine.cameras.get(camera_id) is not None:
            try:
                await self._engine.remove_camera(camera_id)
            except NotFound:
                return  # somebody was quicker
            except Exception as error:
                # It may be on the air still, so nobody is told that it has ended.
                internal = not isinstance(error, CamcastError)
                log.error("Fleet: camera %d cannot be ended: %s", camera_id, error, exc_info=internal)
                await asyncio.sleep(END_AGAIN)

    # --- telling --------------------------------------------------------------------------------------------

    def _card(self, action: Renew) -> Card:
        running = self.member.running
        # What it has and cannot begin counts as well: nobody else will run it.
        has = {*running, *(camera_id for camera_id, _ in self.member.claims.mine())}
        troubled = sorted(one for one in has if not running.is_ending(one) and not self._air.is_well(one))
        self._air.stir(set(troubled))
        return Card(
            holder=action.holder,
            capacity=self._post.capacity,
            labels=self._post.labels,
            leaving=self.member.leaving,
            at=time.time(),
            lease=self.member.lease.seconds,
            hold=self.member.hold,
            running=len(has),
            on_air=len(has) - len(troubled),
            troubled=tuple(troubled[:TROUBLED]),
        )

    def _look(self) -> None:
        """Tell of cameras that have come on the air, and notice those that are not any more."""
        now = self._clock()
        for camera_id in self._air.stirred():
            if not self._air.has(camera_id):
                self._gaps.lost(camera_id, now, wanted=not self._air.is_well(camera_id))
        for camera_id in self._gaps.off:
            if self._air.has(camera_id):
                text = self._gaps.came(camera_id, now, self.member.claims.alone_since.get(camera_id))
                if (giver := self.member.came(camera_id, now)) is not None:
                    text = f"on the air here, before it ends on {giver}"
                self._say(Say("on_air", text, camera_id))
        for camera_id in list(self.member.partings.offers):
            if not self._air.has(camera_id):
                self.member.partings.lost(camera_id)

    def _say(self, said: Say) -> None:
        name = self.member.me.name
        self._lines.append(Line(at=time.time(), member=name, code=said.code, text=said.text, camera_id=said.camera_id))
        message = said.text if said.camera_id is None else f"camera {said.camera_id}: {said.text}"
        self._engine.tell(ServiceNote(label="fleet", code=said.code, message=message))

    async def _send(self) -> None:
        while True:
            if not self._lines or not self.member.store.heard:
                await asyncio.sleep(TICK)
                continue
            try:
                await self._store.tell(self._lines[0])
                self._lines.popleft()
            except CoordinatorError:
                await asyncio.sleep(self.member.lease.seconds * RENEW)


async def _farewell(store: Coordinator, member: Member) -> None:
    """Say that this life is over, where leaving took too long for that: the engine has ended whatever ran."""
    name, card = member.me.name, member.roster.card(member.me.name)
    if not member.store.heard or card is None or card.holder != member.me:
        return
    try:
        async with asyncio.timeout(END):
            await store.bury(name, member.roster.revision(name))
    except (CoordinatorError, TimeoutError) as error:
        log.debug("Fleet: %s could not say that it has ended: %s", name, error)
