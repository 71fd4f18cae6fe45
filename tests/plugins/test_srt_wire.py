"""What the engine and libsrt's processes say to each other is read as a peer's words are."""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from camcast_srt.address import literal, pack
from camcast_srt.wire import LIBRARYS, Failure, Figures, Page, Request

SOME = Figures._make((*range(1, 18), 1.5, 2.5, 3.5))


@pytest.fixture
def pages() -> Iterator[tuple[Page, Page]]:
    """The same one, as two processes have it."""
    descriptor = Page.made()
    one, other = Page(descriptor), Page(descriptor)
    os.close(descriptor)
    yield one, other
    one.close()
    other.close()


def test_a_request_arrives_as_it_was() -> None:
    asked = Request(
        mode="caller",
        target=pack(literal("::1", 9000)),
        local=None,
        timeout=2.5,
        streamid="#!::r=ä",
        options={"latency": 120, "passphrase": "correct-horse", "tlpktdrop": False},
    )
    assert Request.of(bytes(asked)) == asked
    assert "correct-horse" not in repr(asked)
    assert "r=ä" not in repr(asked)


def test_what_is_written_is_read(pages: tuple[Page, Page]) -> None:
    writes, reads = pages
    assert reads.read() is None, "nothing was written yet"
    writes.write(SOME)
    assert reads.read() == SOME
    assert Figures._fields[: -len(LIBRARYS)] == ("taken", "held", "peer_latency", "peer_version")


@given(at=st.integers(0, 147), byte=st.integers(1, 255))
def test_a_page_that_is_half_written_is_no_page(at: int, byte: int) -> None:
    descriptor = Page.made()
    with mmap.mmap(descriptor, mmap.PAGESIZE) as raw:
        page = Page(descriptor)
        os.close(descriptor)
        page.write(SOME)
        raw[at] ^= byte
        assert page.read() is None
        page.close()


@pytest.mark.parametrize(
    "nonsense",
    [SOME._replace(taken=-1), SOME._replace(msRTT=math.nan), SOME._replace(mbpsSendRate=math.inf)],
    ids=["negative", "nan", "inf"],
)
def test_figures_that_are_none_are_not_taken(pages: tuple[Page, Page], nonsense: Figures) -> None:
    writes, reads = pages
    writes.write(nonsense)
    assert reads.read() is None


def test_a_page_cannot_be_taken_away_from_who_reads_it() -> None:
    descriptor = Page.made()
    with pytest.raises(PermissionError):
        os.ftruncate(descriptor, 0)
    os.close(descriptor)


def test_a_failure_arrives_as_it_was() -> None:
    for one in (Failure(reason=10), Failure(text="cannot bind"), Failure(text="no such option", misconfigured=True)):
        assert Failure.of(bytes(one)) == one


@given(
    st.binary(max_size=200) | st.sampled_from([b"[]", b"{}", b'{"reason": "x", "text": 1, "misconfigured": 0}', b"1"])
)
@example(b'{"reason": Infinity, "text": "", "misconfigured": false}')
@example(b'{"reason": NaN, "text": "", "misconfigured": false}')
@example(b'{"reason": -1, "text": "", "misconfigured": false}')
@example(b'{"reason": 1e400, "text": "", "misconfigured": false}')
@example(b'{"reason": %d, "text": "", "misconfigured": false}' % (1 << 40))
@example(b'{"reason": null, "text": [[]], "misconfigured": false}')
@example(b"[" * 100_000)
def test_any_words_are_a_failure(said: bytes) -> None:
    assert Failure.of(said) == Failure(text="libsrt's process does not say why")


def test_a_count_that_is_half_written_is_not_taken() -> None:
    """A number is made nothing first, and then written."""
    descriptor = Page.made()
    writes, reads = Page(descriptor), Page(descriptor)
    with mmap.mmap(descriptor, mmap.PAGESIZE) as raw:
        os.close(descriptor)
        writes.take(0x1FFFF)
        assert reads.taken == 0x1FFFF
        for half in (bytes(8), b"\0\0\1" + bytes(5)):
            raw[1024:1032] = half
            assert reads.taken == 0x1FFFF
        writes.take(0x20000)
        assert reads.taken == 0x20000
    writes.close()
    reads.close()
