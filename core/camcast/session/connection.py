"""When to try which target: the retry and failover policy, without I/O and with a clock passed in.

* A round is each target once, in order, at once one after the other. The delay comes after a whole round:
  `min(initial_delay * 2**n, max_delay)`; the first round is not counted as a retry.
* A target that was stable (real media flow for `stable_after`) and is lost: the next one in the chain at once,
  going round; if it is the only one, itself. Lost before that counts as its failure in the running round.
* What the round's failures were decides the wait: network troubles back off; a busy name is tried after `BUSY_FIRST`,
  then after twice as long each time up to `BUSY_DELAY`, for `BUSY_PATIENCE`, uncounted; refusals and plugins' bugs
  alone are tried slowly, `MAX_REFUSALS` times; a misconfigured target is not tried again.
* A server that says when to come back (`retry_after`) is not asked before, within `MOST_WAIT`; others of the chain are.
  One that was stable and says "at once" wants this very target to connect anew.
* After giving up, one round is tried every `revive_after`; where nobody but a person can mend what is wrong (a wrong
  key, a wrong configuration, a plugin's bug), `SLOW_REVIVAL` times less often. Without `auto_reconnect`, never.
* Jitter shortens a wait by a random part, after the cap, so that a fleet does not come back in step.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import attrs

from camcast.config import RetryPolicy
from camcast.errors import ErrorClass
from camcast.few import NOTHING

BUSY_FIRST, BUSY_DELAY = 1.0, 10.0
"""Seconds. Mostly the name is held by this session's own last connection, whose end is on its way to the server."""
BUSY_PATIENCE = 180.0
REFUSED_DELAY = 30.0
HOPELESS = frozenset({ErrorClass.REFUSED, ErrorClass.MISCONFIGURED, ErrorClass.PLUGIN})
"""What only a person can mend."""
MOST_WAIT = 600.0
"""Seconds that a server's own word on when to come back is kept to."""
SLOW_REVIVAL = 3.0
"""By default a wrong key is tried every 15 minutes, a dead server every 5."""
MAX_REFUSALS = 5
"""Rounds in which every server refused, after which a session gives up, unless it is never to."""


@attrs.define
class _Troubles:
    """What has gone wrong since media last flowed."""

    reasons: frozenset[ErrorClass] = NOTHING
    """In the running round."""
    busy_since: float | None = None
    busy_wait: float = BUSY_FIRST
    refusals: int = 0
    """Rounds that were nothing but refusals."""


