"""One output of one stream: its levels (root, camera, stream) laid over each other, its chain, its session.

Each key is overridden by itself. The chain has two slots, primary and fallbacks: `urls` fills both, `url` and
`url_template` the first, `fallback_urls` the second. `options`, `variables` and objects such as `retry_policy`
are overridden key by key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from camcast.config.block import Entry
from camcast.config.blocks import OUTPUT
from camcast.config.hosted import check_target
from camcast.config.located import locate_target
from camcast.config.place import Place, Report
from camcast.config.session import SessionConfig
from camcast.config.shown_names import shown_name
from camcast.config.target import TargetConfig
from camcast.config.template_chain import expand_url
from camcast.kinds import TransportKind

if TYPE_CHECKING:
    from camcast.host import PluginHost

_TARGET_KEYS = {field.name for field in attrs.fields(TargetConfig)} - {"url", "shown_name"}
_SESSION_FIELDS = {field.name: field for field in attrs.fields(SessionConfig)}
_RETRY_KEYS = {"max_retry_attempts": "max_attempts", "revive_after": "revive_after"}
"""Keys of an output that are other words for keys of its `retry_policy`."""


@attrs.frozen(kw_only=True)
class Level:
    """One block of an output as it was read: at the root, in a camera, or in a stream."""

    place: Place
    whole: bool
    """Whether nothing was wrong with it: what is wrong in a block that many streams share is told once."""
    enabled: bool | None
    variables: Mapping[str, Any]
    primary: Entry | None
    fallbacks: tuple[Entry, ...] | None
    settings: Mapping[str, Any]

    @classmethod
    def read(cls, value: Any, place: Place) -> Level:
        before = place.report.told
        keys = dict(OUTPUT.read(value, place).values)
        primary, fallbacks = _read_chain(keys, place)
        _read_retry_keys(keys, place)
        enabled, variables = keys.pop("enabled", None), keys.pop("variables", {})
        return cls(
            place=place,
            whole=place.report.told == before,
            enabled=enabled,
            variables=variables,
            primary=primary,
            fallbacks=fallbacks,
            settings=keys,
        )


def _read_chain(keys: dict[str, Any], place: Place) -> tuple[Entry | None, tuple[Entry, ...] | None]:
    """Primary and fallbacks, which are taken out of `keys`; None where they are not given here."""
    url, template, urls, fallbacks = (keys.pop(key, None) for key in ("url", "url_template", "urls", "fallback_urls"))
    ways = [name for name, value in (("urls", urls), ("url", url), ("url_template", template)) if value is not None]
    if len(ways) > 1 or (urls is not None and fallbacks is not None):
        both = ways if len(ways) > 1 else ["urls", "fallback_urls"]
        place.wrong(f"{' and '.join(both)} are both given; the chain is given in one way only")
        return None, None
    if urls is not None:
        return (urls[0] if urls else None), urls[1:]
    if ways:
        where = place.at(ways[0])
        return Entry(url or template, {}, where, where), fallbacks
    return None, fallbacks


def _read_retry_keys(keys: dict[str, Any], place: Place) -> None:
    for word, key in _RETRY_KEYS.items():
        if word not in keys:
            continue
        value = keys.pop(word)
        policy = keys.get("retry_policy", {})
        if policy.get(key, value) != value:
            place.at(word).wrong(f"differs from retry_policy.{key}, which means the same; give one of them")
        keys["retry_policy"] = {**policy, key: value}


@attrs.define
class Output:
    """The levels of one output, laid over each other."""

    place: Place
    """Of the innermost level."""
    enabled: bool = True
    settings: dict[str, Any] = attrs.field(factory=dict)
    origins: dict[str, Place] = attrs.field(factory=dict)
    """Where each key was given last."""
    variables: dict[str, Any] = attrs.field(factory=dict)
    primary: Entry | None = None
    fallbacks: tuple[Entry, ...] = ()

    @classmethod
    def of(cls, levels: Sequence[Level]) -> Output:
        """`levels`, the outermost first."""
        output = cls(levels[-1].place)
        for level in levels:
            output._lay_over(level)
        return output

    @property
    def chain(self) -> tuple[Entry, ...]:
        return (self.primary, *self.fallbacks) if self.primary else ()

    def _lay_over(self, level: Level) -> None:
        self.enabled = self.enabled if level.enabled is None else level.enabled
        self.variables |= level.variables
        self.primary = level.primary or self.primary
        self.fallbacks = self.fallbacks if level.fallbacks is None else level.fallbacks
        for key, value in level.settings.items():
            old, where = self.settings.get(key), level.place.at(key)
            if isinstance(value, Mapping) and isinstance(old, Mapping):
                before = self.origins[key]
                origins = {name: before.at(name) for name in old} | {name: where.at(name) for name in value}
                self.settings[key], self.origins[key] = {**old, **value}, where.with_elsewhere(origins)
            else:
                self.settings[key], self.origins[key] = value, where


@attrs.frozen
class Built:
    """A session, with the transport of each of its targets (None = not known), its place, and that of its URL."""

    session: SessionConfig
    kinds: tuple[TransportKind | None, ...]
    entries: tuple[Place, ...]
    places: tuple[Place, ...]


def build(
    host: PluginHost, output: Output, identity: Mapping[str, Any], variables: Mapping[str, Any], base: Path | None
) -> Built | None:
    """The session of an output, checked; None where there is none, or something is wrong with it."""
    if output.primary is None:
        if output.fallbacks:
            output.place.wrong("fallback_urls are given, but no primary: give url or url_template")
        elif output.enabled:
            output.place.wrong("an enabled output needs a URL: give url, urls or url_template")
        return None
    before = output.place.report.told
    values = {
        **{key: identity[key] for key in ("camera_id", "stream_id", "stream_name", "camera_name")},
        **variables,
        **output.variables,
    }
    others = {*variables, *output.variables}
    common = {key: value for key, value in output.settings.items() if key in _TARGET_KEYS}
    targets, kinds, entries = [], list[TransportKind | None](), []
    for entry in output.chain:
        with entry.url_place.told():
            url = expand_url(entry.url, values)
            target = TargetConfig(**{**common, **entry.own, "url": url})
            if not host.platforms.keeps_keys(url, target.server):
                target = attrs.evolve(target, shown_name=shown_name(entry.url, url, others))
            place = output.place.with_elsewhere(output.origins | {key: entry.place.at(key) for key in entry.own})
            target, kind = _checked(host, target, entry, place, kinds[0] if kinds else None)
            targets.append(locate_target(target, base))
            kinds.append(kind)
            entries.append(place)
    if output.place.report.told > before:
        return None
    settings = {}
    for key, value in output.settings.items():
        if key not in _TARGET_KEYS:
            with output.origins[key].told():
                settings[key] = _filled(key, value)
    if output.place.report.told > before:
        return None
    session = SessionConfig(targets=tuple(targets), **identity, **settings)
    return Built(session, tuple(kinds), tuple(entries), tuple(entry.url_place for entry in output.chain))


def _checked(
    host: PluginHost, target: TargetConfig, entry: Entry, place: Place, first: TransportKind | None
) -> tuple[TargetConfig, TransportKind | None]:
    if first is not None and target.options and "options" not in entry.own:
        # A chain may mix protocols: the output's options are those of its primary's transport.
        plain = attrs.evolve(target, options={})
        trial = Report()
        kind = check_target(host, plain, trial.root(), trial.root())
        if kind is not None and kind is not first and not trial.told:
            return plain, kind
    return target, check_target(host, target, place, entry.url_place)


def _filled(key: str, value: Any) -> Any:
    """What is given of a model such as `retry_policy`, with the session's default for the rest."""
    default: Any = _SESSION_FIELDS[key].default
    return attrs.evolve(default, **value) if attrs.has(type(default)) else value
