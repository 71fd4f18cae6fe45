"""What is sent: {stream} x {target} x {policy}, as a table."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from tests.core.world import AUDIO, TOY_AUDIO, TOY_VIDEO, VIDEO

from camcast.errors import MisconfiguredError
from camcast.kinds import Acceptance, CodecKind, Confidence, Payload, Take
from camcast.media import MediaKind
from camcast.stream.negotiation import choose

YES, UNKNOWN, NO = Take(Confidence.YES), Take(Confidence.UNKNOWN), Take(Confidence.NO)
OTHER_VIDEO = attrs.evolve(TOY_VIDEO, name="othervideo")
OTHER_AUDIO = attrs.evolve(TOY_AUDIO, name="otheraudio")
MUTE = attrs.evolve(TOY_AUDIO, name="mute", flv={}, decoder=None, silence=None)


def _decodes(kind: CodecKind) -> CodecKind:
    return attrs.evolve(kind, decoder=lambda track: pytest.fail("not opened"))


CODECS = {k.name: k for k in (_decodes(TOY_VIDEO), _decodes(TOY_AUDIO), OTHER_VIDEO, OTHER_AUDIO, MUTE)}
FALLBACK = {MediaKind.VIDEO: "othervideo", MediaKind.AUDIO: "otheraudio"}


def target(video: Take = YES, audio: Take = YES, **more: Any) -> Acceptance:
    return Acceptance(
        codecs={"toyvideo": video, "toyaudio": audio, "othervideo": YES, "otheraudio": YES},
        fallback=FALLBACK,
        choices=("nginx", "other"),
        **more,
    )


def decide(acceptance: Acceptance, tracks: Any = (VIDEO, AUDIO), payload: Payload = Payload.TAGS, **policy: str) -> Any:
    choice = choose(tracks, acceptance, CODECS, payload=payload, forms={}, **policy)
    key = choice.key
    return (key.video, key.video_form, key.audio, key.audio_form), [remark.code for remark in choice.remarks]


@pytest.mark.parametrize(
    ("acceptance", "policy", "sent", "remarks"),
    [
        (target(), {}, ("", "plain", "", "plain"), []),
        (target(UNKNOWN), {}, ("", "plain", "", "plain"), ["codec_unconfirmed"]),
        (target(UNKNOWN), {"on_unconfirmed": "send"}, ("", "plain", "", "plain"), []),
        (target(UNKNOWN), {"on_unconfirmed": "transcode"}, ("othervideo", "plain", "", "plain"), ["transcoding"]),
        (target(NO), {"on_unconfirmed": "send"}, ("othervideo", "plain", "", "plain"), ["transcoding"]),
        (target(NO), {}, ("othervideo", "plain", "", "plain"), ["transcoding"]),
        (target(NO), {"on_unsupported": "legacy"}, ("", "legacy", "", "plain"), ["legacy_form"]),
        (target(NO), {"on_unsupported": "warn"}, ("", "plain", "", "plain"), ["codec_unsupported"]),
        (target(Take(Confidence.YES, "legacy")), {}, ("", "legacy", "", "plain"), []),
        (target(audio=NO), {}, ("", "plain", "otheraudio", "plain"), []),
        (target(audio=UNKNOWN), {}, ("", "plain", "otheraudio", "plain"), []),
        (target(audio=UNKNOWN), {"audio": "copy"}, ("", "plain", "", "plain"), []),
        (target(audio=NO), {"audio": "copy"}, ("", "plain", "none", ""), ["audio_left_out"]),
        (target(), {"audio": "none"}, ("", "plain", "none", ""), []),
        (target(), {"audio": "silent"}, ("", "plain", "silent:otheraudio", "plain"), []),
        (target(), {"audio": "otheraudio"}, ("", "plain", "otheraudio", "plain"), []),
        (target(), {"audio": "toyaudio"}, ("", "plain", "", "plain"), []),
        (target(), {"audio": "nosuch"}, ("", "plain", "none", ""), ["audio_left_out"]),
    ],
)
def test_table(acceptance: Any, policy: Any, sent: Any, remarks: Any) -> None:
    assert decide(acceptance, **policy) == (sent, remarks)


def test_fail_names_both_and_the_remedy() -> None:
    with pytest.raises(MisconfiguredError, match=r"does not take toyvideo.*set the camera to othervideo"):
        decide(target(NO), on_unsupported="fail")


def test_what_nobody_can_confirm_is_said_until_somebody_does() -> None:
    def unconfirmed(**policy: str) -> str:
        return choose((VIDEO,), target(UNKNOWN), CODECS, payload=Payload.TAGS, forms={}, **policy).unconfirmed

    assert "nobody can tell whether this server takes toyvideo" in unconfirmed()
    assert unconfirmed(on_unconfirmed="send") == unconfirmed(on_unconfirmed="transcode") == ""
    assert choose((VIDEO,), target(), CODECS, payload=Payload.TAGS, forms={}).unconfirmed == ""
    with pytest.raises(MisconfiguredError, match=r"toyvideo.*nginx, other.*send"):
        unconfirmed(on_unconfirmed="fail")


def test_b_frames_are_transcoded_where_the_target_cannot_show_them() -> None:
    tracks = (attrs.evolve(VIDEO, reorder=2),)
    assert decide(target(reorder=False), tracks)[0][0] == "othervideo"
    assert decide(target(), tracks)[0][0] == ""


def test_b_frames_that_are_only_possible_are_not_there() -> None:
    """Streams that do not say how far pictures are out of order mostly have them in order."""
    tracks = (attrs.evolve(VIDEO, reorder=2, details={"reorder_stated": False}),)
    assert decide(target(reorder=False), tracks) == (("", "plain", "none", ""), [])
    tracks = (attrs.evolve(VIDEO, reorder=2, details={"reorder_stated": True}),)
    assert decide(target(reorder=False), tracks)[0][0] == "othervideo"


def test_silence_where_the_platform_needs_sound_and_there_is_none() -> None:
    assert decide(target(needs_audio=True), (VIDEO,))[0][2] == "silent:otheraudio"
    assert decide(target(), (VIDEO,))[0][2] == "none"


def test_sound_that_cannot_be_carried_is_left_out_with_a_remark() -> None:
    sent, remarks = decide(target(), (VIDEO, attrs.evolve(AUDIO, codec="mute")))
    assert sent[2] == "none"
    assert remarks == ["audio_left_out"]


def test_packets_need_no_form() -> None:
    assert decide(target(), payload=Payload.PACKETS)[0] == ("", "", "", "")


def test_a_stream_that_leaves_nothing_to_send_is_misconfigured() -> None:
    with pytest.raises(MisconfiguredError, match="neither picture nor sound"):
        decide(target(), (AUDIO,), audio="none")


def test_the_unconfirmed_remark_names_the_choices() -> None:
    choice = choose((VIDEO,), target(UNKNOWN), CODECS, payload=Payload.TAGS, forms={})
    assert 'Set "server" to what it is: nginx, other; or' in choice.remarks[0].text
