"""The text of a page is the library's own, whatever changes from one page to the next."""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
import pytest
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from tests.plugins.test_prometheus import session, site, stats

from camcast.camera.stats import Stats
from camcast_prometheus.exposition import Exposition
from camcast_prometheus.families import Page
from camcast_prometheus.monotonic import Monotonic

FORMS = (
    "",
    "text/plain;version=1.0.0;escaping=allow-utf-8",
    "application/openmetrics-text",
    "application/openmetrics-text;version=1.0.0;escaping=underscores",
)


@pytest.fixture(params=FORMS)
def encode(request: pytest.FixtureRequest) -> Callable[[Collector], bytes]:
    encoder, _ = choose_encoder(request.param)
    return encoder


def page(now: Stats, name: str = "gate") -> Page:
    return Page(now, {0: name}, "1.2", Monotonic(), site())


def test_it_is_what_the_library_writes(encode: Callable[[Collector], bytes]) -> None:
    form = Exposition(encode)
    odd = session(label='cam0_"x"\n\\', dropped={"video: link \\ \n behind": 3})
    pages = [
        stats(session(bytes_sent=5, bitrate=1e9, lag=math.inf, fps=0.1)),
        stats(session(bytes_sent=7, bitrate=12345678.5, lag=math.nan, fps=-1e-9)),
        stats(odd),
        stats(),
        stats(odd, session(transport={"rtt_ms": 1e16})),
    ]
    for number, now in enumerate(pages):
        for name in ("gate", f"G\u00e4te {number}"):
            assert form.text(page(now, name).families()) == encode(page(now, name)), (number, name)


def test_what_is_gone_is_not_kept(encode: Callable[[Collector], bytes]) -> None:
    form = Exposition(encode)
    form.text(page(stats(*[attrs.evolve(session(), label=f"one {number}") for number in range(9)])).families())
    most = len(form._labels)
    form.text(page(stats()).families())
    assert 0 < len(form._labels) < most / 3
