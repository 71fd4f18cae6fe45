"""Where an attempt goes is checked once, and again as soon as anything of it may be different."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from tests.core.session.test_session import chain
from tests.core.world import World

from camcast.config import TargetConfig
from camcast.errors import MisconfiguredError, TransportError
from camcast.hooks import hookimpl
from camcast.kinds import TransportKind
from camcast.session.environment import Environment, Place
from camcast.target import Target


@attrs.define(eq=False)
class Checked:
    """An environment, and the targets that the transport's plugin was asked to check."""

    environment: Environment
    targets: list[Target] = attrs.field(factory=list)
    fault: str = ""

    def check(self, target: Target) -> None:
        if "elsewhere" not in target.url:  # that of the session which runs meanwhile
            self.targets.append(target)
        if self.fault:
            raise ValueError(self.fault)

    async def prepare(self, config: TargetConfig, known: Place | None = None) -> Place:
        return await self.environment.prepare(config, 0, known)


@pytest.fixture
async def checked(world: World, monkeypatch: pytest.MonkeyPatch) -> Checked:
    engine = await world.start(chain("elsewhere"))
    environment = engine._environment
    assert isinstance(environment, Environment)
    found = Checked(environment)
    kinds: dict[int, TransportKind] = {}
    plain = type(world.host).transport

    def transport(self: Any, name: str, scheme: str) -> TransportKind:
        kind = plain(self, name, scheme)
        return kinds.setdefault(id(kind), attrs.evolve(kind, check=found.check))

    monkeypatch.setattr(type(world.host), "transport", transport)
    return found


async def test_the_second_attempt_goes_where_the_first_one_went_and_nothing_is_checked_again(checked: Checked) -> None:
    config = TargetConfig(url="mem://a/key")
    first = await checked.prepare(config)
    assert await checked.prepare(config, first) is first
    assert len(checked.targets) == 1
    assert first.name == "mem://a/key"


async def test_another_configuration_is_checked(checked: Checked) -> None:
    first = await checked.prepare(TargetConfig(url="mem://a/key"))
    second = await checked.prepare(TargetConfig(url="mem://a/other"), first)
    assert second.name == "mem://a/other"
    assert len(checked.targets) == 2


async def test_a_secret_is_read_again_each_time_and_what_it_makes_is_checked_when_it_has_changed(
    checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TargetConfig(url="env:WHERE")
    monkeypatch.setenv("WHERE", "mem://a/one")
    first = await checked.prepare(config)
    assert await checked.prepare(config, first) is first
    monkeypatch.setenv("WHERE", "mem://a/two")
    second = await checked.prepare(config, first)
    assert second.name == "mem://a/two"
    assert [target.url for target in checked.targets] == ["mem://a/one", "mem://a/two"]


async def test_a_resolver_is_asked_each_time(checked: Checked, world: World) -> None:
    answers = iter(["mem://x/1", "mem://x/1", None])

    class Finds:
        @hookimpl
        def camcast_resolve_url(self, target: Any, attempt: int) -> str | None:
            return next(answers)

    config = TargetConfig(url="mem://a/key")
    before = await checked.prepare(config)
    world.host.register(Finds(), "finds")
    first = await checked.prepare(config, before)
    assert first.name == "mem://x/1"
    assert await checked.prepare(config, first) is first
    assert (await checked.prepare(config, first)).name == "mem://a/key"


async def test_what_was_wrong_is_checked_each_time(checked: Checked) -> None:
    config, checked.fault = TargetConfig(url="mem://a/key"), "no certificate there yet"
    for _ in range(2):
        with pytest.raises(MisconfiguredError, match="no certificate there yet"):
            await checked.prepare(config)
    checked.fault = ""
    assert (await checked.prepare(config)).name == "mem://a/key"
    assert len(checked.targets) == 3


@pytest.mark.parametrize("gone", [True, False])
async def test_where_another_plugin_takes_such_urls_it_is_asked(
    checked: Checked, world: World, monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    config = TargetConfig(url="mem://a/key")
    first = await checked.prepare(config)
    other: Callable[..., Any] = lambda self, name, scheme: attrs.evolve(first.kind, name="other")  # noqa: E731
    if gone:

        def other(self: Any, name: str, scheme: str) -> TransportKind:
            raise LookupError("no transport for mem:// URLs")

    monkeypatch.setattr(type(world.host), "transport", other)
    if gone:
        with pytest.raises(TransportError, match="no transport for"):
            await checked.prepare(config, first)
    else:
        assert (await checked.prepare(config, first)).kind.name == "other"
