"""Platforms that take live video, as data: `platforms.toml`, each figure with where it stands and when it was read."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import Platform
from camcast_platforms.reading import read


@hookimpl
def camcast_platforms() -> Sequence[Platform]:
    return read()
