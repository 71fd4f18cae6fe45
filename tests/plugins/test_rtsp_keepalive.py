"""Which signs of life a camera is given, and what is learnt of them."""

from __future__ import annotations

from camcast_rtsp.keepalive import KeepAlive


def test_two_requests_take_turns() -> None:
    keepalive = KeepAlive("OPTIONS, GET_PARAMETER, SET_PARAMETER", {})
    assert [keepalive.next(0) for _ in range(4)] == ["GET_PARAMETER", "OPTIONS"] * 2


def test_one_answer_that_is_missed_proves_nothing_two_in_a_row_do() -> None:
    known: dict[str, str] = {}
    keepalive = KeepAlive("GET_PARAMETER", known)
    assert not keepalive.not_answered("GET_PARAMETER")
    keepalive.answered("GET_PARAMETER")
    assert not keepalive.not_answered("GET_PARAMETER")
    assert not known
    assert keepalive.not_answered("GET_PARAMETER")
    assert not keepalive.not_answered("GET_PARAMETER"), "it is told once"
    assert KeepAlive("GET_PARAMETER", known).next(0) == "OPTIONS"


def test_each_request_is_judged_by_itself() -> None:
    known: dict[str, str] = {}
    keepalive = KeepAlive("GET_PARAMETER", known)
    assert not keepalive.not_answered("GET_PARAMETER")
    assert not keepalive.not_answered("OPTIONS")
    assert not known
