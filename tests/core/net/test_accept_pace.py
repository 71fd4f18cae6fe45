"""When accepting rests, and for how long: by how many came, and by what their handshakes took."""

from __future__ import annotations

from typing import Any

from camcast.net.accept_pace import AT_ONCE, LONGEST, REST, SHARE, AcceptPace


class Context:
    spent = 0.0


def test_it_rests_behind_each_few_however_they_are_counted() -> None:
    pace = AcceptPace(None)
    assert [pace.rest() for _ in range(2 * AT_ONCE)] == 2 * [*[0.0] * (AT_ONCE - 1), REST]
    assert [pace.rest(AT_ONCE - 1), pace.rest(3), pace.rest()] == [0.0, REST, 0.0]


def test_handshakes_have_a_tenth_and_what_they_cost_lets_nobody_else_in_sooner() -> None:
    context: Any = Context()
    pace = AcceptPace(context)
    rests = []
    for spent in (0.001, 0.001, 0.004, 5.0):
        context.spent = spent
        rests.append(pace.rest())
    assert rests == [SHARE * 0.001, 0.0, SHARE * (0.004 - 0.001), LONGEST]
    # Cheap ones do not make the next sixteen free.
    assert [pace.rest() for _ in range(AT_ONCE - 4)][-1] == REST
