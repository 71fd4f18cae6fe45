"""The plugin host: which plugins there are, which kinds they bring, and the calls of their hooks.

It is an object, not a global: two engines in one process may have different plugins.

Of two plugins that claim one name or one scheme, the first in rank has it: those named in an allow-list, in its
order; then those of the distribution camcast; then by name; before all of them one that was registered to be first.
Only the later claim is out of use, and is a problem that names both.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any, TypeVar

import pluggy

from camcast.errors import CamcastError, MediaError, PluginError
from camcast.hosting.catalogue import Catalogue
from camcast.hosting.choice import Choice
from camcast.hosting.claims import Claims, K
from camcast.hosting.faults import Faults
from camcast.hosting.platforms import Platforms
from camcast.hosting.plugin import REGISTERED, Plugin, Problem
from camcast.hosting.registry import Registry
from camcast.kinds import (
    CodecKind,
    ConfigForm,
    CoordinatorKind,
    DiscovererKind,
    EncoderKind,
    Kind,
    ServiceKind,
    SourceKind,
    TransportKind,
)
from camcast.structure import LONGEST_SHOWN, listed, make_converter, shortened, structure, suggest

__all__ = ["Choice", "Plugin", "PluginHost", "Problem"]

log = logging.getLogger(__name__)
A = TypeVar("A")
"""What a hook is to answer."""


class PluginHost:
    """All plugins of one engine.

    `allow`: names of the entry points to load, all others are left out; None = all. `block`: names never
    loaded. A name is a plugin's, or "distribution:name" where two have one. `entry_points=False` starts empty, for
    embedders that register everything themselves.
    """

    def __init__(
        self,
        *,
        allow: Sequence[str] | None = None,
        block: Collection[str] = (),
        entry_points: bool = True,
        choices: Sequence[Choice] = (),
    ) -> None:
        """`choices`: more such lists, each with who gave it; a plugin must pass them all."""
        self.faults = Faults()
        """Bugs of its plugins, counted."""
        own = [Choice(allow, tuple(block))] if allow is not None or block else []
        registry = Registry((*own, *choices))
        if entry_points:
            registry.load_installed()
        self._use(registry)

    def _use(self, registry: Registry) -> None:
        self._registry = registry
        self.converter = make_converter()
        self._clashes: list[Problem] = []
        for plugin in registry.used:
            registry.call_one(plugin, "camcast_prepare_converter", converter=self.converter)
        self._tabulate()

    def register(self, plugin: object, name: str | None = None, *, first: bool = False) -> Plugin:
        """Add an object or module with hook implementations. What is wrong with it goes to `problems`.

        `first`: what it brings takes the place of what another plugin brings under the same name or scheme.
        """
        known = name or str(getattr(plugin, "__name__", type(plugin).__name__))
        found = Plugin(known, REGISTERED, "", first=first)
        self._registry.add(found, lambda: plugin)
        if found in self._registry.used:
            self._registry.call_one(found, "camcast_prepare_converter", converter=self.converter)
        self._tabulate()
        return found

    def limited(self, choice: Choice) -> PluginHost:
        """A host with the same plugins as far as `choice` lets them; this one where that changes nothing.

        What is registered with one of the two afterwards, the other does not have.
        """
        if choice in self.choices or (choice.allow is None and not choice.block):
            return self
        host = PluginHost(entry_points=False)
        host._use(self._registry.limited(choice))
        return host

    # --- plugins ------------------------------------------------------------------------------------------

    @property
    def plugins(self) -> Sequence[Plugin]:
        """Those in use, by rank."""
        return self._registry.used

    @property
    def choices(self) -> Sequence[Choice]:
        """The allow- and block-lists that hold."""
        return self._registry.choices

    @property
    def blocked(self) -> Sequence[Problem]:
        """Plugins that a list leaves out, and which."""
        return self._registry.blocked

    @property
    def problems(self) -> list[Problem]:
        """What is wrong: with plugins, where two claim the same, with names in the lists."""
        return [*self._registry.problems, *self._clashes]

    def plugin_of(self, kind: Kind) -> Plugin | None:
        """The plugin that brought this kind."""
        return next((plugin for plugin in self.plugins if any(kind is own for own in plugin.kinds)), None)

    # --- calling hooks ------------------------------------------------------------------------------------

    def notify(self, hook: str, **arguments: object) -> None:
        """Call every implementation of a hook, each guarded: one that raises keeps no other from hearing."""
        for _, call in self.each(hook):
            call(**arguments)

    def each(self, hook: str) -> Iterator[tuple[str, Callable[..., None]]]:
        """Plugins' names, each with the call of its implementation, guarded: for hooks that answer nothing."""
        for impl in self._registry.implementations(hook):
            yield impl.plugin_name, partial(self._guarded, hook, impl)

    def _guarded(self, hook: str, impl: pluggy.HookImpl, **arguments: object) -> None:
        try:
            impl.function(*(arguments[name] for name in impl.argnames))
        except Exception as error:  # noqa: BLE001  one plugin's bug must not keep others from hearing
            self.faults.tell(f"plugin {impl.plugin_name}", hook, error)

    def first(self, hook: str, **arguments: object) -> object | None:
        """The first answer that is not None. May block: call it on a thread. Exceptions are the plugin's own."""
        return next((answer for _, ask in self._in_turn(hook, arguments) if (answer := ask()) is not None), None)

    def ask(self, hook: str, takes: type[A], /, **arguments: object) -> A | None:
        """As `first`, but what is neither an answer of that type nor camcast's error comes as `PluginError`, which
        names the plugin and what it gave or raised."""
        for plugin, ask in self._in_turn(hook, arguments):
            try:
                answer = ask()
            except CamcastError:
                raise
            except Exception as error:  # noqa: BLE001  whatever the plugin raises
                self.faults.count(f"plugin {plugin}")
                # Its text, and its trace, may hold the very secret that was looked for: only the type is told.
                raise PluginError(f"plugin {plugin} failed in {hook} with {type(error).__name__}") from None
            if isinstance(answer, takes):
                return answer
            if answer is not None:
                self.faults.count(f"plugin {plugin}")
                gave = f"it gave {type(answer).__name__}, not {takes.__name__} or None"
                raise PluginError(f"plugin {plugin} failed in {hook}: {gave}")
        return None

    def _in_turn(self, hook: str, arguments: Mapping[str, object]) -> Iterator[tuple[str, Callable[[], object]]]:
        """Plugins' names, each with the call of its implementation."""
        for impl in reversed(self._registry.implementations(hook)):
            yield impl.plugin_name, partial(impl.function, *(arguments[name] for name in impl.argnames))

    def implementers(self, hook: str) -> set[str]:
        """Names of the plugins that implement this hook."""
        return {impl.plugin_name for impl in self._registry.implementations(hook)}

    def listens(self, hook: str) -> bool:
        """Whether any plugin implements this hook."""
        return bool(self._registry.implementations(hook))

    # --- looking up kinds ---------------------------------------------------------------------------------

    @property
    def sources(self) -> Mapping[str, SourceKind]:
        return self._known.sources.kinds

    @property
    def codecs(self) -> Mapping[str, CodecKind]:
        return self._known.codecs.kinds

    @property
    def encoders(self) -> Mapping[str, EncoderKind]:
        return self._known.encoders.kinds

    @property
    def transports(self) -> Mapping[str, TransportKind]:
        return self._known.transports.kinds

    @property
    def services(self) -> Mapping[str, ServiceKind]:
        return self._known.services.kinds

    @property
    def coordinators(self) -> Mapping[str, CoordinatorKind]:
        return self._known.coordinators.kinds

    @property
    def discoverers(self) -> Mapping[str, DiscovererKind]:
        """Ways to find cameras."""
        return self._known.discoverers.kinds

    @property
    def forms(self) -> Mapping[str, ConfigForm]:
        """Other forms of configuration that can be read here."""
        return self._known.forms.kinds

    @property
    def platforms(self) -> Platforms:
        """What is known of the platforms that targets may be for."""
        return self._known.platforms

    def source(self, name: str) -> SourceKind:
        """The source kind of that name; `LookupError` names those known."""
        return self._one(self._known.sources, name, "source type")

    def encoder(self, name: str) -> EncoderKind:
        return self._one(self._known.encoders, name, "encoder")

    def service(self, name: str) -> ServiceKind:
        """The service kind of that name; `LookupError` names those known."""
        return self._one(self._known.services, name, "service")

    def coordinator(self, url: str) -> CoordinatorKind:
        """The coordinator for URLs like this one; `LookupError` names the schemes that are known."""
        scheme = url.partition("://")[0].lower() if "://" in url else ""
        for kind in self.coordinators.values():
            if scheme in kind.schemes:
                return kind
        known = listed(f"{one}://" for kind in self.coordinators.values() for one in kind.schemes) or "none"
        raise LookupError(f'no coordinator for "{shortened(url)}"; known: {known}{self._left_out()}')

    def discoverer_of(self, url: str) -> DiscovererKind | None:
        """Whose plugin finds the camera that a source's URL names by what it is; None = it is an address."""
        scheme = url.partition("://")[0].lower() if "://" in url else ""
        return next((kind for kind in self.discoverers.values() if scheme in kind.schemes), None)

    def codec(self, name: str) -> CodecKind:
        """The codec kind by any of its names; raises `MediaError` naming those known. Never one that is only spelt
        alike: it is media that say this name, not people."""
        kind = self._known.aliases.get(name) or self._known.codecs.get(name)
        if kind is None:
            known = f"known: {listed(self._known.codecs.kinds)}" if self._known.codecs.kinds else "none is known here"
            raise MediaError(f'unknown codec "{shortened(name)}"; {known}{self._left_out()}')
        return kind

    def transport(self, name: str, scheme: str) -> TransportKind:
        """The transport called `name`, or the one for URLs of `scheme` where `name` is empty.

        `LookupError` says what is known.
        """
        if name:
            kind = self._one(self._known.transports, name, "transport")
            if scheme not in kind.schemes:
                takes = ", ".join(f"{known}://" for known in kind.schemes)
                raise LookupError(f'transport "{kind.name}" does not take {scheme}:// URLs; it takes {takes}')
            return kind
        found = self._known.schemes.get(scheme)
        if found is None:
            known = ", ".join(f"{one}://" for one in sorted(self._known.schemes.names)) or "none"
            named = [f'"transport": "{kind.name}"' for kind in self.transports.values() if scheme in kind.schemes]
            advice = f"; {' or '.join(named)} takes them" if named else ""
            near = get_close_matches(scheme[:LONGEST_SHOWN], self._known.schemes.names, n=1)
            advice += f"; did you mean {near[0]}://?" if near and not named else ""
            raise LookupError(f"no transport for {scheme}:// URLs; known: {known}{advice}{self._left_out()}")
        return found

    def structure_options(
        self,
        kind: SourceKind | EncoderKind | TransportKind | ServiceKind | CoordinatorKind,
        value: object,
        path: str,
    ) -> Any:
        """`value` as the kind's options class; raises `ConfigError` with every issue below `path`."""
        return structure(self.converter, value, kind.options, path)

    def _one(self, table: Claims[K], name: str, word: str) -> K:
        kind = table.get(name)
        if kind is None:
            known = suggest(name, list(table.kinds))
            raise LookupError(f'unknown {word} "{shortened(name)}"{known}{self._left_out()}')
        return kind

    def _left_out(self) -> str:
        """What may be missing because a list leaves it out."""
        blocked = ", ".join(problem.plugin.partition(" ")[0] for problem in self.blocked)
        return f"; plugins left out by a block- or allow-list: {blocked}" if blocked else ""

    def _tabulate(self) -> None:
        """Who brings what, anew."""
        before = self._clashes
        self._known = Catalogue(self.plugins)
        self._clashes = self._known.clashes
        for problem in self._clashes:
            if problem not in before:
                log.error("Plugin %s", problem)
