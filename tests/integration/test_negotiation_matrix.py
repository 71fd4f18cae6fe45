"""Who is sent what: {server} x {picture} x {sound} x {policy}, decided for all and proved at the receiver for many.

`SERVERS` is written down from what servers were seen to take, not from the plugin's data
file: a cell names the form that arrives, "no", or "?" and the form where nobody can tell.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import attrs
import pytest

from camcast import SessionConfig
from camcast.config import TargetConfig
from camcast.errors import ErrorClass, MisconfiguredError
from camcast.events import AttemptFailed, Note, SessionState
from camcast.host import PluginHost
from camcast.kinds import Acceptance, Payload
from camcast.media import MediaKind, TagType, Track
from camcast.stream.negotiation import choose
from camcast.target import Target
from camcast.testing.recording import Recording
from camcast_rtmp.client import Connected
from camcast_rtmp.profiles import accepts, from_answer, profiles
from camcast_rtmp.receiver import Receiver
from tests.integration.air import CODECS, FAST, on_air
from tests.integration.codec_clips import clip_of
from tests.integration.kit import camera, until

ENHANCED, LEGACY, BOTH, NO = "enhanced", "legacy", "enhanced or legacy", "no"
UNSURE, UNSURE_LEGACY, UNSURE_BOTH = "? enhanced", "? legacy", "? enhanced or legacy"


@attrs.frozen
class Takes:
    """One server's line of the table. All take H.264 and AAC in their legacy forms."""

    h265: str = NO
    av1: str = NO
    opus: str = NO
    g711a: str = NO
    needs_sound: bool = False

    def of(self, codec: str) -> str:
        return LEGACY if codec in ("h264", "aac") else str(getattr(self, codec))


UNKNOWN = Takes(UNSURE_BOTH, UNSURE, UNSURE, UNSURE_LEGACY)
SERVERS = {
    "auto": UNKNOWN,
    "generic": UNKNOWN,
    "multitrack": Takes(ENHANCED, ENHANCED, ENHANCED, UNSURE_LEGACY),
    "h264-aac": Takes(),
    "hevc-legacy": Takes(LEGACY),
    "nginx-rtmp": Takes(g711a=LEGACY),
    "node-media-server": Takes(ENHANCED, ENHANCED, ENHANCED, LEGACY),
    "node-media-server-2": Takes(BOTH, ENHANCED, NO, LEGACY),
    "pyrtmp": UNKNOWN,
    "srs": Takes(BOTH),
    "mediamtx": Takes(BOTH, ENHANCED, ENHANCED, LEGACY),
    "go2rtc": Takes(BOTH),
    # Its AV1 wants composition times where the specification has none.
    "zlmediakit": Takes(BOTH, NO, ENHANCED, LEGACY),
    "ffmpeg": Takes(BOTH, ENHANCED, ENHANCED, LEGACY),
    "camcast": Takes(BOTH, ENHANCED, ENHANCED, LEGACY),
    "youtube": Takes(ENHANCED, ENHANCED, needs_sound=True),
    "twitch": Takes(),
    "facebook": Takes(needs_sound=True),
}
ANSWERS: dict[str, tuple[dict[str, object], dict[str, object], Takes]] = {
    "Enhanced maps with H.265 alone": (
        {"videoFourCcInfoMap": {"hvc1": 4.0}, "audioFourCcInfoMap": {}},
        {},
        Takes(ENHANCED, NO, NO, UNSURE_LEGACY),
    ),
    "Enhanced maps with everything": (
        {"videoFourCcInfoMap": {"*": 4.0}, "audioFourCcInfoMap": {"*": 1.0}},
        {},
        Takes(ENHANCED, ENHANCED, ENHANCED, UNSURE_LEGACY),
    ),
    "the older list": ({"fourCcList": ["av01", "Opus"]}, {}, Takes(NO, ENHANCED, ENHANCED, UNSURE_LEGACY)),
    "SRS's own words": ({}, {"data": {"srs_server": "SRS/7.0.18"}}, SERVERS["srs"]),
    "MediaMTX's version": ({"fmsVer": "LNX 9,0,124,2"}, {}, SERVERS["mediamtx"]),
}

