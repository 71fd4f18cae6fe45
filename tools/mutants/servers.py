"""What is promised of servers that are odd, one fault for each clause; `tests/integration/test_server_kinds.py` says
which clause each one breaks. Nearly all tests are processes with a configuration and a peer."""

from __future__ import annotations

from collections.abc import Sequence

from tools.mutants.mutant import Mutant

_PLUGINS = "plugins/transports"
_CLIENT = f"{_PLUGINS}/camcast_rtmp/client.py"
_DRIVER = f"{_PLUGINS}/camcast_rtmp/driver.py"
_MESSAGES = f"{_PLUGINS}/camcast_rtmp/messages.py"
_STATUS = "plugins/kits/camcast_kit_rtmp/status.py"
_ENDPOINT = f"{_PLUGINS}/camcast_whip/endpoint.py"
_ANSWER = f"{_PLUGINS}/camcast_whip/answer.py"
_SDP = f"{_PLUGINS}/camcast_whip/sdp.py"
_SECRETS = "core/camcast/config/secrets.py"

_TESTS = "tests/integration"
_ODD = f"{_TESTS}/test_odd_servers.py"
_REMARKS = (f"{_ODD}::test_remarks_that_cannot_be_read_cost_no_picture[]",)
_ENDS = (f"{_ODD}::test_an_end_that_leaves_the_socket_open_is_followed_by_a_new_beginning[]",)
_DIALOGUES = (f"{_TESTS}/test_odd_dialogues.py::test_what_servers_say_otherwise_costs_no_picture[]",)
_MOVES = (f"{_TESTS}/test_redirects_by_process.py",)
_WHIP = (f"{_TESTS}/test_whip_odd_by_process.py::test_what_is_optional_is_no_condition",)
_ANSWERS = (f"{_TESTS}/test_whip_answers_by_process.py",)
_TARGETS = f"{_TESTS}/test_targets_by_process.py"
_AGAIN = f"{_TESTS}/test_refresh_again.py"
_PICTURE = f"{_TESTS}/test_stays_on_air_picture.py"

