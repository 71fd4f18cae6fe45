"""The plugins of one host: found, loaded, left out, and called. One that fails never harms another.

Pluggy's own entry-point loader stops at the first plugin that fails; this one records the failure and goes on.
"""

from __future__ import annotations

import importlib.metadata
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

import pluggy

from camcast.hooks import PROJECT, Hooks
from camcast.hosting.choice import Choice, Rank, rank
from camcast.hosting.hook_check import hook_fault
from camcast.hosting.plugin import Plugin, Problem
from camcast.kinds import (
    CodecKind,
    ConfigForm,
    CoordinatorKind,
    DiscovererKind,
    EncoderKind,
    Platform,
    ServiceKind,
    SourceKind,
    TransportKind,
)

log = logging.getLogger(__name__)

HOOKS: Mapping[type, str] = {
    SourceKind: "camcast_sources",
    CodecKind: "camcast_codecs",
    EncoderKind: "camcast_encoders",
    TransportKind: "camcast_transports",
    ServiceKind: "camcast_services",
    CoordinatorKind: "camcast_coordinators",
    DiscovererKind: "camcast_discoverers",
    ConfigForm: "camcast_config_forms",
    Platform: "camcast_platforms",
}
"""The hook that brings each class of kinds."""


class Registry:
    """Plugins by rank, as far as the choices let them."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        self.choices = tuple(choices)
        self.found: list[Plugin] = []
        self.used: list[Plugin] = []
        self.blocked: list[Problem] = []
        self._late: list[Problem] = []
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Hooks)
        self._implementations: dict[str, Sequence[pluggy.HookImpl]] = {}
        """Those known since the last plugin was registered: every event asks."""

    def load_installed(self) -> None:
        """All that installed distributions announce."""
        found = []
        for entry in importlib.metadata.entry_points(group=PROJECT):
            dist = entry.dist
            origin = (dist.name or "?", dist.version or "") if dist else ("?", "")
            found.append((Plugin(entry.name, *origin), entry.load))
        for plugin, load in sorted(found, key=lambda one: self._rank(one[0])):
            self.add(plugin, load)

    def limited(self, choice: Choice) -> Registry:
        """The same as far as one more choice lets them. Nothing is loaded again, and kinds stay the same objects."""
        fewer = Registry((*self.choices, choice))
        for plugin in sorted(self.found, key=fewer._rank):
            fewer.add(plugin)
        return fewer

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with plugins, and with the names in the choices."""
        own = [Problem(plugin.origin, reason) for plugin in self.found for reason in plugin.problems]
        unknown = [Problem(*found) for choice in self.choices for found in choice.unknown(self.found)]
        return [*own, *self._late, *unknown]

    def add(self, plugin: Plugin, load: Callable[[], object] | None = None) -> None:
        """Take a plugin into use unless a choice, its name or a fault of its own is against it.

        `load` gets its module; None = that has been done before.
        """
        self.found.append(plugin)
        if refusal := next(filter(None, (choice.refusal(plugin) for choice in self.choices)), None):
            self.blocked.append(Problem(plugin.origin, refusal))
            return
        if first := next((one for one in self.used if one.name == plugin.name), None):
            self._late.append(Problem(plugin.origin, _same_name(first)))
            log.error("Plugin %s", self._late[-1])
            return
        if load is not None:
            self._load(plugin, load)
        if plugin.module is None or not self._register(plugin):
            return
        self.used.append(plugin)
        self.used.sort(key=self._rank)
        if load is not None:
            for cls, hook in HOOKS.items():
                for result in self.call_one(plugin, hook):
                    self._collect(plugin, cls, result)

    def call_one(self, plugin: Plugin, hook: str, **arguments: object) -> list[object]:
        """Call one plugin's implementation; what it raises becomes its problem."""
        results = []
        for impl in self.implementations(hook):
            if impl.plugin_name != plugin.name:
                continue
            try:
                results.append(impl.function(*(arguments[name] for name in impl.argnames)))
            except Exception as error:  # noqa: BLE001  one plugin's bug must not stop another
                self._problem(plugin, f"{hook} raised {type(error).__name__}: {error}")
        return results

    def implementations(self, hook: str) -> Sequence[pluggy.HookImpl]:
        """In the order in which pluggy would call the last first."""
        found = self._implementations.get(hook)
        if found is None:
            found = self._implementations[hook] = tuple(getattr(self._manager.hook, hook).get_hookimpls())
        return found

    def _rank(self, plugin: Plugin) -> Rank:
        return rank(plugin, self.choices)

    def _load(self, plugin: Plugin, load: Callable[[], object]) -> None:
        try:
            module = load()
        except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's import may raise anything
            self._problem(plugin, f"cannot be imported: {type(error).__name__}: {error}")
            return
        if fault := hook_fault(module):
            self._problem(plugin, fault)
        else:
            plugin.module = module

    def _register(self, plugin: Plugin) -> bool:
        self._implementations.clear()
        try:
            self._manager.register(plugin.module, plugin.name)
        except (pluggy.PluginValidationError, ValueError) as error:
            if self._manager.has_plugin(plugin.name):
                self._manager.unregister(name=plugin.name)
            self._problem(plugin, " ".join(str(error).split()))
            return False
        return True

    def _collect(self, plugin: Plugin, cls: type, result: object) -> None:
        hook = HOOKS[cls]
        if not isinstance(result, Iterable):
            self._problem(plugin, f"{hook} returned {type(result).__name__}, not a sequence of kinds")
            return
        for kind in result:
            if isinstance(kind, cls):
                plugin.kinds.append(kind)  # type: ignore[arg-type]
            else:
                self._problem(plugin, f"{hook} returned a {type(kind).__name__}, not a {cls.__name__}")

    def _problem(self, plugin: Plugin, reason: str) -> None:
        if reason not in plugin.problems:
            plugin.problems.append(reason)
            log.warning("Plugin %s: %s", plugin.origin, reason)


def _same_name(first: Plugin) -> str:
    return (
        f'a plugin named "{first.name}" is in use already, that of {first.distribution}; this one is left out. To have '
        f'this one, block the other: "plugins": {{"block": ["{first.reference}"]}} in the configuration, or '
        f"camcast --block {first.reference}"
    )
