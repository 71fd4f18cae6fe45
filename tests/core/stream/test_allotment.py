"""One budget for many outputs: what each gets, and that all together never get more."""

from __future__ import annotations

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from camcast.stream.allotment import (
    AT_ONCE,
    CHANGES,
    CLIMBS,
    HEADROOM,
    HOLD,
    MARGIN,
    MINUTE,
    Allotment,
    Claim,
    shares,
    stepped,
)

MBIT = 1e6
LOOK = 0.25


@st.composite
def claims(draw: st.DrawFn, *, steps: bool = False) -> dict[int, Claim]:
    found = {}
    for key in range(draw(st.integers(1, 8))):
        weight = draw(st.integers(1, 100))
        if steps and draw(st.booleans()):
            rates = tuple(sorted(draw(st.lists(st.floats(1e4, 2e7), min_size=1, max_size=5, unique=True))))
            found[key] = Claim(weight, rates[0], rates[-1], rates)
        else:
            least = draw(st.floats(0, 5e6))
            found[key] = Claim(weight, least, least + draw(st.floats(0, 2e7)))
    return found


budgets = st.floats(0, 1e8)


@given(budgets, claims())
def test_all_together_never_get_more_than_the_budget(budget: float, all_: dict[int, Claim]) -> None:
    assert sum(shares(budget, all_).values()) <= budget * (1 + 1e-9) + 1e-3


@given(budgets, claims())
def test_nothing_is_left_while_somebody_wants_more(budget: float, all_: dict[int, Claim]) -> None:
    wanted = sum(one.most for one in all_.values())
    assert abs(sum(shares(budget, all_).values()) - min(budget, wanted)) < 1e-3 + 1e-9 * budget


@given(budgets, claims())
def test_the_least_comes_first(budget: float, all_: dict[int, Claim]) -> None:
    given_ = shares(budget, all_)
    if sum(one.least for one in all_.values()) <= budget:
        assert all(given_[key] >= one.least - 1e-6 for key, one in all_.items())
    else:
        assert all(given_[key] <= one.least + 1e-6 for key, one in all_.items())


@given(budgets, claims())
def test_who_gets_less_than_he_wants_gets_by_weight(budget: float, all_: dict[int, Claim]) -> None:
    given_ = shares(budget, all_)
    whole = sum(one.least for one in all_.values()) <= budget
    levels = []
    for key, one in all_.items():
        low, high = (one.least, one.most) if whole else (0.0, one.least)
        if low + 1 < given_[key] < high - 1:
            levels.append(given_[key] / one.weight)
    assert not levels or max(levels) - min(levels) <= 1e-6 * max(levels)


@given(budgets, st.floats(0, 1e7), claims())
def test_more_to_divide_is_less_for_nobody(budget: float, more: float, all_: dict[int, Claim]) -> None:
    before, after = shares(budget, all_), shares(budget + more, all_)
    assert all(after[key] >= before[key] - 1e-3 for key in all_)


@given(budgets, st.integers(1, 50), claims())
def test_more_weight_is_never_less(budget: float, more: int, all_: dict[int, Claim]) -> None:
    heavier = {**all_, 0: attrs.evolve(all_[0], weight=all_[0].weight + more)}
    assert shares(budget, heavier)[0] >= shares(budget, all_)[0] - 1e-3


@given(st.floats(1e4, 1e8), claims())
def test_nobody_who_wants_something_gets_nothing(budget: float, all_: dict[int, Claim]) -> None:
    given_ = shares(budget, all_)
    whole = sum(one.least for one in all_.values()) < budget
    for key, one in all_.items():
        if (one.most if whole else one.least) > 1:
            assert given_[key] > 0


@given(budgets, claims(steps=True))
def test_with_steps_too_it_is_never_more(budget: float, all_: dict[int, Claim]) -> None:
    given_ = stepped(budget, all_)
    firsts = sum(one.steps[0] for one in all_.values() if one.steps)
    assert sum(given_.values()) <= max(budget, firsts) * (1 + 1e-9) + 1e-3
    for key, one in all_.items():
        assert not one.steps or given_[key] in one.steps


def test_the_less_important_adapt_first() -> None:
    all_ = {key: Claim(100 if key == "gate" else 10, 0.5 * MBIT, 4 * MBIT) for key in ("gate", "a", "b", "c")}
    for budget, gate in ((16, 4.0), (12, 4.0), (7, 4.0), (5.5, 4.0), (3.5, 2.0), (2.2, 0.7)):
        given_ = shares(budget * MBIT, all_)
        assert abs(given_["gate"] - gate * MBIT) < 1
        assert given_["a"] == given_["b"] == given_["c"]


