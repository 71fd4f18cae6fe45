"""Checks that need to know the plugins: kinds exist, their options fit, a transport can work with its target."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from camcast.config.asked import READABLE, bug
from camcast.config.defaults import VIDEO_CODEC
from camcast.config.model import AUTO, COPY, EncoderConfig, SourceConfig
from camcast.config.place import Place, Report
from camcast.config.secrets import has_reference, is_reference, is_url_reference, misplaced_reference
from camcast.config.service import ServiceConfig
from camcast.config.target import TargetConfig
from camcast.errors import ConfigError, Issue, MediaError
from camcast.kinds import CodecKind, EncoderKind, Gives, ServiceKind, SourceKind, TransportKind
from camcast.media import MediaKind
from camcast.redaction import redact_text
from camcast.structure import shortened, suggest
from camcast.target import Target
from camcast.url_template import url_fault

if TYPE_CHECKING:
    from camcast.host import PluginHost

MADE = f"{VIDEO_CODEC.upper()}_CBR"
"""What a stream is encoded as when its source gives frames and nobody names an encoder."""
AUDIO_WORDS = ("auto", "copy", "silent", "none")
HARDWARE_WORDS = {"hardware": True, "software": False}
"""Words for an encoder's implementation that choose among several."""
_KEY = re.compile(r"(?P<key>[a-z_]+): (?P<text>.+)", re.DOTALL)
"""What a check says of one key beside the URL."""
_TYPE_ADVICE = f"expected a codec and CBR, VBR or AVBR such as {MADE}, or copy"


def check_options(
    host: PluginHost,
    kind: SourceKind | EncoderKind | TransportKind | ServiceKind,
    options: Mapping[str, Any],
    place: Place,
) -> Any:
    """The instance of a kind's options class, where that can be told now.

    A value that is kept elsewhere (`env:…`) is not known yet, so only its key is checked.
    """
    later = {key for key, value in options.items() if has_reference(value)}
    now = {key: value for key, value in options.items() if key not in later}
    known = [field.alias for field in attrs.fields(kind.options)] if attrs.has(kind.options) else sorted(later)
    for key in sorted(later - set(known)):
        place.at(key).wrong(f"unknown key{suggest(key, known)}")
    try:
        instance = host.structure_options(kind, now, "")
    except ConfigError as error:
        # A plugin's own check may quote the value that it refuses.
        secrets = Target(url="", options=dict(options)).secrets
        for issue in error.issues:
            if issue.path not in later:
                place.below(issue.path).wrong(redact_text(issue.message, secrets))
        return None
    return None if later else instance


def check_service(host: PluginHost, service: ServiceConfig, place: Place, type_place: Place) -> None:
    """Whether a service's kind is known, and its options fit. `place` is that of the options."""
    try:
        kind = host.service(service.type)
    except LookupError as error:
        type_place.wrong(_text(error))
        return
    before = place.report.told
    check_options(host, kind, service.options, place)
    if place.report.told != before:
        return
    try:
        with place.told():
            place.report.plugins.within(f"service {kind.name}", lambda: kind.check(service.options))
    except Exception as error:  # noqa: BLE001  a plugin's bug
        hidden = Target(url="", options=dict(service.options))
        type_place.wrong(bug(host, f"service {kind.name}", "check", error, hidden.scrub))


def check_source(host: PluginHost, source: SourceConfig, place: Place) -> SourceKind | None:
    """The source's kind, if it is known."""
    try:
        kind = host.source(source.type)
    except LookupError as error:
        place.at("type").wrong(_text(error))
        return None
    check_options(host, kind, source.options, place.at("options"))
    if kind.needs_url and not source.url:
        place.at("url").wrong(f'is missing; a source of type "{kind.name}" needs it')
    elif fault := misplaced_reference(source.url, target=False):
        place.at("url").wrong(fault)
    return kind


