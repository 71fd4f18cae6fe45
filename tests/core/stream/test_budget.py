"""What a link that many outputs share is found to bear, by what all of them see."""

from __future__ import annotations

import attrs

from camcast.stream.allotment import Allotment, Claim
from camcast.stream.budget import FRESH, Budget
from camcast.stream.observed import Reading
from camcast.stream.regulator import BEHIND, LOOK

MBIT = 1e6


@attrs.define
class Output:
    """One that sends what it is given; its server may be late by itself."""

    claim: Claim
    trip: float
    rate: float = 0.0
    own: float = 0.0
    """Seconds by which its server is late."""
    given: float = 0.0
    acked: float = 0.0
    drops: int = 0


@attrs.define
class World:
    """Outputs over one link with one queue."""

    bears: float
    outputs: dict[str, Output]
    budget: Budget[str] = attrs.field(factory=Budget)
    allotment: Allotment[str] = attrs.field(factory=Allotment)
    now: float = 0.0
    waits: float = 0.0
    """Bits in the queue."""
    reasons: list[str] = attrs.field(factory=list)

    def play(self, seconds: float) -> None:
        for _ in range(round(seconds / LOOK)):
            self.look()

    def look(self) -> None:
        self.now += LOOK
        outputs = self.outputs.values()
        sent = sum(one.rate for one in outputs) * LOOK
        gone = min(self.waits + sent, self.bears * LOOK)
        before = self.waits
        self.waits = before + sent - gone
        late = self.waits / self.bears
        for one in outputs:
            one.given += one.rate / 8 * LOOK
            one.acked += (one.given - one.acked) * gone / (before + sent) if before + sent else 0.0
        readings = {
            key: Reading(
                self.now,
                int(one.given),
                int(one.acked),
                one.trip + late + one.own,
                max(late + one.own, 0.01),
                one.drops,
            )
            for key, one in self.outputs.items()
        }
        change = self.budget.read(self.now, readings)
        if change is not None:
            self.reasons.append(change.reason)
        claims = {key: one.claim for key, one in self.outputs.items()}
        in_steps = any(one.claim.steps and one.rate < one.claim.most for one in outputs)
        least, most = (sum(getattr(one, what) for one in claims.values()) for what in ("least", "most"))
        self.budget.want(least, most, in_steps=in_steps)
        for key, rate in self.allotment.look(self.now, self.budget.now, claims, sent).items():
            self.outputs[key].rate = rate

    @property
    def sent(self) -> float:
        return sum(one.rate for one in self.outputs.values())


def world(bears: float, limit: int = 0) -> World:
    outputs = {
        key: Output(Claim(100 if key == "gate" else 10, 0.3 * MBIT, 3 * MBIT), 0.03 * number)
        for number, key in enumerate(("gate", "yard", "hall", "lane"), 1)
    }
    return World(bears, outputs, Budget(limit))


def test_what_the_link_bears_is_found_and_the_important_one_keeps_its_picture() -> None:
    place = world(20 * MBIT)
    place.play(10)
    assert place.sent == 12 * MBIT
    place.bears = 6 * MBIT
    place.play(60)
    assert BEHIND in place.reasons
    assert place.outputs["gate"].rate == 3 * MBIT
    assert 0.75 * place.bears < place.sent <= place.bears
    assert place.waits / place.bears < 0.1
    place.bears = 20 * MBIT
    place.play(180)
    assert place.sent == 12 * MBIT


def test_with_a_limit_it_never_is_more_and_less_where_the_link_bears_less() -> None:
    place = world(20 * MBIT, limit=int(8 * MBIT))
    for _ in range(40):
        place.play(1)
        assert place.sent <= 8 * MBIT
    assert place.sent > 0.9 * 8 * MBIT
    place.bears = 4 * MBIT
    place.play(40)
    assert place.sent <= 4 * MBIT
    assert place.budget.now < 4.5 * MBIT
    place.bears = 20 * MBIT
    place.play(180)
    assert 0.9 * 8 * MBIT < place.sent <= 8 * MBIT


def test_one_server_that_is_late_says_nothing_of_the_link() -> None:
    place = world(20 * MBIT)
    place.play(10)
    place.outputs["yard"].own = 2.0
    place.play(20)
    assert place.reasons == []
    assert not place.budget.late
    assert place.sent == 12 * MBIT


def test_pictures_that_one_output_leaves_out_by_itself_keep_nobody_from_climbing() -> None:
    place = world(20 * MBIT)
    place.play(10)
    place.bears = 6 * MBIT
    place.play(30)
    place.bears = 20 * MBIT
    for _ in range(round(180 / LOOK)):
        place.outputs["yard"].drops += 1
        place.look()
    assert place.sent == 12 * MBIT


def test_an_output_alone_on_its_link_is_never_late_by_it() -> None:
    """What it says of its path is what the link is; there is nobody else for whom it would say nothing."""
    place = world(20 * MBIT)
    for key in ("yard", "hall", "lane"):
        del place.outputs[key]
    place.play(10)
    place.bears = MBIT
    place.play(2)
    assert place.reasons[0] == BEHIND
    assert not place.budget.late


