"""The kits for plugins that bring no kinds: resolvers of URLs, sources and secrets, and watchers of events.

class TestVault(ResolverConformance):
    plugin = camcast_vault
    reference = "vault:camera/7"

class TestBell(WatcherConformance):
    plugin = camcast_bell
"""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from camcast.testing.conformance import resolver_rules, watcher_rules
from camcast.testing.conformance.base import Conformance
from camcast.testing.conformance.hook_bench import SLOW, HookBench


class _HookConformance(Conformance[Any]):
    """`plugin` is the module, or the object, with the hooks."""

    def hook_bench(self, **more: Any) -> HookBench:
        assert self.plugin is not None, "give the kit the plugin's module or object: `plugin`"
        return HookBench(self.plugin, **more)


class ResolverConformance(_HookConformance):
    """Subclass it, name the `plugin`, and what it resolves: a `url`, a `reference`, a `source`, or several of them."""

    rules = resolver_rules.RULES
    url: ClassVar[str] = ""
    """One that it gives another URL for."""
    reference: ClassVar[str] = ""
    """A secret that it knows: "vault:camera/7"."""
    source: ClassVar[str] = ""
    """A source's URL that names a camera by what it is; `options` are that source's."""

    @pytest.fixture
    def bench(self) -> HookBench:
        said = {"url": self.url, "reference": self.reference, "source": self.source}
        assert any(said.values()), "say what the plugin resolves: `url`, `reference` or `source`"
        return self.hook_bench(**said, options=self.options)


class WatcherConformance(_HookConformance):
    """Subclass it, and name the `plugin`."""

    rules = watcher_rules.RULES
    slow: ClassVar[float] = SLOW
    """Seconds that one event may take."""

    @pytest.fixture
    def bench(self) -> HookBench:
        return self.hook_bench(slow=self.slow)
