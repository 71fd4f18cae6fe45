"""Faults in the life of a session."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

_METRICS = "core/camcast/session/metrics.py"
_METRICS_TESTS = ("tests/core/session/test_metrics.py",)
_POLICY = "core/camcast/session/connection.py"
_POLICY_TESTS = ("tests/core/session/test_connection.py",)

MUTANTS = (
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
        "uptime = self.uptime\n",
        "uptime = self.uptime + self.downtime\n",
        _METRICS_TESTS,
    ),
    Mutant(
        "downtime counts the time without media",
        _METRICS,
        "        return self._in(_Mode.DOWN)\n",
        "        return self._in(_Mode.DOWN) + self._in(_Mode.REST)\n",
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
    Mutant("a busy name is asked for all the time", _POLICY, "BUSY_DELAY = 10.0", "BUSY_DELAY = 1.0", _POLICY_TESTS),
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
        "(1 - self._policy.jitter * self._rng())",
        "(1 + self._policy.jitter * self._rng())",
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