def test_what_a_step_leaves_goes_to_whom_it_lifts() -> None:
    steps = (0.5 * MBIT, 3 * MBIT)
    all_ = {key: Claim(weight, steps[0], steps[1], steps) for key, weight in (("gate", 100), ("a", 10), ("b", 10))}
    assert stepped(6 * MBIT, all_) == {"gate": 3 * MBIT, "a": 0.5 * MBIT, "b": 0.5 * MBIT}
    lifted = stepped(7 * MBIT, all_)
    assert lifted["gate"] == 3 * MBIT
    assert sorted(lifted.values()) == [0.5 * MBIT, 3 * MBIT, 3 * MBIT]


def test_an_encoder_beside_takes_what_a_step_cannot() -> None:
    steps = (0.5 * MBIT, 3 * MBIT)
    all_ = {"copied": Claim(10, steps[0], steps[1], steps), "encoded": Claim(10, 0.5 * MBIT, 4 * MBIT)}
    assert stepped(4 * MBIT, all_) == {"copied": 0.5 * MBIT, "encoded": 3.5 * MBIT}


# --- as time goes by -------------------------------------------------------------------------------------------


def play(allotment: Allotment[str], now: float, seconds: float, budget: float, all_: dict[str, Claim]) -> float:
    for _ in range(round(seconds / LOOK)):
        allotment.look(now, budget, all_)
        now += LOOK
    return now


def test_down_is_at_once_and_up_after_a_while() -> None:
    allotment: Allotment[str] = Allotment()
    all_ = {"a": Claim(10, 0.5 * MBIT, 4 * MBIT), "b": Claim(10, 0.5 * MBIT, 4 * MBIT)}
    now = play(allotment, 0, 1, 20 * MBIT, all_)
    assert allotment.given == {"a": 4 * MBIT, "b": 4 * MBIT}
    now = play(allotment, now, LOOK, 4 * MBIT, all_)
    assert sum(allotment.given.values()) <= 4 * HEADROOM * MBIT
    low = dict(allotment.given)
    now = play(allotment, now, HOLD, 20 * MBIT, all_)
    assert allotment.given == low
    play(allotment, now, 2 * LOOK, 20 * MBIT, all_)
    assert allotment.given == {"a": 4 * MBIT, "b": 4 * MBIT}


def test_one_that_comes_gets_its_part_and_one_that_goes_leaves_it() -> None:
    allotment: Allotment[str] = Allotment()
    one = Claim(10, 0.5 * MBIT, 4 * MBIT)
    now = play(allotment, 0, 1, 4 * MBIT, {"a": one})
    alone = allotment.given["a"]
    now = play(allotment, now, LOOK, 4 * MBIT, {"a": one, "b": one})
    assert allotment.given["a"] == allotment.given["b"] == alone / 2
    play(allotment, now, HOLD + 2 * LOOK, 4 * MBIT, {"a": one})
    assert allotment.given == {"a": alone}


def test_what_was_sent_above_the_budget_is_made_good() -> None:
    allotment: Allotment[str] = Allotment()
    all_ = {"a": Claim(10, 0.1 * MBIT, 4 * MBIT)}
    allotment.look(0, 2 * MBIT, all_)
    before = allotment.given["a"]
    # A replay: as much as two seconds of the budget in one.
    allotment.look(1, 2 * MBIT, all_, sent=4 * MBIT)
    assert allotment.given["a"] == before - 2 * MBIT * AT_ONCE
    now = 1.0
    while allotment.excess > 0 and now < 10:
        now += LOOK
        allotment.look(now, 2 * MBIT, all_, sent=allotment.given["a"] * LOOK)
    assert now < 1 + 2 / AT_ONCE
    for _ in range(round(2 * HOLD / LOOK)):
        now += LOOK
        allotment.look(now, 2 * MBIT, all_, sent=allotment.given["a"] * LOOK)
    assert allotment.given["a"] > 0.95 * before


def test_keyframes_are_no_excess() -> None:
    allotment: Allotment[str] = Allotment()
    all_ = {"a": Claim(10, 0.1 * MBIT, 4 * MBIT)}
    allotment.look(0, 2 * MBIT, all_)
    before = allotment.given["a"]
    # Every two seconds a quarter of what they take in all, at nine tenths of the budget.
    whole = 0.9 * 2 * MBIT * 2
    for number in range(1, 81):
        sent = whole / 4 + whole * 3 / 32 if not number % 8 else whole * 3 / 32
        allotment.look(number * LOOK, 2 * MBIT, all_, sent=sent)
        assert allotment.given["a"] == before


