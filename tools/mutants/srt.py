"""Faults in how SRT opens, and in its account."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

_BACKLOG = "plugins/transports/camcast_srt/backlog.py"
_BACKLOG_TESTS = ("tests/plugins/test_srt_backlog.py",)
_OPENING = "plugins/transports/camcast_srt/opening.py"
_OPENING_TESTS = ("tests/plugins/test_srt_opening.py",)
_STANDING = "plugins/transports/camcast_srt/standing.py"
_STANDING_TESTS = "tests/plugins/test_srt_standing.py"

MUTANTS = (
    Mutant(
        "a process of libsrt's that hangs stays",
        "plugins/transports/camcast_srt/fork_server.py",
        "                os.kill(process, signal.SIGKILL)\n",
        "",
        ("tests/plugins/test_srt_processes.py",),
    ),
    Mutant(
        "a page of figures that is half written is read",
        "plugins/transports/camcast_srt/wire.py",
        "if _SUM.unpack_from(said)[0] == zlib.crc32(data):",
        "if True:",
        ("tests/plugins/test_srt_wire.py",),
    ),
    Mutant(
        "libsrt's processes leave images of their memory",
        "plugins/transports/camcast_srt/fork_server.py",
        "    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n",
        "",
        ("tests/plugins/test_srt_processes.py",),
    ),
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
        "if self.certain and now >= self._not_before:",
        "if False:",
        ("tests/plugins/test_srt_pace.py",),
    ),
    Mutant(
        "what libsrt counts twice is missing twice",
        "plugins/transports/camcast_srt/pace.py",
        "    under_way = (after.under_way - before.under_way) * (1 - lost / max(1, sent))\n",
        "    under_way = after.under_way - before.under_way\n",
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
        "            link.close()\n",
        "",
        _OPENING_TESTS,
    ),
    Mutant("a queue stands at once", _STANDING, "SECONDS = 3.0", "SECONDS = 0.0", (_STANDING_TESTS,)),
    Mutant(
        "a long queue must not vary", _STANDING, "same = max(SAME, SAME * self._was)", "same = SAME", (_STANDING_TESTS,)
    ),
    Mutant(
        "a queue that becomes shorter counts as one that stood",
        _STANDING,
        "            if late < self._was:\n                self.times = 0\n",
        "",
        (_STANDING_TESTS,),
    ),
    Mutant(
        "a queue that grows counts as a new one",
        _STANDING,
        "            if late < self._was:\n                self.times = 0\n",
        "            self.times = 0\n",
        (_STANDING_TESTS,),
    ),
    Mutant("a queue's own delay is no time for it", _STANDING, "SECONDS + took", "SECONDS", (_STANDING_TESTS,)),
    Mutant(
        "a queue stands with every look from then on",
        _STANDING,
        "        self._since = None\n        return True",
        "        return True",
        (_STANDING_TESTS,),
    ),
    Mutant(
        "a queue that is gone leaves its time",
        _STANDING,
        "self.times, self._since = 0, None",
        "self.times = 0",
        (_STANDING_TESTS,),
    ),
)
