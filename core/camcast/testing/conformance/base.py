"""What the kits share: finding the kind under test, and a pytest class that runs rules by name."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import attrs
import pytest

from camcast.errors import ConfigError
from camcast.host import PluginHost
from camcast.kinds import (
    CodecKind,
    CoordinatorKind,
    DiscovererKind,
    EncoderKind,
    ServiceKind,
    SourceKind,
    TransportKind,
)
from camcast.target import names_secret
from camcast.testing.conformance.listing import heavy_imports
from camcast.testing.conformance.rule import Rule, Rules, broken, expect

K = TypeVar("K", SourceKind, CodecKind, EncoderKind, TransportKind, ServiceKind, CoordinatorKind, DiscovererKind)


class Structuring(Protocol):
    """A bench of a kind that has options."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Those that were given to the kit."""

    def structured(self, options: Mapping[str, Any] | None = None) -> Any:
        """Options, by default those, as the kind's class. Raises `ConfigError`."""


class Conformance(Generic[K]):
    """A subclass names its kind: `kind = "flvfile"`.

    `plugin` is for plugins that are not installed: a module or object to register beside the installed ones.
    """

    kind: ClassVar[str]
    plugin: ClassVar[object | None] = None
    options: ClassVar[Mapping[str, Any]] = {}
    """Options of the kind, as the configuration has them."""
    rules: ClassVar[Rules[Any]]
    peer: ClassVar[bool] = True
    memo: ClassVar[dict[str, Any]]
    """What rules have seen and others look at too, so that it need not be done for each."""

    def __init_subclass__(cls) -> None:
        cls.memo = {}

    def host(self) -> PluginHost:
        """The installed plugins, and `plugin`."""
        host = PluginHost()
        if self.plugin is not None:
            host.register(self.plugin, "under test", first=True)
        return host

    @classmethod
    def applicable(cls) -> list[Rule[Any]]:
        """The rules that say something about this plugin."""
        return [rule for rule in cls.rules if cls.peer or not rule.peer]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "rule" in metafunc.fixturenames:
            metafunc.parametrize("rule", self.applicable(), ids=lambda rule: rule.name)

    def test_conforms(self, rule: Rule[Any], bench: Any) -> None:
        rule.run(bench)


def module_of(host: PluginHost, kind: Any) -> str:
    """The module whose import lists this kind."""
    plugin = host.plugin_of(kind)
    expect(plugin is not None, f"{kind.name} belongs to no plugin of this host")
    assert plugin is not None
    module = plugin.module
    name = module.__name__ if isinstance(module, ModuleType) else type(module).__module__
    expect(name in sys.modules, f"the plugin's module {name} cannot be found")
    return name


def lists_without_loading(host: PluginHost, kind: Any) -> None:
    heavy = heavy_imports(module_of(host, kind))
    advice = "import them where they are used, inside build, open or parser"
    expect(not heavy, f"listing {kind.name} imports {', '.join(heavy)}: {advice}")


def refuses_unknown_options(bench: Structuring) -> None:
    bench.structured()
    try:
        bench.structured({**bench.options, "no_such_option": 1})
    except ConfigError:
        return
    broken("an unknown option is taken: make `options` an attrs class")


def hides_secret_options(kind: Any) -> None:
    shown = [field.name for field in attrs.fields(kind.options) if names_secret(field.name) and field.repr is True]
    expect(not shown, f"{', '.join(shown)} would be shown in logs: attrs.field(repr=False)")
