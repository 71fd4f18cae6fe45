"""Another configuration for a session that goes on: told to all that go by one."""

from __future__ import annotations

from typing import Protocol

from camcast.config import SessionConfig


class Adopts(Protocol):
    """Goes by a session's configuration."""

    def adopt(self, config: SessionConfig) -> object:
        """Go on by this, which differs in nothing that publishing depends on."""


def adopt(config: SessionConfig, *parts: Adopts | None) -> None:
    """Have each part that there is go on by `config`."""
    for part in parts:
        if part is not None:
            part.adopt(config)
