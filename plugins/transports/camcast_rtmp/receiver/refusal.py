"""How a receiver says no."""

from __future__ import annotations

import attrs


@attrs.frozen
class Refusal:
    """A no to connect or publish. Without a `code` the connection is closed without a word."""

    code: str = ""
    description: str = ""
