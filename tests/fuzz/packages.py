"""The packages whose branches guide the search: the core and every plugin."""

from __future__ import annotations

from pathlib import Path

_PLUGINS = sorted(Path(__file__).parents[2].glob("plugins/*/camcast_*"))
INSTRUMENTED = ("camcast", *(path.name for path in _PLUGINS))
