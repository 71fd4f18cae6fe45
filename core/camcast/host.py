"""The plugin host: finds plugins, keeps a bad one from harming the others, and answers which kinds there are.

It is an object, not a global: two engines in one process may have different plugins. Pluggy's own entry-point
loader stops at the first plugin that fails; this one records the failure in `problems` and goes on.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import inspect
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import attrs
import pluggy

from camcast.errors import MediaError
from camcast.hooks import PROJECT, Hooks
from camcast.kinds import CodecKind, EncoderKind, Kind, SourceKind, TransportKind
from camcast.redaction import redact_text
from camcast.structure import make_converter, structure, suggest

log = logging.getLogger(__name__)
K = TypeVar("K", SourceKind, CodecKind, EncoderKind, TransportKind)

REGISTERED = "registered"
_HOOKS = {
    SourceKind: "camcast_sources",
    CodecKind: "camcast_codecs",
    EncoderKind: "camcast_encoders",
    TransportKind: "camcast_transports",
}


@attrs.frozen
class Problem:
    """Why a plugin, or a part of it, is not in use."""

    plugin: str
    reason: str

    def __str__(self) -> str:
        return f"{self.plugin}: {self.reason}"


@attrs.define
class Plugin:
    """One plugin as loaded: where it came from and what it brought."""

    name: str
    distribution: str
    version: str
    kinds: list[Kind] = attrs.field(factory=list)

    @property
    def registered(self) -> bool:
        """Whether this program registered it, so that other processes do not have it."""
        return self.distribution == REGISTERED

    @property
    def origin(self) -> str:
        return f"{self.name} ({self.distribution} {self.version})".replace(" )", ")")


class PluginHost:
    """All plugins of one engine.

    `allow`: names of the entry points to load, all others are left out; None = all. `block`: names never
    loaded. `entry_points=False` starts empty, for embedders that register everything themselves.
    """

    def __init__(
        self, *, allow: Collection[str] | None = None, block: Collection[str] = (), entry_points: bool = True
    ) -> None:
        self.problems: list[Problem] = []
        self.plugins: list[Plugin] = []
        self.converter = make_converter()
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Hooks)
        self._owners: dict[type, dict[str, list[tuple[Plugin, Any]]]] = {cls: {} for cls in _HOOKS}
        if entry_points:
            self._load(allow, block)

    # --- loading ------------------------------------------------------------------------------------------

    def register(self, plugin: object, name: str | None = None) -> Plugin:
        """Add an object or module with hook implementations. What is wrong with it goes to `problems`."""
        known = name or str(getattr(plugin, "__name__", type(plugin).__name__))
        return self._add(plugin, Plugin(known, REGISTERED, ""))

    def _load(self, allow: Collection[str] | None, block: Collection[str]) -> None:
        for entry in sorted(importlib.metadata.entry_points(group=PROJECT), key=lambda entry: entry.name):
            if entry.name in block or (allow is not None and entry.name not in allow):
                self._problem(entry.name, "left out by the allow- or block-list", logging.DEBUG)
                continue
            dist = entry.dist
            origin = (dist.name or "?", dist.version or "") if dist else ("?", "")
            found = Plugin(entry.name, *origin)
            try:
                module = entry.load()
            except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's import may raise anything
                self._problem(found.origin, f"cannot be imported: {type(error).__name__}: {error}")
            else:
                self._add(module, found)

    def _add(self, plugin: object, found: Plugin) -> Plugin:
        if any(other.name == found.name for other in self.plugins):
            self._problem(found.origin, f'a plugin named "{found.name}" is loaded already; this one is left out')
            return found
        implemented = self._check_hooks(plugin, found)
        if not implemented:
            return found
        try:
            self._manager.register(plugin, found.name)
        except (pluggy.PluginValidationError, ValueError) as error:
            if self._manager.has_plugin(found.name):
                self._manager.unregister(name=found.name)
            self._problem(found.origin, " ".join(str(error).split()))
            return found
        self.plugins.append(found)
        for cls, hook in _HOOKS.items():
            for result in self._call_one(found, hook):
                self._collect(found, cls, result)
        self._call_one(found, "camcast_prepare_converter", converter=self.converter)
        return found

    def _check_hooks(self, plugin: object, found: Plugin) -> bool:
        """Pluggy accepts misspelt hooks until asked; here each is a problem of this plugin only."""
        known = [name for name in vars(Hooks) if name.startswith("camcast_")]
        good = 0
        for name, value in inspect.getmembers(plugin):
            if not hasattr(value, f"{PROJECT}_impl"):
                continue
            if name in known:
                good += 1
                continue
            near = difflib.get_close_matches(name, known, n=1)
            advice = f'; did you mean "{near[0]}"?' if near else f"; known: {', '.join(known)}"
            self._problem(found.origin, f'"{name}" is not a hook of camcast{advice} The plugin is left out.')
            return False
        if not good:
            self._problem(found.origin, "has no function marked with camcast's hookimpl")
        return bool(good)

    def _collect(self, found: Plugin, cls: type, result: object) -> None:
        if not isinstance(result, Iterable):
            self._problem(found.origin, f"{_HOOKS[cls]} returned {type(result).__name__}, not a sequence of kinds")
            return
        for kind in result:
            if not isinstance(kind, cls):
                self._problem(found.origin, f"{_HOOKS[cls]} returned a {type(kind).__name__}, not a {cls.__name__}")
                continue
            owners = self._owners[cls].setdefault(kind.name.lower(), [])  # type: ignore[attr-defined]
            if owners:
                self._problem(found.origin, _clash(kind.name, owners[0][0], found))  # type: ignore[attr-defined]
            owners.append((found, kind))
            found.kinds.append(kind)  # type: ignore[arg-type]

    def _problem(self, plugin: str, reason: str, level: int = logging.WARNING) -> None:
        self.problems.append(Problem(plugin, reason))
        log.log(level, "Plugin %s: %s", plugin, reason)

    # --- calling hooks ------------------------------------------------------------------------------------

    def _call_one(self, found: Plugin, hook: str, **arguments: object) -> list[object]:
        """Call one plugin's implementation, guarded."""
        results = []
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            if impl.plugin_name != found.name:
                continue
            try:
                results.append(impl.function(*(arguments[name] for name in impl.argnames)))
            except Exception as error:  # noqa: BLE001  one plugin's bug must not stop another
                self._problem(found.origin, f"{hook} raised {type(error).__name__}: {error}")
        return results

    def notify(self, hook: str, **arguments: object) -> None:
        """Call every implementation of a hook, each guarded: one that raises keeps no other from hearing."""
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            try:
                impl.function(*(arguments[name] for name in impl.argnames))
            except Exception:
                log.exception("Plugin %s: %s raised", impl.plugin_name, hook)

    def first(self, hook: str, **arguments: object) -> object | None:
        """The first answer that is not None. May block: call it on a thread. Exceptions are the plugin's own."""
        for impl in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            answer: object | None = impl.function(*(arguments[name] for name in impl.argnames))
            if answer is not None:
                return answer
        return None

    def implementers(self, hook: str) -> set[str]:
        """Names of the plugins that implement this hook."""
        return {impl.plugin_name for impl in getattr(self._manager.hook, hook).get_hookimpls()}

    def listens(self, hook: str) -> bool:
        """Whether any plugin implements this hook."""
        return bool(getattr(self._manager.hook, hook).get_hookimpls())

    # --- looking up kinds ---------------------------------------------------------------------------------

    @property
    def sources(self) -> Mapping[str, SourceKind]:
        return self._all(SourceKind)

    @property
    def codecs(self) -> Mapping[str, CodecKind]:
        return self._all(CodecKind)

    @property
    def encoders(self) -> Mapping[str, EncoderKind]:
        return self._all(EncoderKind)

    @property
    def transports(self) -> Mapping[str, TransportKind]:
        return self._all(TransportKind)

    def source(self, name: str) -> SourceKind:
        """The source kind of that name; `LookupError` names those known, or both plugins of a clash."""
        return self._one(SourceKind, name, "source type")

    def encoder(self, name: str) -> EncoderKind:
        return self._one(EncoderKind, name, "encoder")

    def codec(self, name: str) -> CodecKind:
        """The codec kind by any of its names; raises `MediaError` naming those known."""
        try:
            return self._one(CodecKind, name, "codec")
        except LookupError as error:
            wanted = name.lower()
            for kind in self.codecs.values():
                if wanted in (alias.lower() for alias in kind.aliases):
                    return kind
            raise MediaError(str(error)) from None

    def transport(self, name: str, scheme: str) -> TransportKind:
        """The transport called `name`, or the one for URLs of `scheme` where `name` is empty.

        `LookupError` says what is known, or names both plugins where two claim one scheme.
        """
        if name:
            kind = self._one(TransportKind, name, "transport")
            if scheme not in kind.schemes:
                takes = ", ".join(f"{known}://" for known in kind.schemes)
                raise LookupError(f'transport "{kind.name}" does not take {scheme}:// URLs; it takes {takes}')
            return kind
        owners = [
            (plugin, kind)
            for entries in self._owners[TransportKind].values()
            for plugin, kind in entries
            if scheme in kind.schemes and not kind.by_name_only
        ]
        if len(owners) > 1:
            both = " and ".join(f'"{kind.name}" of {plugin.origin}' for plugin, kind in owners)
            raise LookupError(f'{scheme}:// is claimed by {both}; choose one with "transport"')
        if not owners:
            known = sorted({s for kind in self.transports.values() for s in kind.schemes})
            raise LookupError(
                f"no transport for {scheme}:// URLs; known: {', '.join(f'{s}://' for s in known) or 'none'}"
            )
        chosen: TransportKind = owners[0][1]
        return chosen

    def structure_options(self, kind: SourceKind | EncoderKind | TransportKind, value: object, path: str) -> Any:
        """`value` as the kind's options class; raises `ConfigError` with every issue below `path`."""
        return structure(self.converter, value, kind.options, path)

    def plugin_of(self, kind: Kind) -> Plugin | None:
        """The plugin that brought this kind."""
        return next((plugin for plugin in self.plugins if any(kind is own for own in plugin.kinds)), None)

    def _all(self, cls: Callable[..., K]) -> Mapping[str, K]:
        """Kinds by name, without those whose name is claimed twice."""
        return {entries[0][1].name: entries[0][1] for entries in self._table(cls).values() if len(entries) == 1}

    def _one(self, cls: Callable[..., K], name: str, word: str) -> K:
        entries = self._table(cls).get(name.lower(), [])
        if len(entries) > 1:
            raise LookupError(_clash(name, entries[0][0], entries[1][0]))
        if not entries:
            raise LookupError(f'unknown {word} "{redact_text(name)}"{suggest(name, list(self._all(cls)))}')
        return entries[0][1]

    def _table(self, cls: Callable[..., K]) -> Mapping[str, Sequence[tuple[Plugin, K]]]:
        return self._owners[cls]  # type: ignore[index]


def _clash(name: str, first: Plugin, second: Plugin) -> str:
    return f'"{name}" is brought by both {first.origin} and {second.origin}; block one of the two plugins'