PICTURES = ("h264", "h265", "av1")
SOUNDS = ("aac", "opus", "g711a", "")
HEVC = (ENHANCED, LEGACY)
ON_UNSUPPORTED = ("transcode", "legacy", "warn", "fail")
AUDIO = ("auto", "copy", "aac", "silent", "none")
MISCONFIGURED = ("misconfigured", "")
HOST = PluginHost()


def picture_sent(cell: str, codec: str, hevc: str, policy: str) -> tuple[tuple[str, str], list[str]]:
    """(codec, form) and remarks, by the words of the configuration."""
    offered = hevc if codec == "h265" and hevc in cell else cell.removeprefix("? ").partition(" ")[0]
    if cell == NO:
        form = hevc if codec == "h265" else ENHANCED
        match policy:
            case "transcode":
                return ("h264", LEGACY), ["transcoding"]
            case "legacy" if codec == "h265":
                return ("h265", LEGACY), ["legacy_form"]
            case "warn":
                return (codec, form), ["codec_unsupported"]
        return MISCONFIGURED, []
    return (codec, offered), ["codec_unconfirmed"] if cell.startswith("?") else []


def sound_sent(cell: str, codec: str, policy: str, *, needs: bool) -> tuple[tuple[str, str], list[str]]:
    """The same for sound; "silence" is AAC that is made here."""
    nothing, silence = ("none", ""), ("silence", LEGACY)
    if policy == "none":
        return nothing, []
    if policy == "silent":
        return silence, []
    if not codec:
        return (silence if needs and policy == "auto" else nothing), []
    form = cell.removeprefix("? ")
    if policy == "copy":
        return (nothing, ["audio_left_out"]) if cell == NO else ((codec, form), [])
    taken = policy == "auto" and cell in (ENHANCED, LEGACY)
    return ((codec, form) if taken else ("aac", LEGACY)), []


def decided(acceptance: Acceptance, tracks: Iterable[Track], hevc: str, on_unsupported: str, audio: str) -> Any:
    """What negotiation says, in the table's words."""
    try:
        choice = choose(
            list(tracks),
            acceptance,
            HOST.codecs,
            payload=Payload.TAGS,
            forms={"h265": hevc},
            audio=audio,
            on_unsupported=on_unsupported,
        )
    except MisconfiguredError:
        return MISCONFIGURED, None, None
    key = choice.key
    by_kind = {track.kind: track.codec for track in tracks}
    picture = (key.video or by_kind[MediaKind.VIDEO], key.video_form)
    sound = "silence" if key.audio == "silent:aac" else key.audio or by_kind[MediaKind.AUDIO]
    return picture, (sound, key.audio_form), [remark.code for remark in choice.remarks]


def check_line(takes: Takes, acceptance_for: dict[str, Acceptance]) -> int:
    """Compare one server's whole line; returns how many combinations that were."""
    count = 0
    for picture, sound, hevc, policy, audio in itertools.product(PICTURES, SOUNDS, HEVC, ON_UNSUPPORTED, AUDIO):
        tracks = [Track(kind=MediaKind.VIDEO, codec=picture, width=320, height=240)]
        if sound:
            rate, channels = (8000, 1) if sound == "g711a" else (48_000, 2)
            tracks.append(Track(kind=MediaKind.AUDIO, codec=sound, sample_rate=rate, channels=channels))
        wanted, remarks = picture_sent(takes.of(picture), picture, hevc, policy)
        heard, more = sound_sent(takes.of(sound) if sound else "", sound, audio, needs=takes.needs_sound)
        expected = (wanted, None, None) if wanted is MISCONFIGURED else (wanted, heard, remarks + more)
        found = decided(acceptance_for[hevc], tracks, hevc, policy, audio)
        assert found == expected, f"{picture} + {sound or 'no sound'}, hevc {hevc}, {policy}, audio {audio}"
        count += 1
    return count


def test_the_table_names_every_profile() -> None:
    assert set(SERVERS) - {"youtube", "twitch", "facebook"} == set(profiles())


