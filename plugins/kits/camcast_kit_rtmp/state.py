"""How far a publishing client has got with its server, and the server's no."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs


class State(Enum):
    HANDSHAKE = "handshake"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    CREATING = "creating"
    PUBLISHING = "publishing"
    LIVE = "live"
    REFUSED = "refused"
    ENDED = "ended"


@attrs.frozen
class Refused:
    """The server said no to `command`, or ended a running publication (`command` is then "onStatus")."""

    command: str
    code: str
    description: str
    info: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
