"""One output of one stream: its levels (root, camera, stream) laid over each other, its chain, its session.

Each key is overridden by itself. The chain has two slots, primary and fallbacks: `urls` fills both, `url` and
`url_template` the first, `fallback_urls` the second. `options`, `variables` and objects such as `retry_policy`
are overridden key by key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from camcast.config.hosted import check_target, published_name
from camcast.config.session import SessionConfig, TargetConfig, expand_url
from camcast.config.written import EntryBlock, OutputBlock, given, read_block
from camcast.errors import ConfigError, Issue

if TYPE_CHECKING:
    from camcast.host import PluginHost
    from camcast.kinds import TransportKind

_TARGET_KEYS = {field.name for field in attrs.fields(TargetConfig)} - {"url"}
_RetryBlock: Any = attrs.fields_dict(OutputBlock)["retry_policy"].type
_SESSION_FIELDS = {field.name: field for field in attrs.fields(SessionConfig)}


@attrs.frozen
class Level:
    """A block and where it stands."""

    block: Any
    path: str


@attrs.frozen
class _Entry:
    """One entry of a chain: its URL as written, what it says of its own, where it stands."""

    url: str
    own: Mapping[str, Any]
    path: str


@attrs.frozen
class Built:
    """A session with what is published by each of its targets (None = not known), and the place of each."""

    session: SessionConfig
    names: tuple[str | None, ...]
    paths: tuple[str, ...]


def _given_at(key: str, own: Mapping[str, Any], own_path: str, origins: Mapping[str, str]) -> str:
    """The path of a key of a target: in its own entry of the chain, or in the level that gave it."""
    head, _, rest = key.partition(".")
    if head in own:
        return f"{own_path}.{key}"
    origin = origins.get(f"{head}.{rest.partition('.')[0]}") or origins.get(head) or own_path
    return f"{origin}.{key}"


@attrs.define
class Output:
    """The levels of one output, merged."""

    path: str
    enabled: bool = True
    settings: dict[str, Any] = attrs.field(factory=dict)
    origins: dict[str, str] = attrs.field(factory=dict)
    """Where each key was given last, and each key of `options`: path by "audio", "options.latency"."""
    variables: dict[str, Any] = attrs.field(factory=dict)
    primary: tuple[_Entry, ...] = ()
    fallbacks: tuple[_Entry, ...] = ()


def merge(levels: Sequence[Level], issues: list[Issue]) -> Output:
    """The levels, the outermost first, as one."""
    output = Output(levels[-1].path)
    for level in levels:
        keys = dict(given(level.block))
        _merge_chain(output, level.path, keys, issues)
        _merge_attempts(level.path, keys, issues)
        output.enabled = keys.pop("enabled", output.enabled)
        output.variables |= keys.pop("variables", {})
        for key, value in keys.items():
            output.settings[key] = overlay(output.settings.get(key), value)
            output.origins[key] = level.path
            if key == "options":
                output.origins |= {f"options.{name}": level.path for name in value}
    return output


def overlay(old: Any, new: Any) -> Any:
    """The value of one key after an inner level gave `new`: objects key by key, all else replaced."""
    if attrs.has(type(new)) and attrs.has(type(old)):
        return attrs.evolve(old, **dict(given(new)))
    if isinstance(new, Mapping) and isinstance(old, Mapping):
        return {**old, **new}
    return new


def filled(default: Any, block: Any) -> Any:
    """The default model with the keys that a block gives."""
    return attrs.evolve(default, **dict(given(block)))


def _merge_chain(output: Output, path: str, keys: dict[str, Any], issues: list[Issue]) -> None:
    url, template, urls, fallbacks = (keys.pop(key, None) for key in ("url", "url_template", "urls", "fallback_urls"))
    ways = [name for name, value in (("urls", urls), ("url", url), ("url_template", template)) if value is not None]
    if len(ways) > 1 or (urls is not None and fallbacks is not None):
        both = ways if len(ways) > 1 else ["urls", "fallback_urls"]
        issues.append(Issue(path, f"{' and '.join(both)} are both given; the chain is given in one way only"))
        return
    if urls is not None:
        entries = _entries(urls, f"{path}.urls", issues)
        output.primary, output.fallbacks = entries[:1], entries[1:]
    elif ways:
        output.primary = (_Entry(url or template, {}, f"{path}.{ways[0]}"),)
    if fallbacks is not None:
        output.fallbacks = _entries(fallbacks, f"{path}.fallback_urls", issues)


def _entries(values: Sequence[Any], path: str, issues: list[Issue]) -> tuple[_Entry, ...]:
    found = []
    for index, value in enumerate(values):
        where = f"{path}[{index}]"
        if isinstance(value, str):
            found.append(_Entry(value, {}, where))
        elif (block := read_block(value, EntryBlock, where, issues)) is not None:
            own = dict(given(block))
            if url := own.pop("url", ""):
                found.append(_Entry(url, own, where))
            else:
                issues.append(Issue(f"{where}.url", "is missing"))
    return tuple(found)


def _merge_attempts(path: str, keys: dict[str, Any], issues: list[Issue]) -> None:
    """`max_retry_attempts` is another word for `retry_policy.max_attempts`."""
    if "max_retry_attempts" not in keys:
        return
    attempts = keys.pop("max_retry_attempts")
    policy = keys.get("retry_policy", _RetryBlock())
    if dict(given(policy)).get("max_attempts", attempts) != attempts:
        text = "differs from retry_policy.max_attempts, which means the same; give one of them"
        issues.append(Issue(f"{path}.max_retry_attempts", text))
    keys["retry_policy"] = attrs.evolve(policy, max_attempts=attempts)


def build(
    host: PluginHost, output: Output, identity: Mapping[str, Any], variables: Mapping[str, Any], issues: list[Issue]
) -> Built | None:
    """The session of an output, checked; None (and what is wrong in `issues`) if there is none."""
    settings = dict(output.settings)
    chain = (*output.primary, *output.fallbacks)
    if not output.primary:
        if chain:
            issues.append(Issue(output.path, "fallback_urls are given, but no primary: give url or url_template"))
        elif output.enabled:
            issues.append(Issue(output.path, "an enabled output needs a URL: give url, urls or url_template"))
        return None
    values = {
        **{key: identity[key] for key in ("camera_id", "stream_id", "stream_name", "camera_name")},
        **variables,
        **output.variables,
    }
    common = {key: settings.pop(key) for key in list(settings) if key in _TARGET_KEYS}
    targets: list[TargetConfig] = []
    kinds: list[TransportKind | None] = []
    for entry in chain:
        found: list[Issue] = []
        made = _target(host, entry, common, output.origins, values, kinds[0] if kinds else None, found)
        issues += found
        kinds.append(made[1] if made else None)
        if made and not found:
            targets.append(made[0])
    if len(targets) < len(chain):
        return None
    try:
        session = SessionConfig(targets=targets, **identity, **_session_settings(settings))
    except ConfigError as error:
        issues += [Issue(f"{output.path}.{issue.path}", issue.message) for issue in error.issues]
        return None
    names = tuple(
        published_name(host, kind, target) if kind else None for kind, target in zip(kinds, targets, strict=True)
    )
    return Built(session, names, tuple(entry.path for entry in chain))


def _target(
    host: PluginHost,
    entry: _Entry,
    common: Mapping[str, Any],
    origins: Mapping[str, str],
    values: Mapping[str, Any],
    first: TransportKind | None,
    issues: list[Issue],
) -> tuple[TargetConfig, TransportKind | None] | None:
    try:
        url = expand_url(entry.url, values)
    except ConfigError as error:
        issues.append(Issue(entry.path, str(error)))
        return None
    config = TargetConfig(**{**common, **entry.own, "url": url})

    def place(key: str) -> str:
        return _given_at(key, entry.own, entry.path, origins)

    if first is not None and "options" not in entry.own and config.options:
        # A chain may mix protocols: the output's options are those of its primary's transport.
        probe, kind = check_target(host, attrs.evolve(config, options={}), entry.path, place)
        if kind is not None and kind is not first and not probe:
            return attrs.evolve(config, options={}), kind
    found, kind = check_target(host, config, entry.path, place)
    issues += found
    return config, kind


def _session_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Blocks become models: what is not given is taken from the session's default."""
    return {
        key: filled(_SESSION_FIELDS[key].default, value) if attrs.has(type(value)) else value
        for key, value in settings.items()
    }