def test_what_passes_makes_nobody_take_a_step() -> None:
    allotment: Allotment[str] = Allotment()
    steps = (0.5 * MBIT, MBIT)
    all_ = {"copied": Claim(20, steps[0], steps[1], steps), "encoded": Claim(10, 0.2 * MBIT, 4 * MBIT)}
    allotment.look(0, 2 * MBIT, all_)
    allotment.look(1, 2 * MBIT, all_, sent=9 * MBIT)
    assert allotment.given["copied"] == MBIT
    assert round(allotment.given["encoded"]) == round((2 * HEADROOM - 1 - 2 * AT_ONCE) * MBIT)
    assert allotment.step("copied") == 1
    assert allotment.step("encoded") is None


def test_a_rate_that_wavers_takes_no_step_back_and_forth() -> None:
    allotment: Allotment[str] = Allotment()

    def all_(rate: float) -> dict[str, Claim]:
        steps = (0.5 * MBIT, rate)
        return {key: Claim(10, steps[0], steps[1], steps) for key in ("a", "b")}

    budget = 6 * MBIT / HEADROOM
    now = play(allotment, 0, 1, budget, all_(3 * MBIT))
    assert allotment.given == {"a": 3 * MBIT, "b": 3 * MBIT}
    now = play(allotment, now, LOOK, budget, all_(3.01 * MBIT))
    assert sorted(allotment.given.values()) == [0.5 * MBIT, 3.01 * MBIT]
    steady = {key: rate > MBIT for key, rate in allotment.given.items()}
    for _ in range(20):
        for rate in (2.99, 3.01, 3.2, 2.8):
            now = play(allotment, now, 1, budget, all_(rate * MBIT))
            assert {key: one > MBIT for key, one in allotment.given.items()} == steady
    play(allotment, now, HOLD + 2 * LOOK, budget, all_(3 * MBIT / MARGIN / 1.01))
    assert min(allotment.given.values()) > MBIT


@st.composite
def another_rung(draw: st.DrawFn) -> tuple[dict[str, Claim], dict[str, Claim]]:
    """The same outputs, before and after one of them was given another rung below its best."""
    found = {}
    for key in "abc":
        rates = tuple(sorted(draw(st.lists(st.integers(10, 99), min_size=1, max_size=4, unique=True))))
        names = tuple(str(rate) for rate in rates)
        found[key] = Claim(10, rates[0] * MBIT, rates[-1] * MBIT, tuple(rate * MBIT for rate in rates), names)
    old = found["a"]
    rate = draw(st.floats(0.1, old.most / MBIT - 0.1)) * MBIT
    where = sum(step < rate for step in old.steps)
    steps, names = (*old.steps[:where], rate, *old.steps[where:]), (*old.names[:where], "new", *old.names[where:])
    return found, {**found, "a": Claim(10, steps[0], steps[-1], steps, names)}


@given(another_rung(), st.booleans())
def test_another_rung_moves_nobody_while_all_fits(both: tuple[dict[str, Claim], dict[str, Claim]], named: bool) -> None:
    if not named:
        first, second = ({key: attrs.evolve(one, names=()) for key, one in all_.items()} for all_ in both)
        both = first, second
    before, after = both
    allotment: Allotment[str] = Allotment()
    now = play(allotment, 0, 1, 320 * MBIT, before)
    given_ = dict(allotment.given)
    assert given_ == {key: one.most for key, one in before.items()}
    now = play(allotment, now, LOOK, 320 * MBIT, after)
    assert allotment.given == given_
    assert allotment.step("a") == len(after["a"].steps) - 1
    play(allotment, now, LOOK, 320 * MBIT, before)
    assert allotment.given == given_


def test_a_rung_is_known_again_by_its_name() -> None:
    allotment: Allotment[str] = Allotment()
    both = Claim(10, 0.5 * MBIT, 3 * MBIT, (0.5 * MBIT, 3 * MBIT), ("sub", ""))
    play(allotment, 0, 1, 2 * MBIT, {"a": both})
    assert (allotment.step("a"), allotment.name("a")) == (0, "sub")
    three = Claim(10, 0.1 * MBIT, 3 * MBIT, (0.1 * MBIT, 0.5 * MBIT, 3 * MBIT), ("tiny", "sub", ""))
    play(allotment, 1, LOOK, 50 * MBIT, {"a": three})
    assert (allotment.step("a"), allotment.name("a")) == (1, "sub"), "up after a while only"


@given(st.lists(st.tuples(st.floats(1e5, 2e7), claims(steps=True)), min_size=1, max_size=12))
def test_whatever_comes_the_sum_stays_below_the_budget(looks: list[tuple[float, dict[int, Claim]]]) -> None:
    allotment: Allotment[int] = Allotment()
    for number, (budget, all_) in enumerate(looks):
        allotment.look(number * LOOK, budget, all_)
        firsts = sum(one.steps[0] for one in all_.values() if one.steps)
        assert set(allotment.given) == set(all_)
        assert sum(allotment.given.values()) <= max(budget, firsts) * (1 + 1e-6) + 1


