"""The rules of a resolver: what it answers, what it leaves to others, and that it can be called as the core does."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from camcast.discovery import SourceAddress
from camcast.redaction import url_secrets
from camcast.testing.conformance import hook_bench
from camcast.testing.conformance.attempt import logged
from camcast.testing.conformance.hook_bench import SECRET_HOOK, SOURCE_HOOK, URL_HOOK, HookBench
from camcast.testing.conformance.rule import Rules, broken, expect
from camcast.testing.conformance.watch import OURS, Before

RULES: Rules[HookBench] = Rules()

DEADLINE = 10.0
"""Seconds after which the core gives an answer up."""
_AT_ONCE = 8
_FOREIGN_URL = "nobodys-scheme://nobody.invalid/app/nobodys-key"
_FOREIGN_REFERENCES = ("nobodys:secret", "env:NOBODYS_VARIABLE", "file:/nobodys/file", "nobodys:", ":", "nobodys")


@RULES.add
def lists_without_loading(bench: HookBench) -> None:
    """Loading the plugin imports nothing heavy."""
    hook_bench.lists_without_loading(bench)


@RULES.add
def is_taken(bench: HookBench) -> None:
    """The host takes the plugin: its hooks are known by name, and plain functions."""
    wanted = {URL_HOOK: bench.url, SECRET_HOOK: bench.reference, SOURCE_HOOK: bench.source}
    hook_bench.is_taken(bench, *(hook for hook, given in wanted.items() if given))


@RULES.add
def answers_its_own(bench: HookBench) -> None:
    """It answers what it is there for with a text, on the first attempt and on later ones: a URL, or the secret."""
    if bench.url:
        for attempt in (0, 1, 9):
            url = bench.resolved(attempt=attempt)
            expect(isinstance(url, str), f"for its own URL it gave {_shown(url)}: expected a text")
            expect("://" in str(url), "for its own URL it gave no URL: expected scheme://host/…")
    if bench.reference:
        found = bench.secret()
        expect(isinstance(found, str) and found, f"for its own reference it gave {_shown(found)}: expected a text")
    if bench.source:
        address = bench.address()
        expect(isinstance(address, SourceAddress), f"for its own source it gave {_shown(address)}: not a SourceAddress")


@RULES.add
def leaves_others_alone(bench: HookBench) -> None:
    """For what is not its own it answers None and raises nothing: others are asked then."""
    if bench.url:
        try:
            url = bench.resolved(_FOREIGN_URL)
        except Exception as error:  # noqa: BLE001
            broken(f"for a URL of nobody's it raised {type(error).__name__}: expected None")
        expect(url is None, f"for a URL of nobody's it gave {_shown(url)}: expected None")
    if bench.reference:
        for reference in _FOREIGN_REFERENCES:
            try:
                found = bench.secret(reference)
            except Exception as error:  # noqa: BLE001
                broken(f'for the reference "{reference}" it raised {type(error).__name__}: expected None')
            expect(found is None, f'for the reference "{reference}" it gave {_shown(found)}: expected None')
    if bench.source:
        for url in (_FOREIGN_URL, "clip.mp4", "/dev/video0", ":", ""):
            try:
                address = bench.address(url)
            except Exception as error:  # noqa: BLE001
                broken(f'for the source "{url}" it raised {type(error).__name__}: expected None')
            expect(address is None, f'for the source "{url}" it gave {_shown(address)}: expected None')


@RULES.add
def answers_in_time(bench: HookBench) -> None:
    """An answer comes within 10 s, also when several threads ask at once: the core asks for each session."""
    began = time.monotonic()
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix=f"{OURS}asking") as pool:
        asked = [pool.submit(_ask, bench) for _ in range(_AT_ONCE)]
        for one in asked:
            try:
                answer = one.result(DEADLINE)
            except TimeoutError:
                broken(f"no answer within {DEADLINE:g} s")
            except Exception as error:  # noqa: BLE001
                broken(f"asked by {_AT_ONCE} threads at once it raised {type(error).__name__}")
            right = isinstance(answer, SourceAddress if bench.source else str)
            expect(right, f"asked by {_AT_ONCE} threads at once it gave {_shown(answer)}")
    took = time.monotonic() - began
    expect(took <= DEADLINE, f"{_AT_ONCE} answers at once took {took:.1f} s: expected {DEADLINE:g} s")


@RULES.add
def hides_secrets(bench: HookBench) -> None:
    """Nothing of the secret is logged, nor the key and the query of the URL."""
    with logged() as lines:
        answers = [bench.resolved()] if bench.url else []
        answers += [bench.secret()] if bench.reference else []
        if bench.source:
            bench.address()
    given = {value for value in bench.options.values() if isinstance(value, str)}
    secrets = {secret for answer in answers if isinstance(answer, str) for secret in url_secrets(answer) or {answer}}
    for secret in secrets | url_secrets(bench.url) | given:
        shown = [line for line in lines if secret in line]
        expect(not shown, f"a secret is logged: {shown[0].replace(secret, '<secret>')[:200]}" if shown else "")


@RULES.add
async def leaves_nothing(bench: HookBench) -> None:
    """Asked many times, it leaves no thread and no descriptor for each."""
    # As the core asks: not on the loop. What the pool's thread has opened is there from then on.
    await asyncio.to_thread(_ask, bench)
    before = Before()
    for _ in range(_AT_ONCE):
        await asyncio.to_thread(_ask, bench)
    left = await before.left()
    expect(not left, f"after {_AT_ONCE} answers there are left: {left}")


def _ask(bench: HookBench) -> object:
    if bench.source:
        return bench.address()
    return bench.resolved() if bench.url else bench.secret()


def _shown(answer: object) -> str:
    """An answer may be a secret."""
    return "None" if answer is None else f"a {type(answer).__name__}"