def test_what_all_wait_for_is_the_links() -> None:
    place = world(20 * MBIT)
    place.play(10)
    assert not place.budget.late
    place.bears = 3 * MBIT
    place.play(1)
    assert place.budget.late


def test_steps_that_do_not_fit_are_tried_though_they_cannot_be_filled_beforehand() -> None:
    steps = (0.5 * MBIT, 3 * MBIT)
    outputs = {key: Output(Claim(10, steps[0], steps[1], steps), 0.05) for key in ("a", "b")}
    place = World(8 * MBIT, outputs)
    place.play(10)
    assert place.sent == 6 * MBIT
    place.bears = 4.5 * MBIT
    place.play(60)
    assert sorted(one.rate for one in outputs.values()) == [0.5 * MBIT, 3 * MBIT]
    place.bears = 8 * MBIT
    place.play(180)
    assert place.sent == 6 * MBIT


def test_another_limit_holds_at_once() -> None:
    place = world(20 * MBIT, limit=int(8 * MBIT))
    place.play(10)
    place.budget.limit = int(4 * MBIT)
    place.play(2 * LOOK)
    assert place.sent <= 4 * MBIT
    place.budget.limit = int(10 * MBIT)
    place.play(10)
    assert place.sent > 9 * MBIT


def test_another_attempt_of_one_output_is_no_step_back() -> None:
    place = world(20 * MBIT)
    place.play(10)
    place.outputs["hall"].given = place.outputs["hall"].acked = 0
    place.outputs["hall"].trip = 0.3
    place.play(10)
    assert place.reasons == []
    del place.outputs["lane"]
    place.play(10)
    assert place.sent == 9 * MBIT


def test_while_nobody_sends_there_is_none() -> None:
    budget: Budget[str] = Budget()
    budget.want(0, 0, in_steps=False)
    assert (budget.now, budget.reason, budget.late) == (0, "", False)
    assert budget.read(1.0, {}) is None
    assert Budget(8000).now == 8000


def test_who_connects_again_while_the_link_is_full_does_not_make_it_look_empty() -> None:
    """Its acknowledgements never came sooner than through the queue, which passes for its distance."""
    place = world(20 * MBIT)
    place.play(10)
    place.bears = 3 * MBIT
    place.play(1)
    assert place.budget.late
    # The attempt is given up; the next one counts from nothing, and so does one that is new here.
    again = place.outputs["hall"]
    again.given = again.acked = 0.0
    place.outputs["shed"] = Output(Claim(10, 0.3 * MBIT, 3 * MBIT), 0.2)
    place.look()
    assert place.budget.late
    place.play(60)
    assert 0.7 * place.bears < place.sent <= place.bears
    # Once it has seen the link without a queue, it knows its distance, and what all wait for is the link's again.
    assert not place.budget.late
    place.bears = 1.6 * MBIT
    place.play(1)
    assert place.budget.late


def test_where_all_connect_again_in_a_full_link_it_is_known_what_it_was() -> None:
    """Whether they were off the air meanwhile or not."""
    place = world(20 * MBIT)
    place.play(10)
    place.bears = 3 * MBIT
    place.play(1)
    away = {key: place.outputs.pop(key) for key in ("gate", "yard")}
    place.look()
    place.outputs |= away
    for one in place.outputs.values():
        one.given = one.acked = 0.0
    place.look()
    assert place.budget.late
    place.play(60)
    assert 0.7 * place.bears < place.sent <= place.bears
    assert not place.budget.late


def test_of_two_one_that_connects_again_leaves_the_link_as_full_as_it_is() -> None:
    place = world(20 * MBIT)
    for key in ("hall", "lane"):
        del place.outputs[key]
    place.play(10)
    place.bears = 1.5 * MBIT
    place.play(1)
    again = place.outputs["yard"]
    again.given = again.acked = 0.0
    place.look()
    assert place.budget.late


def test_where_all_go_to_servers_further_away_that_is_soon_how_it_is() -> None:
    place = world(20 * MBIT)
    place.play(10)
    for one in place.outputs.values():
        one.given = one.acked = 0.0
        one.trip += 0.4
    place.play(FRESH + 1)
    assert not place.budget.late
    place.play(60)
    assert place.sent == 12 * MBIT


def test_one_server_that_is_late_is_not_the_link_while_another_connects_again() -> None:
    place = world(20 * MBIT)
    for key in ("hall", "lane"):
        del place.outputs[key]
    place.play(10)
    place.outputs["gate"].own = 2.0
    again = place.outputs["yard"]
    again.given = again.acked = 0.0
    place.play(20)
    assert place.reasons == []
    assert place.sent == 6 * MBIT


def test_one_server_that_is_late_is_not_the_link_while_a_new_one_connects() -> None:
    place = world(20 * MBIT)
    for key in ("yard", "hall", "lane"):
        del place.outputs[key]
    place.play(10)
    place.outputs["gate"].own = 2.0
    place.outputs["shed"] = Output(Claim(10, 0.3 * MBIT, 3 * MBIT), 0.2)
    place.play(20)
    assert place.reasons == []
    assert place.sent == 6 * MBIT
