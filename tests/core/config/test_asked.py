"""Calls of plugins while a configuration is read: bounded in time, each and altogether."""

from __future__ import annotations

import threading
import time

import pytest

from camcast.config import asked
from camcast.config.asked import Patience


def test_an_answer_and_what_is_raised_come_back() -> None:
    patience = Patience("test")
    assert patience.within("it", lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        patience.within("it", lambda: 1 // 0)


def test_what_would_end_the_program_is_an_error_like_any_other() -> None:
    def leaves() -> None:
        raise SystemExit(3)

    with pytest.raises(RuntimeError, match="it raised SystemExit"):
        Patience("test").within("it", leaves)


def test_calls_that_hang_take_so_long_altogether_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "DEADLINE", 0.2)
    monkeypatch.setattr(asked, "WASTED", 0.3)
    monkeypatch.setattr(asked, "SHORT", 0.05)
    patience, release, told = Patience("test"), threading.Event(), []
    began = time.monotonic()
    for number in range(4):
        with pytest.raises(TimeoutError) as caught:
            patience.within(f"call {number}", release.wait)
        told.append(str(caught.value))
    took = time.monotonic() - began
    release.set()
    after = ", after 0.3 s in which others gave none"
    waits = ("0.2 s", f"0.1 s{after}", f"0.05 s{after}", f"0.05 s{after}")
    assert told == [f"call {number}: no answer within {wait}" for number, wait in enumerate(waits)]
    assert 0.4 <= took < 10
    monkeypatch.setattr(asked, "SHORT", 10.0)
    assert patience.within("one that answers", lambda: 7) == 7
