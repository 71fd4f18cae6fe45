"""Decides what an attempt sends: pure policy over what the stream is, what the target takes and what was asked.

copy       the target takes the codec, or may do so and nobody knows better (`on_unconfirmed`)
transcode  it does not, and its fallback codec can be made
silent     sound is wanted and the source has none
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from camcast.errors import MediaError, MisconfiguredError
from camcast.kinds import Acceptance, CodecKind, Confidence, FlvForm, Payload, Take
from camcast.media import MediaKind, Track

COPY = ""
"""In a `RenditionKey`: the codec of the stream itself."""
SILENT = "silent"
NONE = "none"


@attrs.frozen
class RenditionKey:
    """What an attempt needs of a stream. Attempts with equal keys share one rendition."""

    payload: Payload
    video: str = COPY
    """`COPY`, or the codec to transcode to. `NONE`: no picture."""
    video_form: str = ""
    audio: str = COPY
    """`COPY`, the codec to transcode to, or `NONE`; `SILENT` + ":" + codec makes silence."""
    audio_form: str = ""


@attrs.frozen
class Remark:
    """Something the operator should know about the choice."""

    code: str
    text: str


@attrs.frozen
class Choice:
    key: RenditionKey
    remarks: tuple[Remark, ...] = ()
    unconfirmed: str = ""
    """Why nobody can tell whether there is a picture at the other end; "" = it can be told, or the user says so."""


def choose(
    tracks: Sequence[Track],
    acceptance: Acceptance,
    codecs: Mapping[str, CodecKind],
    *,
    payload: Payload,
    forms: Mapping[str, str],
    audio: str = "auto",
    on_unsupported: str = "transcode",
    on_unconfirmed: str = "warn",
) -> Choice:
    """The rendition for one attempt; raises `MisconfiguredError` where nothing can be sent.

    `forms`: FLV form asked for by codec. `audio`, `on_unsupported` and `on_unconfirmed`: the output's policies.
    """
    chooser = _Chooser(acceptance, codecs, payload, forms)
    by_kind = {track.kind: track for track in tracks}
    video, video_form = chooser.video(by_kind.get(MediaKind.VIDEO), on_unsupported, on_unconfirmed)
    sound, audio_form = chooser.audio(by_kind.get(MediaKind.AUDIO), audio)
    if video == NONE and sound == NONE:
        raise MisconfiguredError("the stream has neither picture nor sound that this output can carry", stage="publish")
    key = RenditionKey(payload, video, video_form, sound, audio_form)
    return Choice(key, tuple(chooser.remarks), chooser.unconfirmed)


class _Chooser:
    def __init__(
        self, acceptance: Acceptance, codecs: Mapping[str, CodecKind], payload: Payload, forms: Mapping[str, str]
    ) -> None:
        self._acceptance = acceptance
        self._codecs = codecs
        self._payload = payload
        self._forms = forms
        self.remarks: list[Remark] = []
        self.unconfirmed = ""

    def video(self, track: Track | None, on_unsupported: str, on_unconfirmed: str) -> tuple[str, str]:
        if track is None:
            return NONE, ""
        take = self._take(track)
        form = self._form(track.codec, take, track)
        out_of_order = not self._acceptance.reorder and _reorders(track)
        if out_of_order:
            take = Take(Confidence.NO)
        if take.confidence is Confidence.YES:
            return COPY, form
        if take.confidence is Confidence.UNKNOWN:
            return self._unknown(track, form, on_unconfirmed)
        what = f"the target does not take {track.codec}{' with B-frames' if out_of_order else ''}"
        if on_unsupported == "transcode":
            codec = self._fallback(MediaKind.VIDEO, track)
            if codec is not None:
                self._remark("transcoding", f"{what}: sending {codec} instead, transcoded once for all outputs")
                return codec, self._form(codec, self._acceptance.take(codec))
            what += ", and no fallback codec can be made"
        elif on_unsupported == "legacy" and "legacy" in self._flv_forms(track.codec, track):
            self._remark("legacy_form", f"{what} as far as known: sending its legacy form")
            return COPY, "legacy"
        elif on_unsupported == "warn" and (form or self._payload is Payload.PACKETS):
            self._remark("codec_unsupported", f"{what}: sending it all the same")
            return COPY, form
        raise MisconfiguredError(
            f'{what} (on_unsupported is "{on_unsupported}"); '
            f"set the camera to {self._acceptance.fallback.get(MediaKind.VIDEO, 'another codec')} "
            'or use "on_unsupported": "transcode"',
            stage="publish",
        )

    def audio(self, track: Track | None, policy: str) -> tuple[str, str]:
        fallback = self._acceptance.fallback.get(MediaKind.AUDIO)
        if policy == NONE:
            return NONE, ""
        if policy == SILENT or (track is None and policy == "auto" and self._acceptance.needs_audio):
            return self._silence(fallback)
        if track is None:
            return NONE, ""
        take = self._take(track)
        form = self._form(track.codec, take, track)
        sendable = bool(form) or self._payload is Payload.PACKETS
        if policy == "copy":
            if sendable and take.confidence is not Confidence.NO:
                return COPY, form
            self._remark("audio_left_out", f'the target does not take {track.codec} and "audio" is "copy": no sound')
            return NONE, ""
        wanted = fallback if policy == "auto" else policy
        if track.codec == wanted or (policy == "auto" and take.confidence is Confidence.YES and sendable):
            return COPY, form
        source = self._codecs.get(track.codec)
        if wanted is None or wanted not in self._codecs or source is None or source.decoder is None:
            self._remark("audio_left_out", f"the target does not take {track.codec} and it cannot be transcoded")
            return NONE, ""
        return wanted, self._form(wanted, self._acceptance.take(wanted))

    def _silence(self, codec: str | None) -> tuple[str, str]:
        kind = self._codecs.get(codec or "")
        if codec is None or kind is None or kind.silence is None:
            self._remark("audio_left_out", "silence was asked for, but no codec here can make it")
            return NONE, ""
        return f"{SILENT}:{codec}", self._form(codec, self._acceptance.take(codec))

    def _take(self, track: Track) -> Take:
        if self._payload is Payload.TAGS and not self._flv_forms(track.codec, track):
            return Take(Confidence.NO)
        return self._acceptance.take(track.codec)

    def _form(self, codec: str, take: Take, track: Track | None = None) -> str:
        if self._payload is Payload.PACKETS:
            return ""
        known = self._flv_forms(codec, track)
        for form in (take.form, self._forms.get(codec, "")):
            if form in known:
                return form
        return next(iter(known), "")

    def _flv_forms(self, codec: str, track: Track | None = None) -> list[str]:
        """The codec's forms that can carry this very track."""
        kind = self._codecs.get(codec)
        return [name for name, form in kind.flv.items() if track is None or _carries(form, track)] if kind else []

    def _fallback(self, media: MediaKind, track: Track) -> str | None:
        codec = self._acceptance.fallback.get(media)
        source = self._codecs.get(track.codec)
        possible = codec in self._codecs and source is not None and source.decoder is not None
        return codec if possible else None

    def _unknown(self, track: Track, form: str, policy: str) -> tuple[str, str]:
        """Nobody can tell whether the target takes it."""
        if policy == "send":
            return COPY, form
        choices = ", ".join(self._acceptance.choices)
        remedy = f'Set "server" to what it is{f": {choices}" if choices else ""}'
        what = f"nobody can tell whether this server takes {track.codec}"
        if policy == "fail":
            raise MisconfiguredError(
                f'{what} (on_unconfirmed is "fail"). {remedy}; or "on_unconfirmed" to "send" or "transcode"',
                stage="publish",
            )
        codec = self._fallback(MediaKind.VIDEO, track) if policy == "transcode" else None
        if codec is not None:
            self._remark("transcoding", f"{what}: sending {codec} instead, transcoded once for all outputs. {remedy}")
            return codec, self._form(codec, self._acceptance.take(codec))
        self.unconfirmed = f'{what}, so there may be no picture: set "server", or "on_unconfirmed" to "send"'
        self._remark(
            "codec_unconfirmed",
            f"{what}; sending it. {remedy}; or, if the picture is there, "
            '"on_unconfirmed" to "send". Until then the session does not count as healthy',
        )
        return COPY, form

    def _remark(self, code: str, text: str) -> None:
        self.remarks.append(Remark(code, text))


def _reorders(track: Track) -> bool:
    """Whether pictures are out of order for sure: a mere bound, as of streams that do not say, does not count."""
    return track.reorder > 0 and bool(track.details.get("reorder_stated", True))


def _carries(form: FlvForm, track: Track) -> bool:
    try:
        form.check(track)
    except MediaError:
        return False
    return True
