"""Faults in who is blamed for what, and in what moves and ends leave behind."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

_MOVES = "tests/core/session/test_move.py::"
_KEYFRAME_END = "tests/core/session/test_keyframe_end.py::"
_ASKING = "tests/core/session/test_asking.py::"
_SEGMENTS = "tests/core/session/test_segments.py::"
_RUN_OUT = "tests/core/test_descriptors.py::"
_STORE = "tests/core/fleet/test_guarded.py::"

MUTANTS = (
    Mutant(
        "a connection that is renewed ends at a sound",
        "core/camcast/session/keyframe_end.py",
        "packet.track.kind is MediaKind.VIDEO and packet.keyframe",
        "packet.keyframe",
        (_KEYFRAME_END + "test_it_ends_with_the_keyframe_and_asks_for_one",),
    ),
    Mutant(
        "a connection with sound alone is never renewed",
        "core/camcast/session/keyframe_end.py",
        "(begins or self._hub.latest_video is None)",
        "begins",
        (_KEYFRAME_END + "test_where_there_is_no_picture_at_all_the_next_sound_will_do",),
    ),
    Mutant(
        "who is sent to where it is publishes there twice",
        "core/camcast/session/move.py",
        "if place.name == active.published.name:",
        "if False:",
        (_MOVES + "test_a_server_that_sends_a_session_to_where_it_is_interrupts_nothing",),
    ),
    Mutant(
        "a move waits for whatever keyframe comes",
        "core/camcast/session/move.py",
        "            attempt.want_keyframe()\n",
        "",
        (_MOVES + "test_a_candidate_has_a_keyframe_asked_for_and_what_is_left_is_fed_no_more",),
    ),
    Mutant(
        "a plugin whose hook hangs is not named",
        "core/camcast/session/asking.py",
        "    if plugin is None:",
        "    if True:",
        (_ASKING + "test_a_plugin_that_does_not_answer_is_named_with_what_it_was_asked_for_and_its_line",),
    ),
    Mutant(
        "one archive that hangs keeps all others from hearing",
        "core/camcast/session/segments.py",
        "line = self._lines.get(plugin)",
        "line = next(iter(self._lines.values()), None)",
        (_SEGMENTS + "test_one_that_hangs_keeps_no_other_from_hearing_and_hears_the_rest_later",),
    ),
    Mutant(
        "a host is blamed for descriptors that have run out",
        "core/camcast/net/dial.py",
        "    if told := exhausted(error):\n        return told\n",
        "",
        (_RUN_OUT + "test_a_host_is_not_blamed_for_it",),
    ),
    Mutant(
        "what has run out is not seen where a plugin translated it",
        "core/camcast/descriptors.py",
        "error = error.__cause__ or error.__context__",
        "break",
        (_RUN_OUT + "test_it_is_one_also_where_a_plugin_took_it_for_something_else",),
    ),
    Mutant(
        "a store's call that hangs is waited for for ever",
        "core/camcast/fleet/guarded.py",
        "await wait_patiently({task}, seconds)",
        "await wait_patiently({task}, 1e9)",
        (_STORE + "test_a_call_that_forgets_its_deadline_is_given_up",),
    ),
    Mutant(
        "a bug of a store's plugin is raised as it is",
        "core/camcast/fleet/guarded.py",
        "            raise self._bugs.failure(what, error) from None\n",
        "            raise\n",
        (_STORE + "test_what_a_plugin_raises_or_gives_is_its_bug",),
    ),
)
