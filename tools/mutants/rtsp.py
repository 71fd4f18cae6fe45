"""Faults in the clocks of RTSP cameras."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

_CLOCK = "plugins/sources/camcast_rtsp/clock.py"
_BESIDE = "plugins/sources/camcast_rtsp/beside.py"
_REPORTS = "plugins/sources/camcast_rtsp/reports.py"
_RATE = "plugins/sources/camcast_rtsp/rate.py"
_BESIDE_TESTS = "tests/plugins/test_rtsp_beside.py::"
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
        "self.apart = abs(error) > MAX_OFFSET",
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
)