def canonical_encoder(host: PluginHost, encoder: EncoderConfig, source: SourceKind | None) -> EncoderConfig:
    """The same with its type as the plugins spell it, and said where nobody says it. An unknown one stays as it is."""
    word = encoder.type.lower()
    if word == AUTO:
        return attrs.evolve(encoder, type=MADE if source is not None and source.gives is Gives.FRAMES else COPY)
    if word == COPY:
        return attrs.evolve(encoder, type=COPY)
    try:
        codec = host.codec(encoder.codec or "")
    except MediaError:
        return encoder
    return attrs.evolve(encoder, type=f"{codec.name}_{encoder.rate_control}".upper())


def check_encoder(
    host: PluginHost, encoder: EncoderConfig, source: SourceKind | None, place: Place
) -> EncoderConfig | None:
    """The encoder in its canonical form; None where its codec is not known."""
    if bool(encoder.width) != bool(encoder.height):
        place.wrong("width and height go together; give both or neither")
    written, encoder = encoder.type, canonical_encoder(host, encoder, source)
    if encoder.codec is None:
        if source is not None and source.gives is Gives.FRAMES:
            advice = f'there is nothing to copy; name an encoder such as "{MADE}"'
            place.at("type").wrong(f'a source of type "{source.name}" gives unencoded frames: {advice}')
        if encoder.transcode:
            place.at("transcode").wrong(f'"copy" never transcodes; name the codec, such as "{MADE}"')
        return encoder
    try:
        codec = host.codec(encoder.codec)
    except MediaError:
        known = [kind.name for kind in host.codecs.values() if kind.media is MediaKind.VIDEO]
        word = shortened(written.partition("_")[0])
        place.at("type").wrong(f'unknown codec "{word}"{suggest(word, known)}; {_TYPE_ADVICE}')
        return None
    if codec.media is not MediaKind.VIDEO:
        text = f'"{codec.name}" is an audio codec; expected a video codec such as in "{MADE}"'
        place.at("type").wrong(text)
        return None
    _check_implementation(host, encoder, codec.name, place)
    return encoder


def offered_encoders(host: PluginHost, codec: str) -> list[EncoderKind]:
    """All encoders that make `codec`, the one that is preferred first."""
    kinds = (kind for kind in host.encoders.values() if _is(host, kind.codec, codec))
    return sorted(kinds, key=lambda kind: -kind.priority)


def _check_implementation(host: PluginHost, encoder: EncoderConfig, codec: str, place: Place) -> None:
    kinds = offered_encoders(host, codec)
    if encoder.implementation in HARDWARE_WORDS:
        kinds = [kind for kind in kinds if kind.hardware == HARDWARE_WORDS[encoder.implementation]]
    elif encoder.implementation != AUTO:
        where = place.at("implementation")
        try:
            kind = host.encoder(encoder.implementation)
        except LookupError as error:
            where.wrong(f"{_text(error)}; expected an encoder's name, auto, hardware or software")
            return
        if kind not in kinds:
            names = ", ".join(sorted(kind.name for kind in kinds)) or "none"
            where.wrong(f'"{kind.name}" makes {kind.codec}, not {codec}; for {codec}: {names}')
            return
        kinds = [kind]
    for kind in kinds if encoder.options else ():
        if _fits(host, kind, encoder.options):
            return
    if kinds and encoder.options:
        check_options(host, kinds[0], encoder.options, place.at("options"))


def _fits(host: PluginHost, kind: EncoderKind, options: Mapping[str, Any]) -> bool:
    """Whether these are options of this kind. Those of another are no fault while nobody names the kind."""
    trial = Report()
    check_options(host, kind, options, trial.root())
    return not trial.told


