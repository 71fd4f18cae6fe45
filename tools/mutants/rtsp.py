"""Faults in the clocks of RTSP cameras."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

_CLOCK = "plugins/sources/camcast_rtsp/clock.py"
_BESIDE = "plugins/sources/camcast_rtsp/beside.py"
_REPORTS = "plugins/sources/camcast_rtsp/reports.py"
_RATE = "plugins/sources/camcast_rtsp/rate.py"
_BESIDE_TESTS = "tests/plugins/test_rtsp_beside.py::"
_RULES = "tests/plugins/test_rtsp_rules.py::"
_CLOCK_TESTS = "tests/plugins/test_rtsp_clock.py::"

MUTANTS = (
    Mutant(
        "sound is brought beside the picture at once",
        _BESIDE,
        "return max(-most, min(most, error))",
        "return error",
        (_BESIDE_TESTS + "test_reports_are_right_where_rtp_info_is_not",),
    ),
    Mutant(
        "reports of another clock move the sound",
        _BESIDE,
        "self.apart = self.too_early or abs(error) > MAX_OFFSET",
        "self.apart = False",
        (_CLOCK_TESTS + "test_reports_of_different_clocks_are_ignored",),
    ),
    Mutant(
        "reports that come first say nothing",
        _CLOCK,
        "self._early = (timestamp, ntp)",
        "pass",
        (_BESIDE_TESTS + "test_it_is_right_from_the_start_where_reports_came_first",),
    ),
    Mutant(
        "RTP-Info behind the first packets is lost",
        _CLOCK,
        "self._timeline.origin = self._line + self._ns(timestamp)",
        "pass",
        (_BESIDE_TESTS + "test_rtp_info_may_come_behind_the_first_packets",),
    ),
    Mutant(
        "after the wall clock was set, old reports are compared with new ones",
        _CLOCK,
        "clock.reports.renew()",
        "pass",
        (_BESIDE_TESTS + "test_a_wall_clock_that_is_set_moves_no_sound",),
    ),
    Mutant(
        "each report is believed whole",
        _REPORTS,
        "self._known = Report(new.ntp, expected + (new.media - expected) // self._count)",
        "self._known = new",
        (_BESIDE_TESTS + "test_reports_that_are_a_little_off_move_sound_by_less",),
    ),
    Mutant(
        "a link that is slow for ten seconds is a slow clock",
        _RATE,
        "min(self._recent) if len(self._recent) == _WINDOWS else min(0, *self._recent)",
        "min(self._recent)",
        (_BESIDE_TESTS + "test_a_link_that_is_slow_for_less_than_three_windows_is_no_clock",),
    ),
    Mutant(
        "times run ahead of arrival without end",
        _CLOCK,
        "AHEAD = 5 * NS_PER_S",
        "AHEAD = 500 * NS_PER_S",
        (_RULES + "test_times_run_ahead_of_arrival_by_five_seconds_at_the_most",),
    ),
    Mutant(
        "a track with another clock goes back",
        _CLOCK,
        "self._line = max(arrival, self._time + NS_PER_MS)",
        "self._line = arrival",
        (_RULES + "test_a_track_with_another_clock_goes_on_behind_what_it_gave",),
    ),
    Mutant(
        "a clock that is given up goes back",
        _CLOCK,
        "ArrivalClock(self._time)",
        "ArrivalClock()",
        (_RULES + "test_a_clock_that_is_given_up_never_steps_back",),
    ),
    Mutant(
        "a leap is told to nobody",
        _CLOCK,
        "        self._timeline.on_set()\n        aside",
        "        aside",
        (_RULES + "test_a_leap_is_told",),
    ),
    Mutant(
        "reports of clocks minutes apart move the sound",
        _BESIDE,
        "MAX_OFFSET = 10 * NS_PER_S",
        "MAX_OFFSET = 100 * NS_PER_S",
        (_RULES + "test_sound_is_moved_at_once_only_far_and_forward_and_else_by_a_part",),
    ),
    Mutant(
        "a small error is mended at once",
        _BESIDE,
        "AT_ONCE = NS_PER_S\n",
        "AT_ONCE = 0\n",
        (_RULES + "test_sound_is_moved_at_once_only_far_and_forward_and_else_by_a_part",),
    ),
    Mutant(
        "a large error is stretched over minutes",
        _BESIDE,
        "AT_ONCE = NS_PER_S\n",
        "AT_ONCE = 10 * NS_PER_S\n",
        (_RULES + "test_sound_is_moved_at_once_only_far_and_forward_and_else_by_a_part",),
    ),
    Mutant(
        "sound is moved back at once",
        _BESIDE,
        "if first and error > AT_ONCE:",
        "if first and abs(error) > AT_ONCE:",
        (_RULES + "test_sound_is_moved_at_once_only_far_and_forward_and_else_by_a_part",),
    ),
    Mutant(
        "between reports sound is left to itself",
        _BESIDE,
        "settled = self._settled and arrival - self._compared < LAST",
        "settled = False",
        (_RULES + "test_sound_goes_on_as_the_picture_does_for_a_minute_without_reports",),
    ),
    Mutant(
        "a first report is believed whatever it says",
        _BESIDE,
        "if abs(error) > UNSURE and not (own.sure and leader.reports.sure):",
        "if False:",
        (_RULES + "test_a_first_report_moves_no_sound_far",),
    ),
    Mutant(
        "sound follows a picture whose reports have ended",
        _BESIDE,
        "settled = self._settled and arrival - self._compared < LAST",
        "settled = self._settled",
        (_RULES + "test_sound_goes_on_as_the_picture_does_for_a_minute_without_reports",),
    ),
    Mutant(
        "sound does not follow what mends the picture's drift",
        _BESIDE,
        "* (1 + leader.drift.slew) - 1",
        "- 1",
        (_RULES + "test_sound_goes_on_as_the_picture_does_for_a_minute_without_reports",),
    ),
    Mutant(
        "reports are forgotten after seconds",
        _REPORTS,
        "LAST = 60 * NS_PER_S",
        "LAST = 6 * NS_PER_S",
        (_RULES + "test_reports_say_something_for_a_minute",),
    ),
    Mutant(
        "reports count for ever",
        _REPORTS,
        " and arrival - self._heard < LAST",
        "",
        (_RULES + "test_reports_say_something_for_a_minute",),
    ),
    Mutant(
        "nothing is learnt of a clock's pace",
        _REPORTS,
        "PACE_SHARE = 0.1",
        "PACE_SHARE = 0.0",
        (_RULES + "test_reports_teach_how_fast_the_tracks_clock_runs",),
    ),
    Mutant(
        "a track's pace is known and not gone by",
        _REPORTS,
        "int((ntp - self._known.ntp) * self.pace)",
        "ntp - self._known.ntp",
        (_RULES + "test_reports_teach_how_fast_the_tracks_clock_runs",),
    ),
    Mutant(
        "reports close to each other make a pace",
        _REPORTS,
        "LEARN = NS_PER_S // 2",
        "LEARN = 0",
        (_RULES + "test_reports_close_to_each_other_tell_of_a_clock_that_was_set_and_of_no_pace",),
    ),
    Mutant(
        "a clock that is set between two reports in a row is missed",
        _REPORTS,
        "return not agree",
        "return False",
        (_RULES + "test_reports_close_to_each_other_tell_of_a_clock_that_was_set_and_of_no_pace",),
    ),
)
