"""What is wrong with a plugin's hooks. Pluggy accepts a misspelt hook until asked, and an async one for ever."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator

from camcast.hooks import PROJECT, Hooks

KNOWN = [name for name in vars(Hooks) if name.startswith("camcast_")]
_KINDS = (
    "camcast_sources",
    "camcast_codecs",
    "camcast_encoders",
    "camcast_transports",
    "camcast_services",
    "camcast_coordinators",
    "camcast_discoverers",
    "camcast_config_forms",
)
"""Hooks that return a sequence, which may as well be made by a generator."""


def hook_fault(plugin: object) -> str | None:
    """Why this plugin cannot be used; None = its hooks are right."""
    found = False
    for name, value in _implementations(plugin):
        if name not in KNOWN:
            near = difflib.get_close_matches(name, KNOWN, n=1)
            advice = f'; did you mean "{near[0]}"?' if near else f"; known: {', '.join(KNOWN)}"
            return f'"{name}" is not a hook of camcast{advice} The plugin is left out.'
        if word := _runs_never(name, value):
            return (
                f'"{name}" is {word}, which would never run: hooks are called, and what they return is all. Make it '
                'a plain "def"; what takes time belongs into a queue or task of your own. The plugin is left out.'
            )
        found = True
    return None if found else "has no function marked with camcast's hookimpl"


def _implementations(plugin: object) -> Iterator[tuple[str, object]]:
    for name in dir(plugin):
        # As pluggy looks: without running properties, whose errors would be taken for the host's.
        value = inspect.getattr_static(plugin, name, None)
        plain = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        if hasattr(plain, f"{PROJECT}_impl"):
            yield name, plain


def _runs_never(name: str, value: object) -> str:
    """What kind of function it is, if calling it does nothing."""
    plain = inspect.unwrap(value) if callable(value) else value
    if inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain):
        return "an async function"
    options = getattr(value, f"{PROJECT}_impl")
    if isinstance(options, dict) and (options.get("wrapper") or options.get("hookwrapper")):
        return "a wrapper around other plugins' hooks"
    return "a generator" if inspect.isgeneratorfunction(plain) and name not in _KINDS else ""
