"""What a plugin's `check` may look at is looked at on a thread, at a deadline."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from tests.core.session.test_session import FAST, chain
from tests.core.world import World, until

from camcast.errors import NetworkError
from camcast.events import AttemptFailed, Note
from camcast.kinds import TransportKind
from camcast.session import checking
from camcast.session.checking import Checking
from camcast.session.hook_threads import HookThreads
from camcast.target import Target


@attrs.define(eq=False)
class Mount:
    """A file system whose server is gone, until it is back."""

    back: threading.Event = attrs.field(factory=threading.Event)
    asked: list[tuple[str, str]] = attrs.field(factory=list)
    """Targets that attempts go to, and the thread that asked."""

    def check(self, target: Target) -> None:
        name = threading.current_thread().name
        if name.startswith("camcast-reading"):
            return  # all was well when the configuration was read
        self.asked.append((target.url, name))
        if "dead" in target.url:
            self.back.wait(30)
        if "wrong" in target.url:
            raise ValueError("there is no file ca.pem")


@pytest.fixture
def mount(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mount]:
    made, kinds, plain = Mount(), dict[int, TransportKind](), type(world.host).transport

    def transport(self: Any, name: str, scheme: str) -> TransportKind:
        kind = plain(self, name, scheme)
        return kinds.setdefault(id(kind), attrs.evolve(kind, check=made.check))

    monkeypatch.setattr(type(world.host), "transport", transport)
    yield made
    made.back.set()


async def test_a_target_whose_check_hangs_fails_and_the_others_go_on(
    world: World, mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "DEADLINE", 0.05)
    await world.start(chain("dead", "b", retry_policy=FAST, failback_after=0.05))
    await until(lambda: world.servers.live("b"))
    failed = world.of(AttemptFailed)[0]
    assert failed.error == (
        "transport memory takes too long to check the target: does a file that it names lie on a mount whose server "
        "is gone?"
    )
    assert {name for _, name in mount.asked} == {"camcast-hook"}
    await until(lambda: len(world.of(Note)) >= 2)
    assert {note.code for note in world.of(Note)} == {"failback_failed"}
    assert [url for url, _ in mount.asked] == ["mem://dead/key-of-dead", "mem://b/key-of-b"], "tried on one thread"
    monkeypatch.setattr(checking, "DEADLINE", 10)
    mount.back.set()
    await until(lambda: world.servers.live("dead"))


async def test_what_it_says_is_raised_as_before(world: World, mount: Mount) -> None:
    await world.start(chain("wrong"))
    await until(lambda: world.of(AttemptFailed))
    assert world.of(AttemptFailed)[0].error == "there is no file ca.pem"


async def test_one_that_hangs_takes_one_thread_and_another_target_of_that_url_its_own(
    world: World, mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "DEADLINE", 0.05)
    one, kind = Checking(HookThreads(2)), world.host.transport("", "mem")
    for ca_file in (None, None, "/mnt/ca.pem", "/mnt/ca.pem"):
        with pytest.raises(TimeoutError):
            await one.of(kind, Target(url="mem://dead/key", ca_file=ca_file))
    assert len(mount.asked) == 2
    monkeypatch.setattr(checking, "DEADLINE", 10)
    mount.back.set()
    await one.of(kind, Target(url="mem://dead/key"))
    await one.of(kind, Target(url="mem://a/key"))
    assert not one._running


async def test_without_a_thread_it_is_tried_again_and_no_bug(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    environment = (await world.start(chain("a")))._environment
    assert environment is not None
    config = chain("b").targets[0]
    await until(lambda: world.servers.live("a"))
    environment.checking = Checking()
    with monkeypatch.context() as scarce:
        scarce.setattr(threading.Thread, "start", none)
        with pytest.raises(NetworkError, match="no thread can be started"):
            await environment.prepare(config, 0)
    assert (await environment.prepare(config, 0)).name == "mem://b/key-of-b"
