"""Which test shows what of servers that are odd: by what is promised, the cases and tests that hold it.

Only names are looked at: a case that is renamed or taken away is missed here. That it holds what is promised is its
own to show. First come those of a process or an engine with a configuration and a peer; some have others behind them
that look at every branch.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import pytest

_ODD = "integration.test_odd_servers"
_TARGETS = "integration.test_targets_by_process"
_WHIP = "integration.test_whip_odd_by_process"
_CLIENT = "plugins.test_rtmp_client"
_END = f"{_ODD}:test_an_end_that_leaves_the_socket_open_is_followed_by_a_new_beginning"
_REMARKS = f"{_ODD}:test_remarks_that_cannot_be_read_cost_no_picture"

KINDS: Mapping[str, tuple[str, ...]] = {
    # Strict where ignoring is right.
    "a user control of two bytes": (f"{_ODD}:REMARKS[a user control of two bytes]", _REMARKS),
    "AMF3 that cannot be read, in a notification": (
        f"{_ODD}:REMARKS[AMF3 in a notification]",
        f"{_ODD}:REMARKS[AMF3 in a command of AMF3]",
        f"{_ODD}:REMARKS[all of it AMF3]",
        f"{_ODD}:REMARKS[data of AMF3]",
    ),
    "a reference in a notification": (f"{_ODD}:REMARKS[a reference in a notification]",),
    "a command of length 0": (
        f"{_ODD}:REMARKS[a command of nothing]",
        f"{_ODD}:REMARKS[a command of AMF3 of nothing]",
    ),
    "values up to the first that cannot be read": (
        f"{_ODD}:test_an_answer_counts_up_to_what_cannot_be_read",
        f"{_CLIENT}:test_an_answer_is_taken_up_to_what_cannot_be_read",
    ),
    "only a command that is waited for may raise": (
        f"{_ODD}:test_an_answer_without_what_is_waited_for_is_named",
        f"{_CLIENT}:test_what_nobody_waits_for_ends_nothing",
    ),
    "closing or rejecting at Enhanced properties: once without": (
        f"{_ODD}:test_a_server_that_ends_it_at_enhanced_properties_gets_the_stream",
        "integration.test_python_servers:test_rtmplite_refuses_in_its_own_words_and_is_asked_once_without",
        "plugins.test_rtmp_driver:test_connect_is_tried_once_bare",
    ),
    "that it helped is remembered": (
        f"{_ODD}:test_what_helped_at_a_server_is_remembered",
        "plugins.test_rtmp_driver:test_a_server_that_was_remembered_and_has_changed",
    ),
    # Connected, well, and nothing to see.
    "onFCUnpublish": (f"{_ODD}:ENDS[onFCUnpublish]", f"{_ODD}:ENDS[onFCUnpublish and nothing else]", _END),
    "NetStream.Unpublish.*": (f"{_ODD}:ENDS[unpublished]", f"{_ODD}:ENDS[kicked]", f"{_ODD}:ENDS[stopped]"),
    "StreamEOF": (f"{_ODD}:ENDS[StreamEOF]", f"{_ODD}:ENDS[StreamEOF without a number]"),
    "other words for an end": (
        f"{_ODD}:ENDS[idle]",
        f"{_ODD}:ENDS[idle spelt otherwise]",
        f"{_ODD}:ENDS[closed]",
        f"{_ODD}:ENDS[shut down]",
        f"{_ODD}:ENDS[failed]",
        f"{_ODD}:ENDS[close]",
    ),
    "while a keyframe is waited for: sound, an event, not healthy": (
        "integration.test_stays_on_air_picture:test_a_reconnect_far_from_the_next_keyframe_is_told_and_sound_goes_on",
    ),
    "no session is healthy whose picture is dropped": (
        "integration.test_picture_again:test_sound_alone_is_not_healthy_where_there_is_a_picture",
    ),
    "intra refresh without IDR, after a reconnect": (
        "integration.test_picture_again:test_intra_refresh_is_shown_again_after_a_reconnect",
    ),
    # A transport stream that hardware decoders take.
    "PCR with a lead, every 40 ms, SDT: TR 101 290": (
        "integration.test_transport_streams:test_what_arrives_breaks_no_decoder",
        "plugins.test_srt_tr101290:test_the_clock_runs_a_fixed_lead_behind_the_decode_times",
        "plugins.test_srt_tr101290:test_the_clock_comes_every_40_ms_at_any_frame_rate",
        "plugins.test_srt_tr101290:test_sound_that_comes_later_than_the_picture_is_not_due_before_the_clock",
        "plugins.test_srt_tr101290:test_the_checker_sees_what_is_wrong",
    ),
    # A track that never parses.
    "ADTS with channel configuration 0": (
        "integration.test_described_channels:test_by_rtmp",
        "integration.test_described_channels:test_by_srt",
        "plugins.test_aac_codec:test_channels_that_nothing_describes_are_told_as_that",
    ),
    "a track whose units are all refused is told with the parser's words": (
        "cameras.test_entry_points:test_what_the_parser_says_of_sound_that_nobody_can_read_is_told",
        "plugins.test_push_source:test_a_track_of_which_nothing_can_be_read_is_told_once_with_the_parsers_words",
        "plugins.test_file_source:test_a_track_that_never_can_be_read_is_told_in_the_words_of_who_tried",
    ),
    # Optional steps.
    "OPTIONS hung up on or unanswered, host names, Retry-After": (
        f"{_WHIP}:ODD[OPTIONS hung up on]",
        f"{_WHIP}:ODD[OPTIONS never answered]",
        f"{_WHIP}:ODD[a candidate that is the name of a host]",
        f"{_WHIP}:ODD[full, and says for how long]",
        f"{_WHIP}:test_what_is_optional_is_no_condition",
    ),
    "ReconnectRequest without tcUrl": (f"{_ODD}:ENDS[drained]", f"{_ODD}:ENDS[drained to an empty place]", _END),
    # One track's late packet.
    "sound that pauses holds up no picture, by files, cameras and programs": (
        "integration.test_late_tracks:test_the_picture_goes_on_while_and_after_the_sound_pauses",
        "plugins.test_file_growing:test_pictures_come_while_the_sound_pauses",
    ),
    # Words and defaults.
    "keys are trimmed wherever they come from": (f"{_TARGETS}:test_what_stands_around_a_key_is_not_sent",),
    "a slash too few": (f"{_TARGETS}:test_a_slash_too_few_passes_no_check",),
    "a URL without a key": (f"{_TARGETS}:test_a_url_without_an_application_is_told",),
    "harmless keys of other tools": (
        f"{_TARGETS}:test_keys_of_other_tools_are_passed_over_and_told",
        "plugins.test_srt_options:test_what_other_tools_say_otherwise",
    ),
    "a source slower than idle_timeout": (f"{_TARGETS}:test_a_source_slower_than_idle_timeout_is_told_of_once",),
    "a demanded client certificate, and showing one": (
        f"{_TARGETS}:test_a_demanded_certificate_is_shown_or_told_of",
        "plugins.test_rtmp_tls:test_a_server_that_wants_to_know_who_we_are",
    ),
    "a latency of SRT above 1.5 s": (f"{_TARGETS}:test_a_long_latency_of_srt_loses_no_tail_at_a_clean_stop",),
    "all-intra pictures of 4 MB": ("integration.test_large_pictures:test_none_is_left_out",),
    # H.265 where nobody can say.
    "servers that are recognised get what they take": (
        "integration.test_server_unknown:test_nginx_is_recognised_and_gets_a_picture_that_it_takes",
        "integration.test_server_unknown:test_node_media_server_is_recognised_and_gets_it_as_it_is",
        "integration.test_python_servers:test_pyrtmp_is_not_taken_for_nginx_whose_words_it_uses",
    ),
    "where it stays unknown it cannot be overlooked": (
        "integration.test_server_unknown:test_a_server_that_nobody_knows",
    ),
}


@pytest.mark.parametrize("promise", KINDS)
def test_what_shows_it_is_there(promise: str) -> None:
    for name in KINDS[promise]:
        module, _, what = name.partition(":")
        found = importlib.import_module(f"tests.{module}")
        attribute, _, case = what.partition("[")
        assert hasattr(found, attribute), name
        if case:
            assert case.removesuffix("]") in getattr(found, attribute), name
