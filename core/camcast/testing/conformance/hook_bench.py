"""One plugin with hooks under test, in a host of its own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from camcast.host import PluginHost
from camcast.target import Target
from camcast.testing.conformance.listing import heavy_imports
from camcast.testing.conformance.rule import expect

NAME = "under test"
URL_HOOK, SECRET_HOOK, EVENT_HOOK = "camcast_resolve_url", "camcast_resolve_secret", "camcast_session_event"
SOURCE_HOOK = "camcast_resolve_source"
SLOW = 0.005
"""Seconds that a call on the event loop may take, on which every camera waits."""


class HookBench:
    """`url`, `reference`, and `source` (a source's URL) with its `options`: what a resolver resolves. `slow`: seconds
    that one event may take."""

    def __init__(
        self,
        plugin: object,
        *,
        url: str = "",
        reference: str = "",
        source: str = "",
        options: Mapping[str, Any] | None = None,
        slow: float = SLOW,
    ) -> None:
        self.plugin = plugin
        self.source = source
        self.options = dict(options or {})
        self.url = url
        self.reference = reference
        self.slow = slow
        self.host = PluginHost(entry_points=False)
        """Has this plugin alone."""
        self.host.register(plugin, NAME)

    def resolved(self, url: str | None = None, attempt: int = 0) -> object:
        """What the plugin makes of a URL; None = nothing."""
        target = Target(url=self.url if url is None else url)
        return self.host.first(URL_HOOK, target=target, attempt=attempt)

    def secret(self, reference: str | None = None) -> object:
        """What the plugin knows behind a reference; None = nothing."""
        return self.host.first(SECRET_HOOK, reference=self.reference if reference is None else reference)

    def address(self, source: str | None = None) -> object:
        """Where the plugin says that a source is; None = it does not."""
        return self.host.first(SOURCE_HOOK, url=self.source if source is None else source, options=self.options)


def lists_without_loading(bench: HookBench) -> None:
    plugin = bench.plugin
    name = plugin.__name__ if isinstance(plugin, ModuleType) else type(plugin).__module__
    expect(name in sys.modules, f"the plugin's module {name} cannot be found")
    heavy = heavy_imports(name)
    expect(not heavy, f"loading {name} imports {', '.join(heavy)}: import them where they are used")


def is_taken(bench: HookBench, *hooks: str) -> None:
    """Whether the host uses the plugin, and it implements these hooks."""
    host = bench.host
    problems = [problem.reason for problem in host.problems]
    expect(not problems, "; ".join(problems))
    for hook in hooks:
        expect(NAME in host.implementers(hook), f"there is no function {hook} marked with camcast.hookimpl")
