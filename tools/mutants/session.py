"""Faults in the life of a session."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

_METRICS = "core/camcast/session/metrics.py"
_METRICS_TESTS = ("tests/core/session/test_metrics.py",)
_SENDER = "core/camcast/stream/sender.py"
_SENDER_TESTS = ("tests/core/stream/test_latency.py",)
_POLICY = "core/camcast/session/connection.py"
_POLICY_TESTS = ("tests/core/session/test_connection.py",)

_TESTS = "tests/core/session"
_LIVENESS = "core/camcast/session/liveness.py"
_LIVENESS_TESTS = (f"{_TESTS}/test_liveness.py",)
_GHOSTS = "core/camcast/session/ghosts.py"
_GHOSTS_TESTS = (f"{_TESTS}/test_ghosts.py",)
_POOL = "core/camcast/session/pool.py"
_POOL_TESTS = (f"{_TESTS}/test_pool.py",)
_MOVE = "core/camcast/session/move.py"
_MOVE_TESTS = (f"{_TESTS}/test_move.py",)
_GUARD = "core/camcast/session/guard.py"
_GUARD_TESTS = (f"{_TESTS}/test_guard.py",)
_OPENING = "core/camcast/session/opening.py"
_OPENING_TESTS = (f"{_TESTS}/test_opening.py",)
_STAGE = "core/camcast/session/stage.py"
_FAILURES = "core/camcast/session/failures.py"
_FAILURES_TESTS = (f"{_TESTS}/test_failures.py",)
_FAILBACK = "core/camcast/session/failback.py"
_FAILBACK_TESTS = (f"{_TESTS}/test_failback.py",)
_HEALTH = "core/camcast/session/health.py"
_HEALTH_TESTS = (f"{_TESTS}/test_health.py",)

MUTANTS = (
    # --- liveness
    Mutant(
        "a stall after twice the timeout",
        _LIVENESS,
        "if silent >= self._timeout else None",
        "if silent >= 2 * self._timeout else None",
        _LIVENESS_TESTS,
    ),
    Mutant(
        "nothing pending is a stall",
        _LIVENESS,
        "        if pending <= 0:\n            self._floor = self._since = now\n            return None\n",
        "",
        _LIVENESS_TESTS,
    ),
    Mutant(
        "silence before there was anything to acknowledge counts",
        _LIVENESS,
        "            self._floor = self._since = now\n            return None\n",
        "            return None\n",
        _LIVENESS_TESTS,
    ),
    Mutant(
        "the path's own round trip does not count",
        _LIVENESS,
        "return max(self.stall_timeout, TRIPS * min(self.trip, LONGEST_TRIP))",
        "return self.stall_timeout",
        _LIVENESS_TESTS,
    ),
    Mutant(
        "a fault that was survived is the path's round trip",
        _LIVENESS,
        "TRIPS * min(self.trip, LONGEST_TRIP)",
        "TRIPS * self.trip",
        _LIVENESS_TESTS,
    ),
    Mutant(
        "an acknowledgement counts from when it was seen",
        _LIVENESS,
        "self._floor = max(self._looked, now - LOOK)",
        "self._floor = now",
        _LIVENESS_TESTS,
    ),
    Mutant(
        "what the handshake took counts as acknowledged media",
        _STAGE,
        "        if not self.outlet.sending:\n            self.liveness.rest(acked, now)\n            return\n",
        "",
        (f"{_TESTS}/test_stage.py",),
    ),
    # --- what a loss means
    Mutant(
        "a ghost holds a name for ever",
        _GHOSTS,
        'float("-inf")) < GHOST_WINDOW',
        'float("-inf")) < float("inf")',
        _GHOSTS_TESTS,
    ),
    Mutant("a ghost holds a name for an hour", _GHOSTS, "GHOST_WINDOW = 180.0", "GHOST_WINDOW = 3600.0", _GHOSTS_TESTS),
    Mutant(
        "what was refused counts as having been on the air",
        _GHOSTS,
        "        if now - published_at > AGREEMENT_WINDOW:\n            self.",
        "        if now - published_at >= 0:\n            self.",
        _GHOSTS_TESTS,
    ),
    Mutant(
        "a first close after the agreement is a refusal",
        _GHOSTS,
        "again = name is None or name in self._dropped",
        "again = True",
        _GHOSTS_TESTS,
    ),
    Mutant(
        "a loss in the first seconds is a refusal, whatever flowed",
        _GHOSTS,
        "if flow_since is not None and now - flow_since >= FLOWED:",
        "if False:",
        _GHOSTS_TESTS,
    ),
    Mutant(
        "refusals are tried again as soon as anything else",
        _POLICY,
        "            backoff = max(backoff, REFUSED_DELAY)\n",
        "",
        _POLICY_TESTS,
    ),
    Mutant(
        "refused sessions are woken by others' success",
        _FAILURES,
        "self.policy.last_reason not in slow and not",
        "not",
        _FAILURES_TESTS,
    ),
    # --- moves
    Mutant("a move without its hold", _MOVE, "            await _holds(attempt, HOLD)\n", "", _MOVE_TESTS),
    Mutant("a hold of nothing", _MOVE, "HOLD = 3.0", "HOLD = 0.0", _MOVE_TESTS),
    Mutant(
        "failback undoes the user's switch",
        _FAILBACK,
        "wanted = index > 0 and not chosen and",
        "wanted = index > 0 and",
        (*_FAILBACK_TESTS, *_MOVE_TESTS),
    ),
    Mutant(
        "what the user chose stays chosen when it is lost",
        _POLICY,
        "        if target == self.chosen:\n            self.chosen = None\n",
        "",
        (*_POLICY_TESTS, *_MOVE_TESTS),
    ),
    Mutant(
        "the end of the old attempt is waited for",
        "core/camcast/session/supervisor.py",
        "                self._move(active, ready, self._standby.mover.why)\n",
        "                self._move(active, ready, self._standby.mover.why)\n"
        "                await self._parting.gone()\n",
        _MOVE_TESTS,
    ),
    Mutant("a flapping primary is chased", _FAILBACK, "if len(self._moves) < self._most:", "if True:", _FAILBACK_TESTS),
    # --- spares
    Mutant(
        "the pool keeps what was used",
        _POOL,
        "if spare.fresh and spare.target not in self._spares:",
        "if spare.target not in self._spares:",
        _POOL_TESTS,
    ),
    Mutant(
        "an attempt that was published counts as fresh",
        _STAGE,
        "return not self.attempt.used and not self.attempt.ended",
        "return not self.attempt.ended",
        (*_POOL_TESTS, *_OPENING_TESTS),
    ),
    Mutant(
        "a spare that was not needed is closed",
        _OPENING,
        "            self._home.release(self._spare)\n",
        "            self._opener.let_go(self.attempt)\n",
        (*_OPENING_TESTS, *_POOL_TESTS),
    ),
    Mutant("a cold target stays cold for ever", _POOL, "COLD_FOR = 600.0", 'COLD_FOR = float("inf")', _POOL_TESTS),
    Mutant(
        "a move does not forget what went cold",
        "core/camcast/session/standby.py",
        "            self.pool.forget_cold()\n",
        "",
        _POOL_TESTS,
    ),
    # --- a plugin's transport
    Mutant(
        "a step may take for ever",
        _GUARD,
        "PatientTimer(seconds, end)",
        "PatientTimer(1e9, end)",
        _GUARD_TESTS,
    ),
    Mutant(
        "figures that raise keep the connection open",
        _GUARD,
        'a plugin\'s bug\n            self._tell(error, "its figures")\n',
        "a plugin's bug\n            raise\n",
        _GUARD_TESTS,
    ),
    Mutant(
        "what fails on its way is not closed",
        _OPENING,
        "            if not opened:\n                self._discard()\n",
        "",
        _OPENING_TESTS,
    ),
    # --- health
    Mutant(
        "without a picture it is healthy all the same",
        _HEALTH,
        "acknowledged and not overdue",
        "acknowledged",
        _HEALTH_TESTS,
    ),
    Mutant(
        "a source that is gone makes the session unhealthy",
        _HEALTH,
        " or (overdue and not media)",
        "",
        _HEALTH_TESTS,
    ),
    # --- figures
    Mutant(
        "the peak is the last second, not the best",
        _METRICS,
        "self.peak = max(self.peak, self._rate(-2)[0])",
        "self.peak = self._rate(-2)[0]",
        _METRICS_TESTS,
    ),
    Mutant(
        "the peak is the best window, not the best second",
        _METRICS,
        "max(self.peak, self._rate(-2)[0])",
        "max(self.peak, self._rate(0)[0])",
        _METRICS_TESTS,
    ),
    Mutant(
        "the average counts time off the air",
        _METRICS,
        "bitrate_average=self._average(uptime),",
        "bitrate_average=self._average(uptime + downtime),",
        _METRICS_TESTS,
    ),
    Mutant(
        "downtime counts the time without media",
        _METRICS,
        "return self._spent_in(_Mode.DOWN, self.now())",
        "return self._spent_in(_Mode.DOWN, self.now()) + self._spent_in(_Mode.REST, self.now())",
        _METRICS_TESTS,
    ),
    Mutant(
        "downtime counts from the session's creation",
        _METRICS,
        "    _mode: _Mode = _Mode.REST\n",
        "    _mode: _Mode = _Mode.DOWN\n",
        _METRICS_TESTS,
    ),
    Mutant(
        "the average latency counts sessions that have none yet",
        _METRICS,
        "[one.latency for one in active if one.latency > 0]",
        "[one.latency for one in active]",
        _METRICS_TESTS,
    ),
    Mutant(
        "the average latency counts sessions that are off the air",
        _METRICS,
        "[one.latency for one in active if one.latency > 0]",
        "[one.latency for one in live if one.latency > 0]",
        _METRICS_TESTS,
    ),
    Mutant(
        "the latency is the last one measured",
        _SENDER,
        "self.counters.latency += (seconds - self.counters.latency) * LATENCY_SHARE",
        "self.counters.latency = seconds",
        _SENDER_TESTS,
    ),
    Mutant(
        "the latency is of what was sent again, too",
        _SENDER,
        "if newest is not None and newest[ARRIVAL] and not held:",
        "if newest is not None and not held:",
        _SENDER_TESTS,
    ),
    Mutant(
        "a minute in which nothing ran is latency",
        _SENDER,
        "if newest is not None and newest[ARRIVAL] and not held:",
        "if newest is not None and newest[ARRIVAL]:",
        _SENDER_TESTS,
    ),
    Mutant(
        "a minute in which nothing ran was on the air",
        _METRICS,
        "self._spent[_Mode.DOWN] += seconds",
        "self._spent[_Mode.UP] += seconds",
        _METRICS_TESTS,
    ),
    Mutant(
        "a gap begins when the loss is noticed",
        "core/camcast/session/telling.py",
        "self._off_since = time.monotonic() if since is None else since",
        "self._off_since = time.monotonic()",
        ("tests/core/session/test_telling.py",),
    ),
    Mutant(
        "the bitrate is bytes a second",
        _METRICS,
        "return (new_size - size) * 8 / seconds",
        "return (new_size - size) / seconds",
        _METRICS_TESTS,
    ),
    Mutant(
        "the average is bytes a second",
        _METRICS,
        "return self.flow.bytes * 8 / uptime",
        "return self.flow.bytes / uptime",
        _METRICS_TESTS,
    ),
    Mutant(
        "a pause counts for the bitrate after it",
        _METRICS,
        "            self._samples.clear()\n",
        "            pass\n",
        _METRICS_TESTS,
    ),
    # --- policy
    Mutant("refused sessions come back soon", _POLICY, "REFUSED_DELAY = 30.0", "REFUSED_DELAY = 3.0", _POLICY_TESTS),
    Mutant(
        "a busy name is asked for all the time",
        _POLICY,
        "BUSY_DELAY = 1.0, 10.0",
        "BUSY_DELAY = 1.0, 1.0",
        _POLICY_TESTS,
    ),
    Mutant("a busy name is given up soon", _POLICY, "BUSY_PATIENCE = 180.0", "BUSY_PATIENCE = 30.0", _POLICY_TESTS),
    Mutant(
        "the waits have no upper bound",
        _POLICY,
        "min(self._policy.initial_delay * 2.0 ** min(self.attempt, 64), self._policy.max_delay)",
        "self._policy.initial_delay * 2.0 ** min(self.attempt, 64)",
        _POLICY_TESTS,
    ),
    Mutant(
        "jitter makes waits longer",
        _POLICY,
        "now + backoff * (1 - self._policy.jitter * self._rng())",
        "now + backoff * (1 + self._policy.jitter * self._rng())",
        _POLICY_TESTS,
    ),
    Mutant(
        "any connection resets the back-off",
        _POLICY,
        "        self.current = target\n        self._stable = False\n",
        "        self.current = target\n        self._stable = False\n        self.reset_backoff()\n",
        _POLICY_TESTS,
    ),
)
