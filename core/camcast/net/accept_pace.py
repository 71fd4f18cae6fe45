"""How fast whoever comes to a port is accepted, so that those who come without end leave the loop to everybody else.

Accepting rests behind each few connections, and behind TLS handshakes as many times as long as they took: a server
signs in each, for somebody who has not said who he is. So they have a tenth of the loop, all of a port together.
"""

from __future__ import annotations

from camcast.net.tls_bounds import BoundedContext

REST = 0.02
"""Seconds that accepting rests behind `AT_ONCE` connections, and where no descriptor is left for one."""
AT_ONCE = 16
SHARE = 9
"""As many times as long as the handshakes before took, `LONGEST` at the most."""
LONGEST = 1.0


class AcceptPace:
    """Of one port. `tls`: by which its connections are encrypted; None = they are not."""

    def __init__(self, tls: BoundedContext | None) -> None:
        self._tls = tls
        self._turn, self._spent = 0, 0.0

    def rest(self, count: int = 1) -> float:
        """Seconds to rest, now that so many more have been accepted; 0 = go on."""
        self._turn += count
        rest = 0.0
        if self._turn >= AT_ONCE:
            self._turn, rest = 0, REST
        if self._tls is not None:
            spent, self._spent = self._tls.spent - self._spent, self._tls.spent
            rest = max(rest, min(LONGEST, SHARE * spent))
        return rest