class ConnectionManager:
    """One session's policy. Call `next_target`, try it, and say `on_connected` or `on_disconnect`."""

    def __init__(
        self,
        targets: int,
        policy: RetryPolicy,
        *,
        auto_reconnect: bool = True,
        now: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
    ) -> None:
        """`targets` is the chain's length; `now` gives seconds, `rng` numbers in [0, 1)."""
        self.attempt = 0
        """Retries made: rounds after the first."""
        self.failed = False
        """Whether it has given up, for the time being or for good."""
        self.revive_at: float | None = None
        """Clock time at which a round is tried again after giving up; None while it has not, or for ever."""
        self.next_attempt_at = now()
        """Clock time of the next attempt; in the past = at once."""
        self.current: int | None = None
        """The target last tried."""
        self.last_reason: ErrorClass | None = None
        self.chosen: int | None = None
        """The target that the user switched to: it stays until the user says otherwise, or it is lost."""
        self._targets = targets
        self._policy = policy
        self._auto = auto_reconnect
        self._now = now
        self._rng = rng
        self._round = list(range(targets))
        self._dead: frozenset[int] = NOTHING
        self._not_before: dict[int, float] = {}
        """When servers want to be asked again, by target."""
        self._troubles = _Troubles()
        self._delay = 0.0
        self._stable = False
        self._reviving = False

    # --- questions ----------------------------------------------------------------------------------------

    def should_reconnect(self) -> bool:
        """Whether an attempt is pending. False once given up."""
        return not self.failed

    def get_backoff_delay(self) -> float:
        """Nominal seconds of the present wait; 0 when the next target is tried at once."""
        return self._delay

    def next_target(self) -> int | None:
        """The target to try now, or None while waiting or after giving up. Asking changes nothing."""
        if self.failed or self._now() < self.next_attempt_at:
            return None
        return self._round[0]

    @property
    def asked_to_wait(self) -> bool:
        """Whether the present wait is as long as a server said, and not only as long as we think right."""
        return bool(self._round) and self._not_before.get(self._round[0], 0.0) > self._now()

    @property
    def stable(self) -> bool:
        """Whether the present connection has carried media for long enough."""
        return self._stable

    # --- what happened ------------------------------------------------------------------------------------

    def on_connected(self, target: int) -> None:
        """Publishing on `target` began. The counters stay until media has really flowed."""
        self.current = target
        self._stable = False
        self._delay = 0.0

    def on_flow(self, seconds: float) -> bool:
        """Media has been acknowledged for `seconds` on this connection. Returns whether that just made it stable."""
        if seconds < self._policy.stable_after or self._stable:
            return False
        self.reset_backoff()
        self._stable = True
        return True

    def reset_backoff(self) -> None:
        """Forget all failures."""
        self.attempt = 0
        self._delay = 0.0
        self._troubles = _Troubles()
        self._reviving = False

    def on_disconnect(
        self, reason: ErrorClass = ErrorClass.NETWORK, target: int | None = None, retry_after: float | None = None
    ) -> None:
        """`target` (by default the one due or connected) failed or was lost.

        `retry_after`: seconds after which its server wants to be asked again.
        """
        if target is None:
            stays = self._stable or not self._round
            target = self.current if stays and self.current is not None else self._round[0] if self._round else 0
        if target == self.chosen:
            self.chosen = None
        self.current = target
        self.last_reason = reason
        was_stable, self._stable = self._stable, False
        if reason is ErrorClass.MISCONFIGURED:
            self._dead |= {target}
        self._troubles.reasons |= {reason}
        if was_stable:
            self._troubles.reasons = NOTHING
            order = [(target + step) % self._targets for step in range(1, self._targets + 1)]
            self._round = list(order if self._auto else order[:-1])
            if retry_after == 0 and self._auto:
                self._round.insert(0, self._round.pop())
        elif target in self._round:
            self._round.remove(target)
        if self._dead:
            self._round = [index for index in self._round if index not in self._dead]
        self._delay = 0.0
        self.next_attempt_at = now = self._now()
        if retry_after:
            self._not_before[target] = now + min(retry_after, MOST_WAIT)
        if not self._round:
            self._end_round()
        if self._round and not self.failed:
            self._keep_to_servers_words()

    def moved_to(self, target: int, *, chosen: bool = False) -> None:
        """Another attempt took over without a gap: `target` publishes now; `chosen`: because the user said so."""
        if chosen:
            self.chosen = target
        elif self.chosen != target:
            self.chosen = None
        self._round = self._from(self.chosen or 0)
        self.on_connected(target)

    # --- control ------------------------------------------------------------------------------------------

    def adopt(self, policy: RetryPolicy, *, auto_reconnect: bool) -> None:
        """Go on by another policy; the present wait is at most as long as the new one allows."""
        self._policy, self._auto = policy, auto_reconnect
        if not self.asked_to_wait:
            self.next_attempt_at = min(self.next_attempt_at, self._now() + policy.max_delay)

    def retry_now(self) -> None:
        """Try at once; after giving up, begin anew."""
        if self.failed:
            self._begin_anew()
            self.reset_backoff()
        self._delay = 0.0
        self._not_before.clear()
        self.next_attempt_at = self._now()

    def revive(self) -> None:
        """Given up, and `revive_at` has come: one round, after which it has given up again."""
        self._begin_anew()
        self._reviving = True
        self.next_attempt_at = self._now()

    def prefer(self, target: int) -> None:
        """Begin the next round with `target`."""
        self._dead -= {target}
        self._round = self._from(target)
        self.retry_now()

    def choose(self, target: int) -> None:
        """The user wants `target`: begin with it, and stay there."""
        self.prefer(target)
        self.chosen = target

    # --- inside -------------------------------------------------------------------------------------------

    def _from(self, target: int) -> list[int]:
        """The whole chain, beginning with `target`."""
        return [(target + step) % self._targets for step in range(self._targets)]

    def _keep_to_servers_words(self) -> None:
        """Those that may be asked come first; where none may yet, the wait is until the first may."""
        at = self.next_attempt_at
        self._not_before = {target: then for target, then in self._not_before.items() if then > at}
        self._round = sorted(self._round, key=lambda target: self._not_before.get(target, 0.0))
        soonest = self._not_before.get(self._round[0], at)
        if soonest > at:
            self._delay = max(self._delay, soonest - self._now())
            self.next_attempt_at = soonest

    def _begin_anew(self) -> None:
        self.failed, self.revive_at = False, None
        self._dead = NOTHING
        self._delay = 0.0
        self._round = list(range(self._targets))

    def _give_up(self, reasons: frozenset[ErrorClass]) -> None:
        self.failed = True
        after = self._policy.revive_after if self._auto else None
        if after is None:
            return
        if reasons <= HOPELESS:
            after *= SLOW_REVIVAL
        self.revive_at = self._now() + after * (1 - self._policy.jitter * self._rng())

    def _end_round(self) -> None:
        everything = self._troubles.reasons
        usable = [index for index in range(self._targets) if index not in self._dead]
        reasons = self._troubles.reasons - {ErrorClass.MISCONFIGURED}
        self._troubles.reasons = NOTHING
        if not usable or not self._auto or self._reviving:
            self._give_up(everything)
            return
        now = self._now()
        backoff = min(self._policy.initial_delay * 2.0 ** min(self.attempt, 64), self._policy.max_delay)
        counted = True
        if reasons and reasons <= {ErrorClass.REFUSED, ErrorClass.PLUGIN}:
            self._troubles.refusals += 1
            backoff = max(backoff, REFUSED_DELAY)
        elif reasons <= {ErrorClass.BUSY, ErrorClass.REFUSED} and ErrorClass.BUSY in reasons:
            if self._troubles.busy_since is None:
                self._troubles.busy_since = now
            if now - self._troubles.busy_since < BUSY_PATIENCE:
                backoff, counted = min(self._troubles.busy_wait, BUSY_DELAY), False
                self._troubles.busy_wait *= 2
        if ErrorClass.BUSY not in reasons:
            self._troubles.busy_since, self._troubles.busy_wait = None, BUSY_FIRST
        if counted:
            limit = self._policy.max_attempts
            if limit is not None and (self.attempt >= limit or self._troubles.refusals > MAX_REFUSALS):
                self._give_up(everything)
                return
            self.attempt += 1
        self._round = usable
        self._delay = backoff
        self.next_attempt_at = now + backoff * (1 - self._policy.jitter * self._rng())
