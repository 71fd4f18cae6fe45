"""Which test shows what of odd cameras and files: by what is promised, the cases and tests that hold it.

Only names are looked at: a case that is renamed or taken away is missed here. That it holds what is
promised is its own to show.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import pytest

KINDS: Mapping[str, tuple[str, ...]] = {
    # Written here, read elsewhere.
    "all that is written is read back by FFmpeg live: forms, colours, sound, changes": (
        "cameras.test_read_back_live:CASES[h265 pq, opus, ]",
        "cameras.test_read_back_live:CASES[h265 hlg legacy, aac, ]",
        "cameras.test_read_back_live:CASES[av1 pq, aac, ]",
        "cameras.test_read_back_live:CASES[av1, aac, from pq]",
        "cameras.test_read_back_live:test_every_picture_and_all_sound_is_decoded",
    ),
    # Harmless oddities of packets.
    "start codes inside single, fragmented and aggregated units": (
        "cameras.test_harmless_oddities:PICTURES[start codes of 3 bytes]",
        "cameras.test_harmless_oddities:PICTURES[start codes of 4 bytes]",
        "cameras.test_harmless_oddities:PICTURES[start codes in aggregates]",
        "cameras.test_harmless_oddities:PICTURES[short start codes in aggregates]",
    ),
    "fragments without data, padded aggregates, empty units": (
        "cameras.test_harmless_oddities:PICTURES[fragments without data]",
        "cameras.test_harmless_oddities:PICTURES[zeros behind aggregates]",
        "cameras.test_harmless_oddities:PICTURES[empty units in aggregates]",
    ),
    "whole ADTS frames where the description says AAC-hbr": (
        "cameras.test_harmless_oddities:SOUND[adts without headers]",
        "cameras.test_harmless_oddities:SOUND[adts behind headers]",
    ),
    "forms of interleaved mode, units in whatever dress": (
        "cameras.test_field:UNITS[STAP-B and FU-B]",
        "cameras.test_field:UNITS[MTAP16]",
        "cameras.test_field:UNITS[h265: PACI]",
        "cameras.test_field:UNITS[h265: numbered]",
        "cameras.test_field:UNITS[delimiters, fillers, ends]",
        "cameras.test_field:UNITS[parameter sets apart]",
        "cameras.test_field:UNITS[units without a picture]",
    ),
    "headers of RTP in every form, other names of the sender, two senders": (
        "cameras.test_field:PACKETS[padding]",
        "cameras.test_field:PACKETS[two-byte extensions]",
        "cameras.test_field:PACKETS[another name in the middle]",
        "cameras.test_field:PACKETS[packets for a viewer that has gone]",
        "plugins.test_rtsp_media:test_headers_with_extension_sources_and_padding",
        "plugins.test_rtsp_media:test_a_sender_under_another_name_loses_nothing",
        "plugins.test_rtsp_media:test_of_two_senders_at_once_one_is_kept_to_until_it_stops",
    ),
    "only what is really missing damages a picture": (
        "cameras.test_harmless_oddities:test_nothing_is_lost",
        "cameras.test_udp:test_what_comes_is_shown_and_nothing_else",
    ),
    "the error says why packets were dropped; a track of damage is told once": (
        "cameras.test_entry_points:test_the_error_names_why_nothing_could_be_shown",
        "cameras.test_entry_points:test_sound_that_is_only_damage_is_told_once_and_costs_no_picture",
        "plugins.test_push_source:test_a_track_of_which_nothing_can_be_read_is_told_once_with_the_parsers_words",
    ),
    "whatever cuts, marks, numbers and times of packets are odd in, but lack nothing": (
        "cameras.test_field_units:TIMES[h264: times within a picture]",
        "cameras.test_field_units:TIMES[h265: words marked as a picture]",
        "cameras.test_field_units:UNITS[h265: fragments of other types]",
        "cameras.test_field_units:UNITS[h264: bytes behind parameter sets]",
        "cameras.test_field_units:PACKETS[one number for all packets]",
        "cameras.test_field_units:PACKETS[packets of a type of their own]",
        "cameras.test_field_units:AV1[AV1 counted, with sizes]",
    ),
    "the same of what encoders publish": (
        "cameras.test_publishers:PUBLISHED[start codes inside units]",
        "cameras.test_publishers:PUBLISHED[parameter sets in the stream alone]",
        "cameras.test_publishers:PUBLISHED[times that step back]",
        "cameras.test_publishers:PUBLISHED[sound that leaps an hour]",
        "cameras.test_publishers:PUBLISHED[sound long before the picture]",
        "cameras.test_publishers:PUBLISHED[H.265, start codes inside units]",
    ),
    # What only informs.
    "OPTIONS refused": (
        "cameras.test_dialogue:INFORMS[OPTIONS 501]",
        "cameras.test_dialogue:INFORMS[OPTIONS 404]",
        "cameras.test_dialogue:INFORMS[OPTIONS hangs up]",
    ),
    "Transport without TCP, or none": (
        "cameras.test_dialogue:INFORMS[Transport without TCP]",
        "cameras.test_dialogue:INFORMS[no Transport]",
    ),
    "an answer with another number": (
        "cameras.test_dialogue:INFORMS[always number 1]",
        "cameras.test_dialogue:INFORMS[no numbers]",
    ),
    "status lines, headers, lengths and empty lines however they are spelt": (
        "cameras.test_field:WORDS[headers in lower case]",
        "cameras.test_field:WORDS[no reason]",
        "cameras.test_field:WORDS[folded headers]",
        "cameras.test_field:WORDS[a session with spaces]",
        "cameras.test_field:WORDS[an empty line of its own kind]",
        "cameras.test_field:WORDS[a length with a word]",
        "cameras.test_field:WORDS[answers that it is at it]",
    ),
    "descriptions whose lines do not agree, or say too little": (
        "cameras.test_field:DESCRIPTIONS[controls behind the session's own]",
        "cameras.test_field:DESCRIPTIONS[parameters of another number]",
        "cameras.test_field:DESCRIPTIONS[no sizes of AAC]",
        "cameras.test_field:DESCRIPTIONS[rubbish parameter sets]",
        "cameras.test_field:DESCRIPTIONS[a clock rate of nothing]",
        "cameras.test_field:DESCRIPTIONS[metadata and a back channel]",
    ),
    "descriptions and dialogues of makers": (
        "cameras.test_brands:DESCRIPTIONS[Dahua with a back channel]",
        "cameras.test_brands:DESCRIPTIONS[Bosch]",
        "cameras.test_brands:DESCRIPTIONS[AAC whose rate is told otherwise]",
        "cameras.test_brands:DIALOGUE[frames without a packet beside type 0]",
        "cameras.test_brands:DIALOGUE[no name of its session]",
        "cameras.test_brands:DIALOGUE[moved within itself]",
    ),
    "PLAY for each track; OPTIONS that wants a password": (
        "cameras.test_field:DIALOGUE[tracks are played one by one]",
        "cameras.test_field:DIALOGUE[OPTIONS wants a password that nothing else does]",
    ),
    "an odd Content-Base": (
        "cameras.test_dialogue:INFORMS[a doubled scheme]",
        "cameras.test_dialogue:INFORMS[a base that is none]",
    ),
    "a session name that changes": (
        "cameras.test_dialogue:INFORMS[a new session name each time, the first counts]",
        "cameras.test_dialogue:INFORMS[a new session name each time, the last counts]",
    ),
    "logged once, and on it goes": ("cameras.test_dialogue:test_it_plays_and_what_is_odd_is_told_once",),
    # Bookkeeping.
    "GET_PARAMETER never answered, not counted, or the end; remembered": (
        "cameras.test_dialogue:SIGNS[GET_PARAMETER is never answered]",
        "cameras.test_dialogue:SIGNS[GET_PARAMETER is not counted]",
        "cameras.test_second_time:test_a_request_at_which_it_hung_up_is_not_sent_again",
    ),
    "a new nonce that is not called stale; a wrong password only by the newest": (
        "cameras.test_dialogue:SIGNS[a new nonce that is not called stale]",
        "cameras.test_second_time:test_a_refused_password_is_told_and_asked_again_slowly",
    ),
    "requests of the camera's own, and good-byes, after which media goes on": (
        "cameras.test_field:DIALOGUE[it announces what it plays]",
        "cameras.test_field:DIALOGUE[it redirects and goes on]",
        "cameras.test_field:DIALOGUE[it says good-bye and goes on]",
        "plugins.test_rtsp_scripted:test_the_cameras_own_requests_are_answered_and_a_changed_stream_is_begun_anew",
    ),
    "sound that ends the connection when it is asked for": (
        "cameras.test_field:WITHOUT[it hangs up when sound is asked for]",
        "cameras.test_field:WITHOUT[it says nothing when sound is asked for]",
    ),
    # Choice.
    "JPEG before H.264, unusable sound first, two payload types": (
        "cameras.test_dialogue:CHOICE[JPEG first]",
        "cameras.test_dialogue:CHOICE[unusable sound first]",
        "cameras.test_dialogue:CHOICE[the second payload type]",
    ),
    "a file whose first picture is JPEG": (
        "cameras.test_files:RECIPES[jpeg first]",
        "cameras.test_files:test_what_a_file_says_and_no_stream_can_is_told",
    ),
    # Entry points.
    "intra refresh without keyframes, in all codecs": (
        "cameras.test_entry_points:test_intra_refresh_is_shown_after_a_while",
        "cameras.test_entry_points:test_intra_pictures_that_nothing_marks_are_shown_after_a_while",
        "cameras.test_entry_points:test_intra_only_frames_of_av1_are_shown_after_a_while",
        "cameras.test_entry_points:test_points_of_refresh_count_after_a_while_and_until_a_keyframe",
        "plugins.test_vp9:test_intra_only_frames_are_beginnings_after_a_while_and_until_a_key_frame",
    ),
    "beginnings of every form; who shows nothing of H.265 without keyframes is told": (
        "cameras.test_field_beginnings:BEGINNINGS[open groups]",
        "cameras.test_field_beginnings:BEGINNINGS[parameter sets behind the keyframe]",
        "cameras.test_entry_points:test_of_h265_without_keyframes_is_told_who_shows_nothing",
    ),
    "rare keyframes are waited for, slow cameras live": (
        "cameras.test_entry_points:test_a_rare_keyframe_is_waited_for",
        "cameras.test_entry_points:test_a_slow_camera_is_not_a_dead_one",
    ),
    # Clocks.
    "a wall clock that is set, sound's report first": (
        "cameras.test_clocks:SCRIPTS[set forward]",
        "cameras.test_clocks:SCRIPTS[set back]",
        "cameras.test_clocks:test_a_wall_clock_that_is_set_moves_no_sound",
    ),
    "reports that say little": (
        "cameras.test_clocks:ODD_REPORTS[reports of two epochs]",
        "cameras.test_clocks:ODD_REPORTS[reports of no wall clock]",
        "cameras.test_clocks:ODD_REPORTS[only the sound's reports]",
    ),
    "moments that are said wrongly, in RTP-Info and reports": (
        "cameras.test_field_times:MOMENTS[RTP-Info of 0 for sound]",
        "cameras.test_field_times:MOMENTS[fractions in microseconds]",
        "cameras.test_field_times:MOMENTS[reports that stand still]",
        "cameras.test_field_times:MOMENTS[reports of the picture without a small base]",
        "plugins.test_rtsp_rules:test_reports_about_moments_before_what_has_come_are_not_used",
        "cameras.test_field_times:MOMENTS[reports by 90 kHz]",
        "plugins.test_rtsp_rules:test_a_first_report_moves_no_sound_far",
    ),
    "timestamps that do not tell one picture from the next": (
        "cameras.test_clocks:STILL[no times]",
        "cameras.test_clocks:STILL[times of groups]",
        "cameras.test_clocks:STILL[times in ms]",
    ),
    "one track's wrong clock leaves the other alone": (
        "cameras.test_clocks:test_the_picture_keeps_its_time",
        "cameras.test_clocks:test_a_wrong_clock_of_the_picture_moves_no_sound",
        "cameras.test_field_times:FAULTS[sound with times at random]",
        "cameras.test_field_times:FAULTS[sound half of which is damaged]",
        "cameras.test_field_times:PICTURES[a picture in bursts]",
    ),
    "slow wrong clocks are mended within bounds, for an hour": (
        "plugins.test_rtsp_clock:test_an_hour_with_a_slow_or_fast_clock_stays_beside_real_time",
    ),
    # Order and times.
    "fragmented MP4 with sound": (
        "cameras.test_files:RECIPES[fragmented]",
        "cameras.test_files:RECIPES[fragments of 2 s]",
    ),
    "streams of which few pictures have times, and recordings end to end": (
        "cameras.test_zoo:WHAT[B-frames, MPEG programme stream]",
        "cameras.test_zoo:WHAT[MPEG-TS, two recordings with other tracks]",
        "cameras.test_zoo:WHAT[MPEG-TS, two recordings end to end]",
    ),
    "raw streams with B-frames": ("cameras.test_files:RECIPES[raw h264]", "cameras.test_files:RECIPES[raw h265]"),
    "a file that is still being written": ("cameras.test_files:test_a_file_that_is_still_being_written_goes_on",),
    "two pictures with one timestamp": (
        "cameras.test_files:test_no_two_pictures_have_one_timestamp",
        "cameras.test_push:PUSHED[two with one time]",
    ),
    "times that leap": ("cameras.test_push:PUSHED[an hour later]", "cameras.test_clocks:OTHERS[media set forward]"),
    # Connections.
    "TLS of old cameras": (
        "cameras.test_old_tls:test_old_tls_is_refused_in_words_and_taken_when_asked",
        "cameras.test_old_tls:test_old_tls_never_goes_without_a_certificate",
        "cameras.test_old_tls:test_a_certificate_with_a_short_key_is_refused_in_words_and_taken_when_asked",
    ),
    "certificates of ours": (
        "cameras.test_whom_they_know:test_a_camera_that_asks_who_we_are_is_told",
        "cameras.test_whom_they_know:test_a_camera_that_knows_us_not_is_named",
    ),
    "IPv6 zones in every URL": ("cameras.test_zones:test_a_zone_is_understood",),
    "UDP from the address that is announced": ("cameras.test_dialogue:WAYS[UDP from another address]",),
    "several digests, quotes": (
        "cameras.test_dialogue:LOGIN[only MD5 works]",
        "cameras.test_dialogue:LOGIN[algorithm in quotes]",
        "cameras.test_field:LOGIN[a nonce for each answer]",
        "cameras.test_field:LOGIN[a realm in another alphabet]",
        "cameras.test_field:LOGIN[only what protects the body, too]",
        "cameras.test_field:DIALOGUE[it hangs up after asking for the password]",
        "cameras.test_field_further:CASES[a realm for each track]",
        "cameras.test_field_further:CASES[unquoted]",
    ),
    "what comes between frames, or is written in part": (
        "cameras.test_field_further:CASES[rubbish between frames]",
        "cameras.test_field_further:test_what_was_written_in_part_ends_nothing",
    ),
    "a picture with a time hours off": (
        "cameras.test_field_further:test_a_picture_with_a_time_hours_off_moves_none_by_more_than_itself",
    ),
    "TCP and UDP by themselves, remembered": (
        "cameras.test_dialogue:WAYS[461 over TCP]",
        "cameras.test_dialogue:WAYS[silence over TCP]",
        "cameras.test_second_time:test_the_transport_that_worked_is_asked_for_first",
        "cameras.test_field_ways:WAYS[UDP where TCP is asked for]",
        "cameras.test_field_ways:WAYS[a session that nothing mends]",
        "cameras.test_field_ways:WAYS[UDP by a source of zeros]",
        "cameras.test_field_further:CASES[to a group when asked]",
        "cameras.test_field_further:CASES[to a group unasked]",
        "cameras.test_field_further:test_who_sends_to_a_group_is_told_of",
        "cameras.test_within_http:CASES[within HTTP]",
    ),
    # Told.
    "rotation, pre-roll, encryption, one camera in two entries": (
        "cameras.test_files:RECIPES[turned]",
        "cameras.test_files:test_what_is_only_for_decoding_is_not_shown_for_longer_than_a_moment",
        "cameras.test_files:test_encrypted_media_is_not_sent_as_if_it_were_clear",
        "plugins.test_push_source:test_pictures_that_are_to_be_turned_are_told_once",
        "cli.test_check:test_one_camera_in_two_entries_is_told",
    ),
    "codecs that nobody takes are encoded anew; a type that names another is an error": (
        "cameras.test_old_codecs:CAMERAS[jpeg]",
        "cameras.test_old_codecs:CAMERAS[mpeg-4]",
        "cameras.test_old_codecs:CAMERAS[h263]",
        "cameras.test_old_codecs:CAMERAS[vp8]",
        "cameras.test_old_codecs:CAMERAS[mpeg-2]",
        "cameras.test_old_codecs:CAMERAS[g726 sound]",
        "cameras.test_old_codecs:CAMERAS[jpeg of three tables]",
        "cameras.test_field_further:CASES[AMR]",
        "cameras.test_rare_sound:CASES[AC-3]",
        "cameras.test_rare_sound:CASES[E-AC-3 in pieces]",
        "cameras.test_rare_sound:CASES[LATM that describes itself]",
        "cameras.test_field_further:CASES[LATM without a config]",
        "cameras.test_zoo:WHAT[AAC in LATM, MPEG-TS]",
        "cameras.test_old_codecs:FILES[sorenson]",
        "cameras.test_push:PUSHED[mjpeg]",
        "core.stream.test_expectation:test_another_codec_than_the_configured_one_is_a_fault_each_time",
    ),
    # All together.
    "any change ends in media, or names the answer": (
        "cameras.test_mutations:test_any_change_ends_in_media_or_names_the_answer_at_fault",
    ),
    "check says in a line what is odd": ("cameras.test_check_says_what_is_odd:test_one_line_says_what_is_odd",),
    "the zoo, and its page": (
        "cameras.test_zoo:test_each_file_is_shown_or_refused_as_the_table_says",
        "cameras.test_zoo:test_there_are_as_many_as_were_promised",
        "cameras.test_zoo:test_the_page_is_that_of_the_table",
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
            cases = getattr(found, attribute)
            known = cases if isinstance(cases, dict) else {", ".join(one) for one in cases}
            assert case.removesuffix("]") in known, name
