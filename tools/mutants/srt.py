"""Faults in how SRT opens, and in its account."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

_BACKLOG = "plugins/transports/camcast_srt/backlog.py"
_BACKLOG_TESTS = ("tests/plugins/test_srt_backlog.py",)
_OPENING = "plugins/transports/camcast_srt/opening.py"
_OPENING_TESTS = ("tests/plugins/test_srt_opening.py",)

MUTANTS = (
    Mutant(
        "what the library gave up counts as acknowledged",
        _BACKLOG,
        "acked = self._sent - held - dropped",
        "acked = self._sent - held",
        _BACKLOG_TESTS,
    ),
    Mutant(
        "a thin link is given everything",
        "plugins/transports/camcast_srt/pace.py",
        "if self.impaired and now >= self._not_before:",
        "if False:",
        ("tests/plugins/test_srt_pace.py",),
    ),
    Mutant(
        "a pace is never raised again",
        "plugins/transports/camcast_srt/pace.py",
        "        self.limit = limit * (1 + self._step)\n",
        "",
        ("tests/plugins/test_srt_pace.py",),
    ),
    Mutant(
        "a connection begins with everything",
        _BACKLOG,
        "return self.pushed_at < self._opened_at + OPENING",
        "return False",
        _BACKLOG_TESTS,
    ),
    Mutant(
        "what the library has not taken is not pending",
        _BACKLOG,
        "return self.end - self._settled",
        "return self._sent - self._settled",
        _BACKLOG_TESTS,
    ),
    Mutant(
        "what the library holds for too long is no lag",
        _BACKLOG,
        "return self._tail_bytes + self._waiting",
        "return self._tail_bytes",
        _BACKLOG_TESTS,
    ),
    Mutant("a backlog without bound", _BACKLOG, "return self._tail_bytes > LIMIT", "return False", _BACKLOG_TESTS),
    Mutant(
        "a link that is gone is asked for its figures",
        _BACKLOG,
        "        self._asked_at = math.inf\n",
        "        pass\n",
        _BACKLOG_TESTS,
    ),
    Mutant(
        "closed, it tries the next address all the same",
        _OPENING,
        "            if self._stopped:\n",
        "            if False:\n",
        _OPENING_TESTS,
    ),
    Mutant(
        "the first address has all of the deadline",
        _OPENING,
        "left / (len(places) - index)",
        "left",
        _OPENING_TESTS,
    ),
    Mutant(
        "a listener tries one address after the other",
        _OPENING,
        'return found[:1] if settings.mode == "listener" else found',
        "return found",
        _OPENING_TESTS,
    ),
    Mutant(
        "a link that failed stays open",
        _OPENING,
        "            self._reactor.do(link.close)\n",
        "",
        _OPENING_TESTS,
    ),
)