@pytest.mark.parametrize("server", SERVERS)
def test_what_each_server_is_sent(server: str) -> None:
    placed = PluginHost().platforms.placed
    known = {hevc: accepts(placed(Target(url="rtmp://h/live/k", server=server, forms={"h265": hevc}))) for hevc in HEVC}
    assert check_line(SERVERS[server], known) == 480


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_an_answer_changes(answer: str) -> None:
    properties, info, takes = ANSWERS[answer]
    known = {}
    for hevc in HEVC:
        target = Target(url="rtmp://h/live/k", forms={"h265": hevc})
        known[hevc] = from_answer(target, Connected(properties, info))
    assert check_line(takes, known) == 480  # type: ignore[arg-type]


# --- proved at the receiver ---------------------------------------------------------------------------------


@attrs.frozen
class Case:
    """One output of a camera and what must arrive there: "codec form", or the remark's code in front of nothing."""

    picture: str
    sound: str | None
    server: str
    arrives: tuple[str, str] | None
    """Picture and sound; None = nothing, the session has failed for good."""
    remarks: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    receiver: str = "plain"


def case(
    picture: str, sound: str | None, server: str, arrives: str, *remarks: str, receiver: str = "plain", **settings: str
) -> Any:
    """`arrives`: "h265 enhanced + aac legacy", "h264 legacy" without sound, "" for nothing."""
    seen, _, heard = arrives.partition(" + ")
    return Case(picture, sound, server, (seen, heard) if arrives else None, remarks, tuple(settings.items()), receiver)


CASES = (
    case("h264", "aac", "auto", "h264 legacy + aac legacy"),
    case("h264", "aac", "youtube", "h264 legacy + aac legacy"),
    case("h264", "aac", "auto", "h264 legacy", audio="none"),
    case("h264", None, "auto", "h264 legacy"),
    case("h264", None, "youtube", "h264 legacy + aac legacy"),
    case("h264", None, "auto", "h264 legacy + aac legacy", audio="silent"),
    case("h264", "opus", "auto", "h264 legacy + aac legacy"),
    case("h264", "opus", "auto", "h264 legacy + opus enhanced", audio="copy"),
    case("h264", "opus", "node-media-server", "h264 legacy + opus enhanced"),
    case("h264", "opus", "mediamtx", "h264 legacy + aac legacy", audio="aac"),
    case("h264", "opus", "auto", "h264 legacy + opus enhanced", receiver="everything"),
    case("h264", "g711a", "nginx-rtmp", "h264 legacy + g711a legacy"),
    case("h264", "g711a", "srs", "h264 legacy + aac legacy"),
    case("h264", "g711a", "twitch", "h264 legacy", "audio_left_out", audio="copy"),
    case("h264", "g711a", "auto", "h264 legacy + aac legacy", audio="silent"),
    case("h264", "mp2", "nginx-rtmp", "h264 legacy + aac legacy"),
    case("h264", "pcm", "auto", "h264 legacy + aac legacy"),
    case("h265", "aac", "auto", "h265 enhanced + aac legacy", "codec_unconfirmed"),
    case("h265", "aac", "auto", "h265 legacy + aac legacy", "codec_unconfirmed", hevc="legacy"),
    case("h265", "aac", "srs", "h265 enhanced + aac legacy"),
    case("h265", "aac", "srs", "h265 legacy + aac legacy", hevc="legacy"),
    case("h265", "aac", "hevc-legacy", "h265 legacy + aac legacy"),
    case("h265", "aac", "nginx-rtmp", "h264 legacy + aac legacy", "transcoding"),
    case("h265", "aac", "nginx-rtmp", "h265 legacy + aac legacy", "legacy_form", on_unsupported="legacy"),
    case("h265", "aac", "nginx-rtmp", "h265 enhanced + aac legacy", "codec_unsupported", on_unsupported="warn"),
    case("h265", "aac", "nginx-rtmp", "", on_unsupported="fail"),
    case("h265", "aac", "auto", "h265 enhanced + aac legacy", receiver="h265 alone"),
    case("h265", "g711a", "twitch", "h264 legacy + aac legacy", "transcoding"),
    case("h265", None, "youtube", "h265 enhanced + aac legacy"),
    case("av1", "aac", "auto", "av1 enhanced + aac legacy", "codec_unconfirmed"),
    case("av1", "aac", "srs", "h264 legacy + aac legacy", "transcoding"),
    case("av1", "aac", "go2rtc", "", on_unsupported="legacy"),
    case("av1", "opus", "node-media-server", "av1 enhanced + opus enhanced"),
    case("av1", "opus", "zlmediakit", "h264 legacy + opus enhanced", "transcoding"),
    case("av1", "opus", "auto", "h264 legacy + aac legacy", "transcoding", receiver="h265 alone"),
)


