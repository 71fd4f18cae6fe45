"""Faults in what is sent of a camera's streams over a thin link: decided, done and told."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

_THINNING = "core/camcast/session/thinning.py"
_FITTING = "core/camcast/session/fitting.py"
_LADDER = "core/camcast/stream/ladder.py"
_SELECTOR = "core/camcast/stream/selector.py"
_RUNGS = "tests/core/session/test_thinning_rungs.py::"
_FITTING_TESTS = ("tests/core/session/test_fitting.py",)
_SELECTOR_TESTS = "tests/core/stream/test_selector.py::"
_LADDER_TESTS = "tests/core/stream/test_ladder.py::"

MUTANTS = (
    Mutant(
        "next to nothing is left out all the same",
        _THINNING,
        "FREE = 0.05",
        "FREE = 0.0",
        (_RUNGS + "test_to_leave_out_next_to_nothing_is_no_rung",),
    ),
    Mutant(
        "what is left out counts as sent",
        _THINNING,
        "rate * (1 - free)",
        "rate",
        (_RUNGS + "test_each_rung_takes_what_its_pictures_take",),
    ),
    Mutant(
        "keyframes alone take as much as everything",
        _THINNING,
        "self._rate(name) * self._meter(name).keyframes",
        "self._rate(name)",
        (_RUNGS + "test_each_rung_takes_what_its_pictures_take",),
    ),
    Mutant(
        "a stream smaller than its sound takes less than nothing",
        _THINNING,
        "return max(rate - SOUND, rate / 2) if sounds else rate",
        "return rate - SOUND if sounds else rate",
        (_RUNGS + "test_a_stream_smaller_than_most_sound_takes_something",),
    ),
    Mutant(
        "sound that is published has no room",
        _THINNING,
        "SOUND if any(track.kind is MediaKind.AUDIO for track in on_air.tracks) else 0",
        "0",
        (_RUNGS + "test_the_sound_of_what_is_published_has_its_room",),
    ),
    Mutant(
        "the path's own length is not handed on",
        _THINNING,
        "self._ladder.begin(on_air.trip or inf)",
        "self._ladder.begin(inf)",
        (_RUNGS + "test_a_queue_that_stands_from_the_beginning_is_none_of_the_way",),
    ),
    Mutant(
        "another stream is put on the wrong side of its own",
        _THINNING,
        'return self._meter(name).zero - self._meter("").zero',
        'return self._meter("").zero - self._meter(name).zero',
        (_RUNGS + "test_another_streams_pictures_come_at_their_own_moment_whenever_it_began",),
    ),
    Mutant(
        "what is sent for half a minute is missing",
        _THINNING,
        "if at.stream and at != self._sent and now - self._since > PATIENCE:",
        "if at.stream and now - self._since > PATIENCE:",
        (_RUNGS + "test_what_is_sent_for_long_is_not_missing",),
    ),
    Mutant(
        "a second stream has what the first has left of the patience",
        _THINNING,
        "if step.before == self._sent or step.before.stream != step.to.stream:",
        "if step.before == self._sent:",
        (_RUNGS + "test_each_stream_has_all_of_the_patience",),
    ),
    Mutant(
        "time off the air uses up the patience",
        _THINNING,
        "self._step, self._todo, self._since = None, self._ladder.at != TOP, self._clock()",
        "self._step, self._todo = None, self._ladder.at != TOP",
        (_RUNGS + "test_an_attempt_that_begins_late_has_all_of_the_patience",),
    ),
    Mutant(
        "a stream that cannot be asked for is blamed",
        _THINNING,
        "        if self._todo:\n            self._since = self._clock()\n        elif",
        "        if not self._todo and",
        (_RUNGS + "test_nobody_is_blamed_while_it_cannot_be_asked",),
    ),
    Mutant(
        "another stream is sent with its sound",
        _THINNING,
        'key = attrs.evolve(published.key, video=COPY, audio=NONE, audio_form="")',
        "key = published.key",
        (_RUNGS + "test_another_streams_pictures_are_copied_without_its_sound",),
    ),
    Mutant(
        "a session that ends keeps another stream's pictures",
        _THINNING,
        '        """The session has ended."""\n        self._leave()',
        '        """The session has ended."""',
        (_RUNGS + "test_a_session_that_ends_gives_back_what_it_took",),
    ),
    Mutant(
        "each call is a look at the path",
        _THINNING,
        "now - self._looked < EARLY * LOOK",
        "False",
        (_RUNGS + "test_a_path_is_looked_at_a_few_times_a_second_however_often_it_is_called",),
    ),
    Mutant(
        "what cannot be sent is told once for ever",
        _THINNING,
        "        self._noted.clear()\n",
        "",
        (_RUNGS + "test_what_cannot_be_sent_is_told_again_with_the_next_attempt",),
    ),
    Mutant("a reload reaches no encoder", _FITTING, "self._adapting.adopt(config)", "pass", _FITTING_TESTS),
    Mutant("a reload reaches no other picture", _FITTING, "self._thinning.adopt(config)", "pass", _FITTING_TESTS),
    Mutant("an end leaves a bitrate held", _FITTING, "self._adapting.end()", "pass", _FITTING_TESTS),
    Mutant("nobody chooses pictures", _FITTING, "self._thinning.look(on_air, now, share)", "pass", _FITTING_TESTS),
    Mutant(
        "a step that never takes effect is waited for without end",
        _LADDER,
        "AWAITED = 10.0",
        "AWAITED = 1e9",
        (_LADDER_TESTS + "test_a_step_that_never_takes_effect_does_not_end_it",),
    ),
    Mutant(
        "what is sent before a step takes effect counts against it",
        _LADDER,
        "        if self.at != TOP:\n            self._settled = inf\n",
        "",
        (_LADDER_TESTS + "test_what_an_attempt_sends_before_its_step_takes_effect_says_nothing_of_the_step",),
    ),
    Mutant(
        "sound has no room on a rung",
        _LADDER,
        "bears * SHARE - self.beside",
        "bears * SHARE",
        (_LADDER_TESTS + "test_what_fits_leaves_room_for_sound_and_for_what_is_uneven",),
    ),
    Mutant(
        "a rung may take all that a link bears",
        _LADDER,
        "bears * SHARE - self.beside",
        "bears - self.beside",
        (_LADDER_TESTS + "test_what_fits_leaves_room_for_sound_and_for_what_is_uneven",),
    ),
    Mutant(
        "dropped pictures say nothing",
        _LADDER,
        "queue > LATE or grows or (seen.dropped and queue > EASY)",
        "queue > LATE or grows",
        (_LADDER_TESTS + "test_pictures_that_are_left_out_make_a_small_queue_a_large_one",),
    ),
    Mutant(
        "more is tried beside a small queue",
        _LADDER,
        "if queue > EASY or seen.dropped:",
        "if seen.dropped:",
        (_LADDER_TESTS + "test_nothing_more_is_tried_while_a_little_is_wrong",),
    ),
    Mutant(
        "more is tried while pictures are dropped",
        _LADDER,
        "if queue > EASY or seen.dropped:",
        "if queue > EASY:",
        (_LADDER_TESTS + "test_nothing_more_is_tried_while_a_little_is_wrong",),
    ),
    Mutant(
        "others' queue counts for ever",
        _LADDER,
        "seen.others()",
        "pass",
        (_LADDER_TESTS + "test_a_queue_that_others_make_is_the_way_from_then_on",),
    ),
    Mutant(
        "others' queue is ours",
        _LADDER,
        "if abs(queue - before) < STANDS and seen.passes and not seen.dropped:",
        "if False:",
        (_LADDER_TESTS + "test_a_queue_that_others_make_is_the_way_from_then_on",),
    ),
    Mutant(
        "other pictures leave the way back closed",
        _SELECTOR,
        "EARLY = 20",
        "EARLY = 0",
        (_SELECTOR_TESTS + "test_other_pictures_come_a_little_before_their_time_so_that_the_way_back_is_free",),
    ),
    Mutant(
        "its own new picture is announced while another is sent",
        _SELECTOR,
        "            units = [unit for unit in units if isinstance(unit, Tag) and unit.type is TagType.AUDIO]",
        "            pass",
        (_SELECTOR_TESTS + "test_what_its_own_stream_announces_while_another_picture_is_sent_is_its_sound_only",),
    ),
    Mutant(
        "another hub announces its picture itself",
        _SELECTOR,
        "        if self.own:\n            self.selector.announce(units)",
        "        self.selector.announce(units)",
        (_SELECTOR_TESTS + "test_what_its_own_stream_announces_while_another_picture_is_sent_is_its_sound_only",),
    ),
    Mutant(
        "pictures that nobody was to get are lost",
        _SELECTOR,
        "if ear is self._now or (ear.own and packet.track.kind is not _VIDEO):",
        "if ear.own:",
        (_SELECTOR_TESTS + "test_what_nobody_was_to_get_is_not_lost_when_the_loop_is_too_busy",),
    ),
    Mutant(
        "sound that is lost is not counted",
        _SELECTOR,
        "if ear is self._now or (ear.own and packet.track.kind is not _VIDEO):",
        "if ear is self._now:",
        (_SELECTOR_TESTS + "test_what_nobody_was_to_get_is_not_lost_when_the_loop_is_too_busy",),
    ),
    Mutant(
        "another stream's sound is sent beside its own",
        _SELECTOR,
        "            if ear.own:\n                self.outlet.offer(unit, packet)\n                self._step_aside()",
        "            self.outlet.offer(unit, packet)",
        (_SELECTOR_TESTS + "test_another_streams_sound_is_never_sent_and_its_hub_is_listened_to_once",),
    ),
    Mutant(
        "a hub is listened to twice",
        _SELECTOR,
        "        if ear not in (self._own, self._now):",
        "        if ear is not self._own:",
        (_SELECTOR_TESTS + "test_another_streams_sound_is_never_sent_and_its_hub_is_listened_to_once",),
    ),
    Mutant(
        "a queue of others keeps pictures back for minutes",
        "core/camcast/stream/path.py",
        "PATIENCE = 10.0",
        "PATIENCE = 100.0",
        (
            "tests/core/stream/test_path.py::test_a_queue_that_leaving_out_does_not_shorten_is_the_length_of_the_way_from_then_on",
        ),
    ),
    Mutant(
        "a queue of ours is the way after a second",
        "core/camcast/stream/path.py",
        "PATIENCE = 10.0",
        "PATIENCE = 1.0",
        (
            "tests/core/stream/test_path.py::test_a_queue_that_leaving_out_does_not_shorten_is_the_length_of_the_way_from_then_on",
        ),
    ),
)
