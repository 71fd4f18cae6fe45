"""What a member wants done; the driver does it and tells the member how it went."""

from __future__ import annotations

import attrs

from camcast.coordinators import Desired, Holder


@attrs.frozen
class Renew:
    """Write the member's card in place of this revision."""

    holder: Holder
    after: int


@attrs.frozen
class Bury:
    """Say that a life is over whose record has this revision."""

    name: str
    after: int


@attrs.frozen
class Take:
    """Claim a camera whose record has this fencing number."""

    camera_id: int
    after: int


@attrs.frozen
class Pass:
    """Write a camera's claim in place of this fencing number: it goes, or has gone, from `giver` to `holder`."""

    camera_id: int
    holder: Holder
    after: int
    giver: Holder | None


@attrs.frozen
class Release:
    camera_id: int
    fence: int


@attrs.frozen
class Start:
    """Run a camera as `spec`, the digest of what is desired of it, says."""

    camera_id: int
    spec: str


@attrs.frozen
class Stop:
    """End a camera in order."""

    camera_id: int


@attrs.frozen
class Put:
    """The store has lost what is desired: give it back."""

    desired: Desired


@attrs.frozen
class Say:
    """Have something known to all. `code` is stable."""

    code: str
    text: str
    camera_id: int | None = None


Action = Renew | Bury | Take | Pass | Release | Start | Stop | Put | Say
