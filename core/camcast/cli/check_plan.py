"""`camcast check`: what becomes of a stream's picture and sound on the way to each target, as far as the file tells."""

from __future__ import annotations

from collections.abc import Iterator

from camcast.config import StreamConfig, TargetConfig
from camcast.config.asked import bug
from camcast.config.hosted import AUDIO_WORDS
from camcast.host import PluginHost
from camcast.kinds import Acceptance, Confidence
from camcast.media import MediaKind

_NONE, _SILENT, _AUTO = "none", "silent", "auto"


def plan_lines(host: PluginHost, stream: StreamConfig, target: TargetConfig) -> Iterator[str]:
    """What is transcoded, added or left out, one line each; nothing for what is sent as it comes."""
    try:
        kind = host.transport(target.transport, target.scheme)
    except LookupError:  # where to is a secret
        return
    where = host.platforms.placed(target.target(resolve_secret=str))
    try:
        answer = kind.accepts(where)
    except Exception as error:  # noqa: BLE001  a plugin's bug
        yield f"nobody can say what it takes: {bug(host, f'transport {kind.name}', 'accepts', error, where.scrub)}"
        return
    codec = stream.encoder.codec
    if codec is not None:
        yield from _picture(answer, codec, target)
    yield from _sound(answer, target, where.platform.title if where.platform is not None else "")


def _picture(answer: Acceptance, codec: str, target: TargetConfig) -> Iterator[str]:
    confidence = answer.take(codec).confidence
    instead = answer.fallback.get(MediaKind.VIDEO)
    if confidence is Confidence.NO:
        if target.on_unsupported == "transcode" and instead:
            yield f"{codec} is transcoded to {instead}: this target does not take it"
        elif target.on_unsupported == "transcode":
            yield f"this target does not take {codec}, and nothing is known that it could be transcoded to"
        else:
            yield f"this target does not take {codec} (on_unsupported: {target.on_unsupported})"
    elif confidence is Confidence.UNKNOWN:
        if target.on_unconfirmed == "transcode" and instead:
            yield f"{codec} is transcoded to {instead}: nobody can say whether this target takes it"
        else:
            yield f"nobody can say whether this target takes {codec} (on_unconfirmed: {target.on_unconfirmed})"


def _sound(answer: Acceptance, target: TargetConfig, platform: str) -> Iterator[str]:
    who = platform or _named(target)
    silence = f"silent {answer.fallback.get(MediaKind.AUDIO, 'sound')}"
    if target.audio == _AUTO and answer.needs_audio:
        yield f"{silence} is added where the source has no sound: {who} wants sound"
    elif target.audio == _SILENT:
        yield f"{silence} is sent instead of the source's sound"
    elif target.audio == _NONE:
        yield "no sound is sent" + (f", though {who} wants it" if answer.needs_audio else "")
    elif target.audio not in AUDIO_WORDS:
        yield f"sound is sent as {target.audio}, transcoded where it is anything else"


def _named(target: TargetConfig) -> str:
    return target.server if target.server != _AUTO else "this target"