def arrived(recording: Recording) -> tuple[str, str]:
    """Picture and sound that came, "codec form" each."""
    found = {TagType.VIDEO: set[str](), TagType.AUDIO: set[str]()}
    for frame in recording.frames(CODECS):
        found[frame.type].add(f"{frame.codec} {frame.form}")
    (seen,) = found[TagType.VIDEO]
    return seen, next(iter(found[TagType.AUDIO]), "")


async def test_what_arrives_at_the_receiver() -> None:
    """All cases at once: a camera for each clip, an output for each case."""
    cameras = defaultdict(list)
    async with Receiver() as plain, Receiver() as some, Receiver() as everything:
        some.properties = {"videoFourCcInfoMap": {"hvc1": 4.0}, "audioFourCcInfoMap": {}}
        everything.properties = {"videoFourCcInfoMap": {"*": 4.0}, "audioFourCcInfoMap": {"*": 4.0}}
        receivers = {"plain": plain, "h265 alone": some, "everything": everything}
        for number, one in enumerate(CASES):
            url = receivers[one.receiver].url("live", f"case{number}")
            cameras[one.picture, one.sound].append(
                (number, TargetConfig(url=url, server=one.server, **dict(one.settings)))
            )
        configured = [
            camera(
                number,
                clip_of(picture, sound),
                *(
                    SessionConfig(camera_id=number, output=f"case{index}", targets=[target], retry_policy=FAST)
                    for index, target in outputs
                ),
            )
            for number, ((picture, sound), outputs) in enumerate(cameras.items())
        ]
        async with on_air(*configured) as (running, events):

            def complete(number: int) -> bool:
                if CASES[number].arrives is None:
                    (session,) = running.sessions.find(output=f"case{number}")
                    return session.state is SessionState.FAILED
                found = receivers[CASES[number].receiver].of(f"case{number}")
                wanted = [TagType.VIDEO, TagType.AUDIO][: 2 if CASES[number].arrives[1] else 1]
                return bool(found) and all(found[0].counts[kind] >= 30 for kind in wanted)

            await until(lambda: all(complete(number) for number in range(len(CASES))), 40)
            # One transcoder for each codec that a camera's outputs need, whatever their other track is.
            streams = {stream.camera_id: stream.transcoders for stream in running.stats().streams}
        for number, one in enumerate(CASES):
            found = receivers[one.receiver].of(f"case{number}")
            told = [event for event in events if isinstance(event, Note) and event.key.output == f"case{number}"]
            assert [note.code for note in told] == list(one.remarks), one
            if one.arrives is None:
                assert not found, one
                assert _class_of_failure(events, f"case{number}") is ErrorClass.MISCONFIGURED
            else:
                assert arrived(found[0]) == one.arrives, one
            if "codec_unconfirmed" in one.remarks:
                names = "nginx-rtmp, node-media-server, node-media-server-2, pyrtmp, srs, mediamtx, go2rtc"
                assert names in told[0].message
    for number, ((picture, sound), outputs) in enumerate(cameras.items()):
        wanted = {
            sent
            for index, _ in outputs
            for sent, own in zip(CASES[index].arrives or (), (picture, sound), strict=False)
            if sent and own and not sent.startswith(own) and ("audio", "silent") not in CASES[index].settings
        }
        assert streams[number] == len(wanted), (picture, sound, wanted)


def _class_of_failure(events: Iterable[object], output: str) -> ErrorClass:
    return next(
        event.error_class for event in events if isinstance(event, AttemptFailed) and event.key.output == output
    )
