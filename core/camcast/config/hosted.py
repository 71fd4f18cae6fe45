"""Checks that need to know the plugins: kinds exist, their options fit, a transport can work with its target."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from camcast.config.model import EncoderConfig, SourceConfig
from camcast.config.secrets import has_reference, is_reference
from camcast.config.session import TargetConfig
from camcast.errors import CamcastError, ConfigError, Issue, MediaError
from camcast.kinds import CodecKind, EncoderKind, Gives, SourceKind, TransportKind
from camcast.media import MediaKind
from camcast.redaction import redact_text
from camcast.structure import suggest
from camcast.target import Target

if TYPE_CHECKING:
    from camcast.host import PluginHost

COPY = "copy"
MADE = "H264_CBR"
"""What a stream is encoded as when its source gives frames and the file names no encoder."""
AUDIO_WORDS = ("auto", "copy", "silent", "none")

_ENCODER_TYPE = re.compile(r"(?P<codec>[A-Za-z0-9.-]+?)(?:_(?P<control>CBR|VBR|AVBR))?", re.IGNORECASE)


def check_options(
    host: PluginHost, kind: SourceKind | EncoderKind | TransportKind, options: Mapping[str, Any], path: str
) -> tuple[list[Issue], Any]:
    """What is wrong with a kind's options, and their instance where that can be told now.

    A value that is kept elsewhere (`env:…`) is not known yet, so only its key is checked.
    """
    later = {key for key, value in options.items() if has_reference(value)}
    now = {key: value for key, value in options.items() if key not in later}
    known = [field.alias for field in attrs.fields(kind.options)] if attrs.has(kind.options) else sorted(later)
    issues = [Issue(f"{path}.{key}", f"unknown key{suggest(key, known)}") for key in sorted(later - set(known))]
    instance = None
    try:
        instance = host.structure_options(kind, now, path)
    except ConfigError as error:
        missing = {f"{path}.{key}" for key in later}
        # A plugin's own check may quote the value that it refuses.
        secrets = Target(url="", options=dict(options)).secrets
        issues += [
            attrs.evolve(issue, message=redact_text(issue.message, secrets))
            for issue in error.issues
            if issue.path not in missing
        ]
    return issues, None if later else instance


def check_source(host: PluginHost, source: SourceConfig, path: str) -> tuple[list[Issue], SourceKind | None]:
    try:
        kind = host.source(source.type)
    except LookupError as error:
        return [Issue(f"{path}.type", _text(error))], None
    issues, _ = check_options(host, kind, source.options, f"{path}.options")
    if kind.needs_url and not source.url:
        issues.append(Issue(f"{path}.url", f'is missing; a source of type "{kind.name}" needs it'))
    return issues, kind


def read_encoder_type(host: PluginHost, text: str) -> tuple[str | None, str]:
    """(codec name, rate control) of `H264_CBR`; (None, …) of `copy`. Raises `ValueError` saying what is known."""
    if text.lower() == COPY:
        return None, "cbr"
    match = _ENCODER_TYPE.fullmatch(text)
    if match is None:
        raise ValueError('expected "copy" or a codec and a rate control such as "H264_CBR", "H265_VBR", "AV1_AVBR"')
    try:
        codec = host.codec(match["codec"])
    except MediaError as error:
        raise ValueError(f"{error}; expected a codec and CBR, VBR or AVBR such as {MADE}, or copy") from None
    if codec.media is not MediaKind.VIDEO:
        raise ValueError(f'"{codec.name}" is an audio codec; expected a video codec such as in "{MADE}"')
    return codec.name, (match["control"] or "cbr").lower()


def check_encoder(host: PluginHost, encoder: EncoderConfig, source: SourceKind | None, path: str) -> list[Issue]:
    issues = []
    if bool(encoder.width) != bool(encoder.height):
        issues.append(Issue(path, "width and height go together; give both or neither"))
    if encoder.codec is None:
        if source is not None and source.gives is Gives.FRAMES:
            advice = f'there is nothing to copy; name an encoder such as "{MADE}"'
            issues.append(Issue(f"{path}.type", f'a source of type "{source.name}" gives unencoded frames: {advice}'))
        if encoder.transcode:
            issues.append(Issue(f"{path}.transcode", '"copy" never transcodes; name the codec, such as "H264_CBR"'))
        return issues
    kinds = [kind for kind in host.encoders.values() if _is(host, kind.codec, encoder.codec)]
    if encoder.implementation != "auto":
        try:
            kind = host.encoder(encoder.implementation)
        except LookupError as error:
            return [*issues, Issue(f"{path}.implementation", _text(error))]
        if kind not in kinds:
            names = ", ".join(sorted(kind.name for kind in kinds)) or "none"
            text = f'"{kind.name}" makes {kind.codec}, not {encoder.codec}; for {encoder.codec}: {names}'
            return [*issues, Issue(f"{path}.implementation", text)]
        kinds = [kind]
    if encoder.options:
        kinds.sort(key=lambda kind: -kind.priority)
        found = [check_options(host, kind, encoder.options, f"{path}.options")[0] for kind in kinds]
        issues += found[0] if found and all(found) else []
    return issues


def check_target(
    host: PluginHost, config: TargetConfig, path: str, place: Callable[[str], str]
) -> tuple[list[Issue], TransportKind | None]:
    """What keeps this target from working, and its transport as far as it can be told without its secrets.

    `path` is the URL's; `place` says where a key such as `audio` or `options.latency` was given.
    """
    issues = []
    if config.audio not in AUDIO_WORDS:
        issues += _audio(host, config.audio, place("audio"))
    reference = "://" not in config.url
    scheme = config.url.partition("://")[0].lower()
    word, colon, _ = config.url.partition(":")
    if reference and colon and not is_reference(config.url) and word.lower() in _schemes(host):
        # Otherwise it is taken for the name of a secret, and fails when it is too late.
        return [*issues, Issue(path, f"expected {word}://host/…, got {word}: and no // behind it")], None
    try:
        if not reference:
            kind = host.transport(config.transport, scheme)
        elif config.transport:
            known = {name.lower(): kind for name, kind in host.transports.items()}
            kind = known.get(config.transport.lower()) or host.transport(config.transport, "")
        else:
            return issues, None
    except LookupError as error:
        return [*issues, Issue(place("transport") if config.transport else path, _text(error))], None
    wrong, options = check_options(host, kind, config.options, "options")
    issues += [attrs.evolve(issue, path=place(issue.path)) for issue in wrong]
    if not issues and not config.needs_secrets:
        target = attrs.evolve(config.target(resolve_secret=str), options=options)
        issues += _ask(kind, target, path)
    return issues, kind


def published_name(host: PluginHost, kind: TransportKind, config: TargetConfig) -> str | None:
    """Identifies what this target publishes; None where that needs a secret."""
    if config.needs_secrets:
        return None
    # In the form that the transport gets them: a stream id or a token in them is part of the name.
    _, options = check_options(host, kind, config.options, "options")
    try:
        target = attrs.evolve(config.target(resolve_secret=str), options=options)
        return f"{kind.name}\0{kind.publish_name(target)}"
    except (ValueError, CamcastError):
        return None


def _schemes(host: PluginHost) -> set[str]:
    return {scheme for kind in host.transports.values() for scheme in kind.schemes}


def _ask(kind: TransportKind, target: Target, path: str) -> list[Issue]:
    try:
        kind.check(target)
    except ConfigError as error:
        return [Issue(f"{path}.{issue.path}".rstrip("."), target.scrub(issue.message)) for issue in error.issues]
    except (ValueError, CamcastError) as error:
        return [Issue(path, target.scrub(str(error)))]
    return []


def _audio(host: PluginHost, name: str, path: str) -> list[Issue]:
    words = ", ".join(AUDIO_WORDS)
    try:
        codec: CodecKind = host.codec(name)
    except MediaError:
        known = ", ".join(sorted(kind.name for kind in host.codecs.values() if kind.media is MediaKind.AUDIO))
        return [Issue(path, f"expected {words} or an audio codec ({known or 'none is known'}), got other text")]
    if codec.media is not MediaKind.AUDIO:
        return [Issue(path, f'expected {words} or an audio codec, got the video codec "{codec.name}"')]
    return []


def _is(host: PluginHost, name: str, codec: str) -> bool:
    try:
        return host.codec(name).name == codec
    except MediaError:
        return False


def _text(error: LookupError) -> str:
    return str(error.args[0]) if error.args else "is not known"
