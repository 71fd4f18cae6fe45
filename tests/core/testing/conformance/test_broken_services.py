"""Bad services, each rejected by the rule of the kit that it breaks, and good ones by none."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import pytest
from tests.core.engine import service_plugins as bad
from tests.core.engine.service_plugins import Plugin, Run
from tests.core.testing.conformance.kit_run import rules_broken

from camcast.hooks import hookimpl
from camcast.host import PluginHost
from camcast.kinds import ServiceKind
from camcast.services import ServiceContext
from camcast.testing.conformance import Rules, ServiceConformance
from camcast.testing.conformance.service_bench import ServiceBench

pytestmark = pytest.mark.slow


def broken(plugin: object, *rules: str) -> dict[str, str]:
    host = PluginHost(entry_points=False)
    host.register(plugin, "under test")
    (kind,) = host.services.values()
    chosen: Rules[ServiceBench] = Rules(rule for rule in ServiceConformance.rules if not rules or rule.name in rules)
    assert chosen
    return rules_broken(chosen, ServiceBench(host, kind, {}))


@pytest.mark.parametrize("run", [bad.waits, bad.reads], ids=["waits", "reads"])
def test_good_services_break_no_rule(run: Run) -> None:
    assert broken(Plugin(run)) == {}


async def forgets(context: ServiceContext) -> None:
    """Leaves a file open."""
    kept.append(open("/dev/null"))  # noqa: ASYNC230, SIM115
    await bad.waits(context)


kept: list[object] = []


async def slow(context: ServiceContext) -> None:
    """Does what takes long between one event and the next."""
    import time

    async for _event in context.engine.events():
        time.sleep(3)  # noqa: ASYNC251


@pytest.mark.parametrize(
    ("run", "rule", "why"),
    [
        (bad.raises, "serves_until_cancelled", "run() raised RuntimeError"),
        (bad.returns, "serves_until_cancelled", "run() returned although nothing was wrong"),
        (bad.stubborn, "serves_until_cancelled", "it had not ended 2 s after it was cancelled"),
        (bad.picky, "hears_every_event", "run() raised ValueError: SomethingNew"),
        (bad.deaf, "keeps_up_with_events", "it has not read its events for 10 s"),
        (slow, "keeps_its_loop_free", "its loop has not answered for 1 s"),
        (bad.stubborn, "outlives_the_engine", "it had not ended 2 s after it was cancelled"),
        (forgets, "leaves_nothing_behind", "it left descriptors"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_bad_service_breaks_its_rule(run: Run, rule: str, why: str) -> None:
    found = broken(Plugin(run), rule)
    assert why in found[rule]


def test_options_are_a_class_and_hide_their_secrets() -> None:
    @attrs.frozen
    class Loose:
        api_token: str = ""

    class Shows:
        @hookimpl
        def camcast_services(self) -> Sequence[ServiceKind]:
            build = Plugin(bad.waits)._build
            return [ServiceKind(name="bell", title="A bell", build=build, options=Loose)]

    found = broken(Shows(), "hides_secret_options", "refuses_unknown_options")
    assert found == {"hides_secret_options": "api_token would be shown in logs: attrs.field(repr=False)"}
