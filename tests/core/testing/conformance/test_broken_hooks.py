"""For each rule of the kits for hooks a plugin that breaks it, and is rejected by exactly that rule."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from tests.core.testing.conformance.hook_plugins import (
    Async,
    AsyncBell,
    Bell,
    Both,
    Gossip,
    GossipOfUrls,
    InBytes,
    KnowsAll,
    Leaks,
    Misspelt,
    OneAtATime,
    OnlyOnce,
    PathOnly,
    Picky,
    Posts,
    Strict,
    TakesAll,
    Ticket,
    Vault,
)
from tests.core.testing.conformance.kit_run import rules_broken

from camcast.testing.conformance import ResolverConformance, WatcherConformance
from camcast.testing.conformance.hook_bench import HookBench
from camcast.testing.conformance.watcher_rules import samples

pytestmark = pytest.mark.slow

URL, REFERENCE = "rtmp://ingest.example/live/gate", "vault:camera/7"
BAD_RESOLVERS: list[tuple[type, str, str]] = [
    (Misspelt, "is_taken", 'did you mean "camcast_resolve_secret"'),
    (InBytes, "answers_its_own", "for its own reference it gave a bytes: expected a text"),
    (OnlyOnce, "answers_its_own", "for its own URL it gave None"),
    (PathOnly, "answers_its_own", "no URL: expected scheme://host"),
    (KnowsAll, "leaves_others_alone", 'for the reference "nobodys:secret" it gave a str: expected None'),
    (Strict, "leaves_others_alone", 'for the reference "nobodys" it raised ValueError'),
    (TakesAll, "leaves_others_alone", "for a URL of nobody's it gave a str: expected None"),
    (OneAtATime, "answers_in_time", "asked by 8 threads at once it raised RuntimeError"),
    (Gossip, "hides_secrets", "a secret is logged: camera/7 is <secret>"),
    (GossipOfUrls, "hides_secrets", "a secret is logged: <secret> for you"),
    (Leaks, "leaves_nothing", "there are left: descriptors"),
]


def resolver_bench(plugin: object) -> HookBench:
    return HookBench(
        plugin, url=URL if isinstance(plugin, Ticket) else "", reference=REFERENCE if isinstance(plugin, Vault) else ""
    )


@pytest.mark.parametrize("plugin", [Ticket, Vault, Both])
def test_good_resolvers_pass(plugin: type) -> None:
    assert rules_broken(ResolverConformance.rules, resolver_bench(plugin())) == {}


@pytest.mark.parametrize(("plugin", "name", "text"), BAD_RESOLVERS)
def test_a_broken_resolver_is_rejected_by_exactly_its_rule(plugin: type, name: str, text: str) -> None:
    if plugin is Misspelt:
        found = rules_broken(ResolverConformance.rules[:2], resolver_bench(plugin()))  # type: ignore[arg-type]
    else:
        found = rules_broken(ResolverConformance.rules, resolver_bench(plugin()))
    assert list(found) == [name]
    assert text in found[name]


def test_there_is_a_broken_resolver_for_each_rule() -> None:
    assert {name for _, name, _ in BAD_RESOLVERS} | {"lists_without_loading"} == {
        rule.name for rule in ResolverConformance.rules
    }


def test_an_async_resolver_is_refused_with_what_to_do() -> None:
    found = rules_broken(ResolverConformance.rules, resolver_bench(Async()))
    assert "an async function, which would never run" in found["is_taken"]
    assert 'Make it a plain "def"' in found["is_taken"]


def test_a_good_watcher_passes_and_has_heard_everything() -> None:
    bell = Bell()
    assert rules_broken(WatcherConformance.rules, HookBench(bell)) == {}
    kinds = {event.name for event in samples()}
    assert set(bell.heard) == kinds
    assert {"StateChanged", "GaveUp", "SourceChanged", "WorkerRestarted", "SomethingNew"} <= kinds


@pytest.mark.parametrize(
    ("plugin", "name", "text"),
    [
        (AsyncBell, "is_taken", '"camcast_session_event" is an async function, which would never run'),
        (Picky, "hears_every_event", "it raised KeyError"),
        (Posts, "returns_at_once", "an event took it 1"),
    ],
)
def test_a_broken_watcher_is_rejected_by_exactly_its_rule(plugin: type, name: str, text: str) -> None:
    found = rules_broken(WatcherConformance.rules, HookBench(plugin()))
    assert list(found) == [name]
    assert text in found[name]


@pytest.mark.parametrize("kit", [ResolverConformance, WatcherConformance])
def test_one_that_loads_much(kit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "camcast_heavy_bell.py").write_text(
        "import numpy\nimport camcast\n@camcast.hookimpl\ndef camcast_session_event(event): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    bench = HookBench(importlib.import_module("camcast_heavy_bell"))
    with pytest.raises(AssertionError, match="imports numpy"):
        kit.rules.named("lists_without_loading").run(bench)