MUTANTS: Sequence[Mutant] = (
    # --- strict where ignoring is right
    Mutant(
        "a control message that is too short ends it",
        f"{_PLUGINS}/camcast_rtmp/connection.py",
        "        if len(payload) < 4:\n            return True\n",
        '        if len(payload) < 4:\n            raise ProtocolError("short")\n',
        _REMARKS,
    ),
    Mutant(
        "a value that cannot be read ends it",
        _MESSAGES,
        "values, _ = amf0.decode_some(payload, MAX_COMMAND_VALUES)",
        "values = amf0.decode(payload)",
        _REMARKS,
    ),
    Mutant(
        "a command without a name ends it",
        _MESSAGES,
        "        return None\n    # FFmpeg's onFCPublish",
        '        raise ProtocolError("no name")\n    # FFmpeg\'s onFCPublish',
        _REMARKS,
    ),
    Mutant(
        "an answer without what is waited for is good enough",
        _CLIENT,
        "        if number is None:\n",
        "        number = number or 0\n        if number is None:\n",
        (f"{_ODD}::test_an_answer_without_what_is_waited_for_is_named",),
    ),
    Mutant(
        "Enhanced RTMP's properties are not left out",
        _DRIVER,
        "return await self._connect_bare(first)",
        "raise first",
        (f"{_ODD}::test_a_server_that_ends_it_at_enhanced_properties_gets_the_stream",),
    ),
    Mutant(
        "what helped at a server is forgotten",
        f"{_PLUGINS}/camcast_rtmp/memory.py",
        "return tried is not None and tried.who is not None and now - tried.at <= KNOWN_FOR",
        "return False",
        (f"{_ODD}::test_what_helped_at_a_server_is_remembered",),
    ),
    Mutant(
        "an error about something else ends it",
        _STATUS,
        "if code.startswith(_ELSEWHERE):",
        "if False:",
        _DIALOGUES,
    ),
    Mutant(
        "a server's version has to be ours",
        f"{_PLUGINS}/camcast_rtmp/handshake.py",
        "(self._server or self._buffer[0] not in _OTHERS)",
        "True",
        _DIALOGUES,
    ),
    # --- connected, well, and nothing to see
    Mutant(
        "onFCUnpublish is a remark",
        _CLIENT,
        "case name if name in ENDING:\n                return Input.UNPUBLISHED",
        "case name if name in ENDING:\n                return Input.REMARK",
        _ENDS,
    ),
    Mutant("NetStream.Unpublish is a remark", _STATUS, "if code.startswith(_ENDED):", "if False:", _ENDS),
    Mutant("StreamEOF is a remark", _CLIENT, "if ends(message.payload, self.stream_id):", "if False:", _ENDS),
    Mutant(
        "words for an end count as errors only",
        _STATUS,
        'bad = code in KINDS or level == "error"',
        'bad = level == "error"',
        _ENDS,
    ),
    Mutant(
        "a stream without keyframes waits for one",
        "core/camcast/bitstream/parser.py",
        "STARVED = 3 * NS_PER_S",
        "STARVED = 3000 * NS_PER_S",
        (f"{_AGAIN}::test_pushed_pictures_come_again_without_a_keyframe",),
    ),
    Mutant(
        "a keyframe that is long in coming is not told of",
        "core/camcast/session/attempt.py",
        '            "keyframe_awaited",\n',
        '            "something",\n',
        (f"{_PICTURE}::test_a_reconnect_far_from_the_next_keyframe_is_told_and_sound_goes_on",),
    ),
    Mutant(
        "sound alone is healthy",
        "core/camcast/session/health.py",
        "if acknowledged and not overdue and not impaired:",
        "if acknowledged and not impaired:",
        (f"{_TESTS}/test_picture_again.py::test_sound_alone_is_not_healthy_where_there_is_a_picture",),
    ),
    # --- a track that never parses
    Mutant(
        "channels that a frame describes are not read",
        "plugins/encoders/camcast_aac/adts.py",
        "return bool(block) and block[0] >> 5 == _ID_PCE",
        "return False",
        (f"{_TESTS}/test_described_channels.py",),
    ),
    Mutant(
        "a track of which nothing can be read is not told of",
        "plugins/sources/camcast_file/reader.py",
        'cannot be read so far: {_why_not(lane)}")',
        'cannot be read")',
        ("tests/plugins/test_file_source.py::test_a_track_that_never_can_be_read_is_told_in_the_words_of_who_tried",),
    ),
    Mutant(
        "a track of which nothing can be read is counted only",
        "plugins/kits/camcast_kit_ingest/unread.py",
        "if self._refused[kind] == ENOUGH:",
        "if False:",
        (
            (
                "tests/plugins/test_push_source.py"
                "::test_a_track_of_which_nothing_can_be_read_is_told_once_with_the_parsers_words"
            ),
            "tests/integration/test_unreadable_tracks.py::test_who_publishes",
        ),
    ),
    Mutant(
        "a jump of one track's times is final at its first packet",
        "core/camcast/stream/clock.py",
        "if doubt is not None and self._was_none(doubt, line, packet):",
        "if doubt is None and doubt:",
        (
            "tests/core/stream/test_clock.py::test_a_few_late_packets_of_one_track_move_nothing_for_good",
            "tests/integration/test_late_packets.py::test_packets_with_wrong_times_move_no_other",
        ),
    ),
    # --- a transport stream that hardware decoders take
    Mutant(
        "the clock of a programme has no lead",
        f"{_PLUGINS}/camcast_srt/programme_clock.py",
        "return max(dts + self.lead, clock + MARGIN)",
        "return dts",
        (f"{_TESTS}/test_transport_streams.py",),
    ),
    Mutant(
        "the clock of a programme comes with pictures only",
        f"{_PLUGINS}/camcast_srt/mpegts.py",
        "PCR_PERIOD = CLOCK * 40 // 1000",
        "PCR_PERIOD = CLOCK * 220 // 1000",
        (f"{_TESTS}/test_transport_streams.py",),
    ),
    Mutant(
        "a programme has no description of its service",
        f"{_PLUGINS}/camcast_srt/psi.py",
        "            out.append(self._service.packet())\n",
        "",
        (f"{_TESTS}/test_transport_streams.py",),
    ),
    # --- optional steps
    Mutant(
        "OPTIONS has to be answered",
        _ENDPOINT,
        "        except Unanswered:\n            self.findings",
        "        except ZeroDivisionError:\n            self.findings",
        _WHIP,
    ),
    Mutant(
        "a candidate that names a host is passed over",
        f"{_PLUGINS}/camcast_whip/names.py",
        "        if not named:\n",
        "        if named:\n",
        _WHIP,
    ),
    Mutant("Retry-After is ignored", _ENDPOINT, "error.retry_after = wait\n", "error.retry_after = None\n", _WHIP),
    Mutant(
        "a request to connect anew is a move to where it is",
        _DRIVER,
        "if reconnect.to_the_same(event.tc_url, self._address):",
        "if False:",
        _ENDS,
    ),
    Mutant(
        "a move to what is no address is passed over in silence",
        _DRIVER,
        "        if url is None:\n",
        "        if url is None:\n            return\n        if url is None:\n",
        _MOVES,
    ),
    Mutant(
        "a key with slashes is taken apart anew where a server sends it",
        "core/camcast/target.py",
        'if self.stream_key and url.endswith(f"/{self.stream_key}") else None',
        "if False else None",
        _MOVES,
    ),
    Mutant(
        "an answer has as many sections as the offer, in its order",
        _ANSWER,
        'found.append(next((one for one in ours if track.mid in one.all("mid")), ours[0] if ours else None))',
        "found.append(sections[len(found)] if sections[len(found)] in ours else None)",
        _ANSWERS,
    ),
    Mutant(
        "candidates of no use are all that there will be",
        _SDP,
        "complete=bool(usable),",
        "complete=bool(raw),",
        _ANSWERS,
    ),
    # --- one track's late packet
    Mutant(
        "a file's track that pauses is waited for",
        "plugins/sources/camcast_file/merge.py",
        "MAX_SPAN = 12 * NS_PER_S",
        "MAX_SPAN = 1000 * NS_PER_S",
        ("tests/plugins/test_file_growing.py", "tests/plugins/test_file_source.py"),
    ),
    Mutant(
        "the last picture before a pause comes behind it",
        "plugins/transports/camcast_srt/ingest/elementary.py",
        "        if second & 0x40:\n            self._starts",
        "        self._came = now\n        if second & 0x40:\n            self._starts",
        ("tests/plugins/test_srt_demuxer.py::test_one_came_when_its_last_bytes_did",),
    ),
    Mutant(
        "the last picture without a mark before a pause comes behind it",
        "plugins/sources/camcast_rtsp/track.py",
        "            arrival = begun",
        "            arrival = self._unit_arrival",
        ("tests/integration/test_pauses_by_process.py",),
    ),
    # --- words and defaults
    Mutant(
        "what stands around a key is sent",
        _SECRETS,
        "return text.strip(_AROUND)",
        "return text",
        (f"{_TARGETS}::test_what_stands_around_a_key_is_not_sent",),
    ),
    Mutant(
        "a slash too few passes",
        "core/camcast/config/hosted.py",
        '        raise ValueError(f"expected {word}://host/…, got {word}: and no // behind it")',
        "        pass",
        (f"{_TARGETS}::test_a_slash_too_few_passes_no_check",),
    ),
    Mutant(
        "a URL without an application is not told",
        "plugins/kits/camcast_kit_rtmp/urls.py",
        "if parse(target).app or target.server in _OF_ONE_PART:",
        "if True:",
        (f"{_TARGETS}::test_a_url_without_an_application_is_told",),
    ),
    Mutant(
        "harmless keys of other tools are errors",
        f"{_PLUGINS}/camcast_srt/options.py",
        "            if not values:\n                ignored.append(key)\n",
        "            if not values:\n                raise ValueError(key)\n",
        (f"{_TARGETS}::test_keys_of_other_tools_are_passed_over_and_told",),
    ),
    Mutant(
        "a source slower than idle_timeout is not told of",
        "core/camcast/session/pauses.py",
        "if self._told or len(self._row) < ENOUGH:",
        "if True:",
        (f"{_TARGETS}::test_a_source_slower_than_idle_timeout_is_told_of_once",),
    ),
    Mutant(
        "a demanded certificate is told in OpenSSL's words",
        "core/camcast/net/tls.py",
        "    if not reason:\n        return None\n    if settings.client_certificate is None:",
        "    if reason or not reason:\n        return None\n    if settings.client_certificate is None:",
        ("tests/plugins/test_rtmp_tls.py::test_a_server_that_wants_to_know_who_we_are",),
    ),
    Mutant(
        "a receiver's latency is not waited for at the end",
        f"{_PLUGINS}/camcast_srt/transport.py",
        "return 0.0 if self._gone else max(0.0, shown_at - clock.monotonic())",
        "return 0.0",
        (f"{_TARGETS}::test_a_long_latency_of_srt_loses_no_tail_at_a_clean_stop",),
    ),
    # --- H.265 where nobody can say
    Mutant(
        "nginx-rtmp is not recognised",
        f"{_PLUGINS}/camcast_rtmp/profiles.py",
        'if "*" in one.signature and fnmatch(found, one.signature)',
        "if False",
        (f"{_TESTS}/test_server_unknown.py::test_nginx_is_recognised_and_gets_a_picture_that_it_takes",),
    ),
    Mutant(
        "what nobody can confirm is healthy",
        "core/camcast/session/health.py",
        "return Health.HEALTHY if confirmed else Health.UNCONFIRMED",
        "return Health.HEALTHY",
        (f"{_TESTS}/test_server_unknown.py::test_a_server_that_nobody_knows",),
    ),
)
