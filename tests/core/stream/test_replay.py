"""The squeezed group: what a player shows at once, in the right order, also with B-frames."""

from __future__ import annotations

import attrs
from hypothesis import given
from hypothesis import strategies as st
from tests.core.world import STEP, picture

from camcast.media import NS_PER_MS, NS_PER_S
from camcast.stream.replay import squeeze


def group(shown: list[int], disposable: set[int] = frozenset()) -> list:  # type: ignore[assignment]
    """Pictures in decode order with their display places."""
    return [
        attrs.evolve(picture(i, key=i == 0), dts=i * STEP, pts=p * STEP, disposable=i in disposable)
        for i, p in enumerate(shown)
    ]


def test_pictures_end_just_before_the_live_edge():
    live = 10 * STEP
    packets = squeeze(group(list(range(10))), live)
    assert [p.pts for p in packets] == [live - (10 - i) * NS_PER_MS for i in range(10)]
    assert all(p.dts <= p.pts for p in packets)
    assert [p.dts for p in packets] == sorted(p.dts for p in packets)


def test_payloads_are_shared_and_the_group_is_untouched():
    packets = group([0, 1, 2])
    replayed = squeeze(packets, 3 * STEP)
    assert all(new.payload is old.payload for new, old in zip(replayed, packets, strict=True))
    assert [p.dts for p in packets] == [0, STEP, 2 * STEP]


def test_disposable_pictures_are_left_out():
    assert len(squeeze(group([0, 3, 1, 2], disposable={2, 3}), 4 * STEP)) == 2


def test_a_picture_shown_after_the_live_edge_keeps_its_time():
    """I0 P3 (b1 b2 come next): P3 is shown after them, so it must not be squeezed before them."""
    live = 2 * STEP
    packets = squeeze(group([1, 4]), live)
    assert packets[0].pts == live - NS_PER_MS
    assert packets[1].pts == 4 * STEP


@given(st.permutations(list(range(12))), st.integers(0, 30), st.sets(st.integers(1, 11)))
def test_order_on_screen_is_kept(shown: list[int], edge: int, disposable: set[int]):
    originals = group(shown, disposable)
    live = max(edge, 1) * NS_PER_S // 25
    replayed = squeeze(originals, live)
    kept = [p for p in originals if not p.disposable or p.pts >= live]
    order = sorted(range(len(kept)), key=lambda i: kept[i].pts)
    assert order == sorted(range(len(kept)), key=lambda i: replayed[i].pts)
    assert all(p.dts <= p.pts for p in replayed)
    assert len({p.pts for p in replayed}) == len(replayed)
