"""Runs all rules of a kit against one plugin and says which it breaks."""

from __future__ import annotations

from typing import Any

from camcast.testing.conformance import RuleBroken, Rules


def rules_broken(rules: Rules[Any], bench: Any) -> dict[str, str]:
    """Names of the rules that reject the plugin, and why."""
    found = {}
    for rule in rules:
        try:
            rule.run(bench)
        except RuleBroken as error:
            found[rule.name] = str(error)
    return found
