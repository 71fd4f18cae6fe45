"""What libsrt's process says, as the engine tells it; and what that process does where it cannot say it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import attrs
import pytest

from camcast.errors import TransportError
from camcast.redaction import MAX_WORDS
from camcast.target import Target
from camcast_srt import serving
from camcast_srt.address import literal, pack
from camcast_srt.keeper import Keeper
from camcast_srt.library import Library, load
from camcast_srt.link import Link
from camcast_srt.making import LetGo, Speech
from camcast_srt.options import SrtOptions, settings_of
from camcast_srt.serving import serve
from camcast_srt.wire import BROKEN, ENDED, FAILED, MOST, OPENED, STATUS, STRANGER, Failure, Page, Request

TARGET = Target(url="srt://host:9000?passphrase=correct-horse", inherited=frozenset({"correct-horse"}))
ASKED = Request("caller", pack(literal("127.0.0.1", 9)), None, 1.0, "", {"payload_size": 1316})


@attrs.define(eq=False)
class Owner:
    errors: list[TransportError] = attrs.field(factory=list)
    breaks: list[str] = attrs.field(factory=list)

    def opened(self, link: Link) -> None: ...

    def failed(self, link: Link, error: TransportError) -> None:
        self.errors.append(error)

    def broken(self, link: Link, why: str) -> None:
        self.breaks.append(why)

    def writable(self) -> None: ...

    def stranger(self) -> None: ...


def link(owner: Owner) -> Link:
    return Link(cast("Keeper", None), settings_of(TARGET, SrtOptions()), owner, TARGET.shown, TARGET.words)


async def test_its_words_are_one_line_without_secrets() -> None:
    owner = Owner()
    said = "gone\x1b[2J\n correct-horse " + 400 * "x"
    link(owner)._heard(FAILED, bytes(Failure(text=said)))
    other = link(owner)
    other._heard(OPENED, b"")
    other._heard(BROKEN, said.encode())
    for text in (str(owner.errors[0]), *owner.breaks):
        assert text.isprintable()
        assert "gone" in text
        assert "horse" not in text
        assert len(text) < len(TARGET.shown) + MAX_WORDS + 10


@pytest.mark.parametrize("connected", [True, False])
async def test_the_other_side_is_suspected_only_where_there_was_one(connected: bool) -> None:
    owner = Owner()
    one = link(owner)
    if connected:
        one._heard(OPENED, b"")
    one._heard(ENDED, STATUS.pack(-signal.SIGSEGV))
    one._ended()
    (text,) = owner.breaks if connected else map(str, owner.errors)
    assert "libsrt crashed (SIGSEGV)" in text
    assert ("perhaps by what the other side sent" in text) == connected


# --- in its process -------------------------------------------------------------------------------------------------


@pytest.fixture
def page() -> Iterator[Page]:
    descriptor = Page.made()
    made = Page(descriptor)
    os.close(descriptor)
    yield made
    made.close()


@pytest.fixture
def channel() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.settimeout(20)
        yield ours, theirs


def test_a_libsrt_that_does_not_start_is_a_failed_attempt(
    page: Page, channel: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The limit would be this process's.
    monkeypatch.setattr(serving, "_limit", lambda limit: None)
    ffi = load().ffi
    lib: Any = SimpleNamespace(
        srt_startup=lambda: -1,
        srt_getlasterror=lambda where: 1,
        srt_getlasterror_str=lambda: ffi.new("char[]", b"no thread"),
    )
    ours, theirs = channel
    ours.send(bytes(ASKED))
    serve(Library(ffi, lib), theirs, page)
    said = ours.recv(MOST)
    assert said[:1] == FAILED
    assert Failure.of(said[1:]).text == "libsrt does not start: no thread"


def test_only_that_a_caller_was_turned_away_may_remain_unsaid(channel: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = channel
    theirs.setblocking(False)
    one = Speech(theirs)
    fill(theirs)
    one.say(STRANGER, may_be_left=True)
    says = threading.Thread(target=one.say, args=(BROKEN + b"why",))
    says.start()
    said = b""
    while said[:1] != BROKEN:
        said = ours.recv(MOST)
        assert said[:1] != STRANGER
    says.join(20)
    assert said == BROKEN + b"why"


def test_it_waits_for_nobody_who_has_let_go(channel: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = channel
    theirs.setblocking(False)
    fill(theirs)
    ours.shutdown(socket.SHUT_WR)
    with pytest.raises(LetGo):
        Speech(theirs).say(BROKEN + b"why")


def fill(channel: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            channel.send(b"?" * 1000)