def check_target(host: PluginHost, config: TargetConfig, place: Place, url_place: Place) -> TransportKind | None:
    """The target's transport, as far as it can be told without its secrets.

    `place` knows where keys such as `audio` or `options.latency` were given; `url_place` is the URL's.
    """
    before = place.report.told
    if not is_url_reference(config.url) and (fault := url_fault(config.url)):
        url_place.wrong(f"is not a valid URL: {fault}")
        return None
    if fault := misplaced_reference(config.url):
        url_place.wrong(fault)
        return None
    if fault := host.platforms.fault(config.url):
        url_place.wrong(fault)
        return None
    if config.audio not in AUDIO_WORDS:
        _check_audio(host, config.audio, place.at("audio"))
    try:
        kind = _transport(host, config)
    except LookupError as error:
        (place.at("transport") if config.transport else url_place).wrong(_text(error))
        return None
    except ValueError as error:
        url_place.wrong(str(error))
        return None
    if kind is None:
        return None
    options = check_options(host, kind, config.options, place.at("options"))
    if place.report.told == before and not config.needs_secrets:
        target = host.platforms.placed(config.target(resolve_secret=str))
        _ask(host, kind, attrs.evolve(target, options=options), place, url_place)
    return kind


def _transport(host: PluginHost, config: TargetConfig) -> TransportKind | None:
    """None while the URL is a secret that nobody has asked for. Raises `LookupError`, `ValueError` for a slip in it."""
    if "://" in config.url:
        return host.transport(config.transport, config.scheme)
    word, colon, _ = config.url.partition(":")
    if colon and not is_reference(config.url) and word.lower() in _schemes(host):
        # Otherwise it is taken for the name of a secret, and fails when it is too late.
        raise ValueError(f"expected {word}://host/…, got {word}: and no // behind it")
    if not config.transport:
        return None
    known = {name.lower(): kind for name, kind in host.transports.items()}
    return known.get(config.transport.lower()) or host.transport(config.transport, "")


def _schemes(host: PluginHost) -> set[str]:
    return {scheme for kind in host.transports.values() for scheme in kind.schemes}


def _ask(host: PluginHost, kind: TransportKind, target: Target, place: Place, url_place: Place) -> None:
    who = f"transport {kind.name}"
    try:
        place.report.plugins.within(who, lambda: kind.check(target))
    except READABLE as error:
        tell_target(error, target, place, url_place)
        return
    except Exception as error:  # noqa: BLE001  a plugin's bug
        url_place.wrong(bug(host, who, "check", error, target.scrub))
        return
    try:
        remarks = [target.scrub(text) for text in kind.remarks(target)]
    except Exception as error:  # noqa: BLE001  a plugin's bug, which keeps nothing from being published
        bug(host, who, "remarks", error, target.scrub)
        return
    for text in remarks:
        url_place.remark(text)


def tell_target(error: Exception, target: Target, place: Place, url_place: Place) -> None:
    """What a transport's check refused, at the key that it names: beside the URL, or else the URL itself."""
    issues = error.issues if isinstance(error, ConfigError) else (Issue("", str(error)),)
    for issue in issues:
        path, text = issue.path, issue.message
        if not path and (named := _KEY.match(text)) and named["key"] in attrs.fields_dict(TargetConfig):
            path, text = named["key"], named["text"]
        (place.below(path) if path else url_place).wrong(target.scrub(text))


def _check_audio(host: PluginHost, name: str, place: Place) -> None:
    words = ", ".join(AUDIO_WORDS)
    try:
        codec: CodecKind = host.codec(name)
    except MediaError:
        known = ", ".join(sorted(kind.name for kind in host.codecs.values() if kind.media is MediaKind.AUDIO))
        place.wrong(f"expected {words} or an audio codec ({known or 'none is known'}), got other text")
        return
    if codec.media is not MediaKind.AUDIO:
        place.wrong(f'expected {words} or an audio codec, got the video codec "{codec.name}"')


def _is(host: PluginHost, name: str, codec: str) -> bool:
    try:
        return host.codec(name).name == codec
    except MediaError:
        return False


def _text(error: LookupError) -> str:
    return str(error.args[0]) if error.args else "is not known"
