"""The rules of a watcher: it hears everything, raises nothing, and is quick, since every camera waits for it."""

from __future__ import annotations

import contextlib
import enum
import time
import types
import typing
from collections.abc import Iterator
from typing import Any

import attrs

from camcast import events
from camcast.events import Event
from camcast.testing.conformance import hook_bench
from camcast.testing.conformance.hook_bench import EVENT_HOOK, HookBench
from camcast.testing.conformance.rule import Rules, broken, expect
from camcast.testing.conformance.watch import shortest

RULES: Rules[HookBench] = Rules()

_MANY = 50


@attrs.frozen(kw_only=True)
class SomethingNew(Event):
    """What a later version may tell."""

    what: str = "new"


@RULES.add
def lists_without_loading(bench: HookBench) -> None:
    """Loading the plugin imports nothing heavy."""
    hook_bench.lists_without_loading(bench)


@RULES.add
def is_taken(bench: HookBench) -> None:
    """The host takes the plugin: the hook is a plain function, not an async one, which nobody would await."""
    hook_bench.is_taken(bench, EVENT_HOOK)


@RULES.add
async def hears_every_event(bench: HookBench) -> None:
    """It raises nothing for any event, also for one that it does not know: later versions tell more."""
    for event in samples():
        try:
            _tell(bench, event)
        except Exception as error:  # noqa: BLE001
            broken(f"for {event.name} it raised {type(error).__name__}: {error}; let a match end with a default")


@RULES.add
async def returns_at_once(bench: HookBench) -> None:
    """It returns within 5 ms: it is called on the event loop, between packets."""
    told = list(samples())

    async def measure() -> float:
        began = time.perf_counter()
        for number in range(_MANY):
            with contextlib.suppress(Exception):
                _tell(bench, told[number % len(told)])
        return (time.perf_counter() - began) / _MANY

    took = await shortest(measure, bench.slow)
    advice = "put what takes time into a bounded queue of your own"
    expect(took <= bench.slow, f"an event took it {took * 1000:.0f} ms: {advice}")


def _tell(bench: HookBench, event: Event) -> None:
    bench.host.first(EVENT_HOOK, event=event)


def samples() -> Iterator[Event]:
    """One of each kind of event that there is, and one that there is not yet."""
    for cls in vars(events).values():
        if isinstance(cls, type) and issubclass(cls, Event) and not cls.__subclasses__():
            yield _sample(cls)
    yield SomethingNew(label="cam0_main")


def _sample(cls: type[Event]) -> Event:
    hints = typing.get_type_hints(cls)
    needed = [field for field in attrs.fields(cls) if field.default is attrs.NOTHING]
    return cls(**{field.name: _value(hints[field.name]) for field in needed})


def _value(hint: Any) -> Any:
    """Any value of this type."""
    origin = typing.get_origin(hint) or hint
    if origin in (typing.Union, types.UnionType):
        return _value(typing.get_args(hint)[0])
    if isinstance(origin, type) and issubclass(origin, enum.Enum):
        return next(iter(origin))
    if isinstance(origin, type) and attrs.has(origin):
        hints = typing.get_type_hints(origin)
        return origin(**{field.name: _value(hints[field.name]) for field in attrs.fields(origin)})
    return origin() if origin is not str else "some text"