# --- how often it changes --------------------------------------------------------------------------------------


class Watched:
    """An allotment, and when each output's part changed."""

    def __init__(self, all_: dict[int, Claim]) -> None:
        self.allotment: Allotment[int] = Allotment()
        self.claims, self.now = all_, 0.0
        self.before: dict[int, float] = {}
        self.times: dict[int, list[float]] = {key: [] for key in all_}

    def play(self, budget: float, looks: int) -> None:
        for _ in range(looks):
            given_ = dict(self.allotment.look(self.now, budget, self.claims))
            for key, times in self.times.items():
                if self.before and given_[key] != self.before[key]:
                    times.append(self.now)
            self.before = given_
            self.now += LOOK

    def most_in_a_minute(self) -> int:
        return max(
            (sum(end - MINUTE < time <= end for time in times) for times in self.times.values() for end in times),
            default=0,
        )


def enough(all_: dict[int, Claim]) -> float:
    """The least of all."""
    return sum(one.least for one in all_.values()) / HEADROOM + 1


@settings(max_examples=40)
@given(claims(steps=True), st.lists(st.tuples(st.floats(1, 12), st.integers(1, 12)), min_size=20, max_size=60))
def test_no_output_changes_more_often_in_a_minute_than_is_stated(
    all_: dict[int, Claim], swings: list[tuple[float, int]]
) -> None:
    watched = Watched(all_)
    for factor, looks in swings:
        watched.play(enough(all_) * factor, looks)
        if all(not one.steps for one in all_.values()):
            assert sum(watched.before.values()) <= enough(all_) * factor * (1 + 1e-9), "and never more than there is"
    assert watched.most_in_a_minute() <= CHANGES


def swing(watched: Watched, high: float, low: float, seconds: float) -> None:
    """As fast as can be: up for as long as it takes to be had, and down."""
    until = watched.now + seconds
    while watched.now < until:
        watched.play(high * MBIT, round(HOLD / LOOK) + 2)
        watched.play(low * MBIT, 1)


def test_a_budget_that_swings_for_minutes_changes_nobody_for_ever_and_all_is_had_when_it_stands() -> None:
    steps = (0.5 * MBIT, 2 * MBIT, 4 * MBIT)
    watched = Watched({0: Claim(10, 0.5 * MBIT, 4 * MBIT), 1: Claim(10, steps[0], steps[-1], steps)})
    swing(watched, 12, 3, 240)
    assert CLIMBS <= watched.most_in_a_minute() <= CHANGES
    watched.play(12 * MBIT, round((MINUTE + 2 * HOLD) / LOOK))
    assert watched.before == {0: 4 * MBIT, 1: 4 * MBIT}


def test_a_budget_that_falls_little_by_little_ends_at_the_least() -> None:
    watched = Watched({0: Claim(10, 0.5 * MBIT, 8 * MBIT)})
    for number in range(55):
        watched.play(max(0.6, 8 * 0.95**number) * MBIT, round(1 / LOOK))
    assert watched.most_in_a_minute() == CHANGES
    assert watched.before == {0: 0.5 * MBIT}


def test_nobody_goes_past_who_is_more_important_and_was_changed_too_often() -> None:
    watched = Watched({0: Claim(100, 0.5 * MBIT, 4 * MBIT), 1: Claim(10, 0.5 * MBIT, 4 * MBIT)})
    swing(watched, 4, 2, 50)
    assert len(watched.times[0]) >= CLIMBS
    held = watched.before[0]
    watched.play(12 * MBIT, round(2 * HOLD / LOOK))
    assert watched.before == {0: held, 1: 0.5 * MBIT}, "what the other takes first was never left"
    watched.play(12 * MBIT, round(MINUTE / LOOK))
    assert watched.before == {0: 4 * MBIT, 1: 4 * MBIT}


def test_who_was_cut_below_his_least_comes_back_to_it_however_often_it_changed() -> None:
    watched = Watched({0: Claim(10, 1 * MBIT, 4 * MBIT)})
    swing(watched, 6, 1.2, 40)
    assert len(watched.times[0]) >= CLIMBS
    watched.play(0.5 * MBIT, 4)
    assert watched.before[0] <= 0.5 * MBIT, "the budget comes first"
    watched.play(6 * MBIT, round(2 * HOLD / LOOK))
    assert watched.before[0] >= 1 * MBIT
