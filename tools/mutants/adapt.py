"""Faults in what a bitrate follows: what is seen of a path, and what the regulator makes of it."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

_REGULATOR = "core/camcast/stream/regulator.py"
_OBSERVED = "core/camcast/stream/observed.py"
_TESTS = "tests/core/stream/test_regulator.py::"
_REPORTS = "tests/core/stream/test_reports.py::"

MUTANTS = (
    Mutant(
        "a queue of two seconds is none",
        _REGULATOR,
        "LATE = 0.25",
        "LATE = 2.5",
        (_TESTS + "test_an_encoder_that_sends_less_than_it_may_gets_no_more",),
    ),
    Mutant(
        "a step down leaves the queue where it is",
        _REGULATOR,
        "share = max(LEAST, SHARE - queue / DRAIN)",
        "share = 1.0",
        (_TESTS + "test_a_thin_path_is_fitted_at_once_and_once",),
    ),
    Mutant(
        "what failed is tried again as soon as ever",
        _REGULATOR,
        "self._wait = min(self._wait * 2, MAX_PROBE_WAIT)",
        "self._wait = PROBE_WAIT",
        (_TESTS + "test_what_failed_is_tried_again_after_ever_longer",),
    ),
    Mutant(
        "steps up never grow",
        _REGULATOR,
        "self._step = min(MAX_STEP, 1 + (self._step - 1) * GROWTH)",
        "self._step = STEP",
        (_TESTS + "test_a_path_with_room_is_climbed_in_growing_steps",),
    ),
    Mutant(
        "a cut halves the bitrate with every look",
        _REGULATOR,
        "if self._cut:\n            return None\n        self._cut = True",
        "self._cut = True",
        (_TESTS + "test_a_cut_is_no_thin_path_and_over_when_it_is_over",),
    ),
    Mutant(
        "an encoder that sends little gets more and more",
        _REGULATOR,
        "if given < self.used * (self.target + self.beside):",
        "if given < 0:",
        (_TESTS + "test_an_encoder_that_sends_less_than_it_may_gets_no_more",),
    ),
    Mutant(
        "the bitrate stays down when the queue is gone",
        _REGULATOR,
        "return self._raise(now, fits, BACK) if now - since >= self._seen.over(CALM) else None",
        "return None",
        (_TESTS + "test_once_the_queue_is_gone_it_goes_back_to_what_the_path_bears",),
    ),
    Mutant(
        "another attempt begins with everything",
        _REGULATOR,
        "self._seen.begin(trip)",
        "self._seen.begin(trip)\n        self.target = self.most",
        (_TESTS + "test_another_attempt_keeps_the_target",),
    ),
    Mutant(
        "pictures left out are no reason",
        _REGULATOR,
        " or (seen.dropped and queue > EASY)",
        "",
        (_TESTS + "test_pictures_left_out_are_reason_enough",),
    ),
    Mutant(
        "other limits hold from the next change on",
        _REGULATOR,
        "self.target, self.reason = bounded, LIMITS",
        "self.reason = LIMITS",
        (_TESTS + "test_other_limits_hold_at_once",),
    ),
    Mutant(
        "the target may leave its limits",
        _REGULATOR,
        "target = min(max(target, self.least), self.most)",
        "",
        (
            _TESTS + "test_a_path_that_bears_less_than_the_least_gets_the_least_and_one_that_bears_more_the_most",
            _TESTS + "test_whatever_it_is_told_it_keeps_its_limits",
        ),
    ),
    Mutant(
        "a keyframe is a queue",
        _OBSERVED,
        "            if at <= until and late < least:\n",
        "            if at <= until and (late > least or least == inf):\n",
        (_TESTS + "test_a_keyframe_is_no_queue",),
    ),
    Mutant(
        "reports that come seldom are silence",
        _OBSERVED,
        "return len(self._moves) >= 4 and 2 * sum(self._moves) >= len(self._moves)",
        "return len(self._moves) >= 4",
        (_TESTS + "test_reports_that_come_seldom_are_no_silence_and_no_queue",),
    ),
    Mutant(
        "what is lost is no reason to go down",
        _REGULATOR,
        "if queue > LATE or grows or losses > LOSSES or (",
        "if queue > LATE or grows or (",
        (_REPORTS + "test_where_no_queue_is_to_be_seen_losses_are_told_as_the_reason",),
    ),
    Mutant(
        "what a radio loses keeps the bitrate where it is",
        _REGULATOR,
        "FEW = 0.05",
        "FEW = 0.0",
        (_REPORTS + "test_what_a_radio_loses_now_and_then_keeps_nothing_down",),
    ),
    Mutant(
        "what is lost whatever is sent takes the bitrate to the bottom",
        _OBSERVED,
        "self._usual = min(MAX_USUAL, self._lost)",
        "self._usual = 0.0",
        (_REPORTS + "test_what_is_lost_whatever_is_sent_is_no_want_of_room[0.25-1.0]",),
    ),
    Mutant(
        "two reports are more than is looked at",
        _OBSERVED,
        "return seconds if seconds > SPAN * self._every else SPAN * self._every",
        "return seconds",
        (_REPORTS + "test_it_goes_down_and_comes_back[0.3-1.5]",),
    ),
    Mutant(
        "a dip makes the picture smaller",
        "core/camcast/stream/floor.py",
        "DOWN = 3.0",
        "DOWN = 0.0",
        ("tests/core/stream/test_floor.py::test_it_is_made_smaller_once_the_bitrate_stays_below",),
    ),
    Mutant(
        "where one takes no other picture it gets one all the same",
        "core/camcast/stream/wishes.py",
        "        if not self._fixed:\n            for one in wanted:\n                size = size.and_no_larger(one)\n",
        "        for one in wanted:\n            size = size.and_no_larger(one)\n",
        ("tests/core/stream/test_wishes.py::test_where_one_takes_no_other_picture_it_stays_as_it_is_for_all",),
    ),
    Mutant(
        "an encoder is told as many changes as there are",
        "core/camcast/stream/regulator.py",
        "        self._changes.append(now)\n",
        "",
        ("tests/core/stream/test_regulator.py::test_a_path_that_swings_does_not_shake_the_encoder",),
    ),
)
