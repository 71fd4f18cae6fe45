"""Faults in what an attempt sends: its account, its drops, its replay."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

_LEDGER = "core/camcast/stream/ledger.py"
_LEDGER_TESTS = ("tests/core/stream/test_ledger.py",)
_PATH = "core/camcast/stream/path.py"
_PATH_TESTS = ("tests/core/stream/test_path.py",)
_FAR = ("tests/core/stream/test_far.py",)
_PACE = "core/camcast/stream/pace.py"
_PACE_TESTS = ("tests/core/stream/test_pace.py",)
_REPLAY = "core/camcast/stream/replay.py"
_REPLAY_TESTS = ("tests/core/stream/test_replay.py",)
_OUTLET = "core/camcast/stream/outlet.py"
_SENDER = "core/camcast/stream/sender.py"
_OUTLET_TESTS = ("tests/core/stream/test_outlet.py",)
_FASTPATH = "core/camcast/stream/fastpath.py"
_FASTPATH_TESTS = ("tests/core/stream/test_fastpath.py",)
_QUEUED = "core/camcast/queued.py"
_QUEUED_TESTS = ("tests/core/test_queued.py",)

MUTANTS = (
    Mutant(
        "what waits here counts as a queue on the way",
        "core/camcast/stream/ledger.py",
        "now - self._departures.of(newest[END], newest[SENT])",
        "now - newest[SENT]",
        ("tests/core/stream/test_ledger.py",),
    ),
    # --- the account
    Mutant(
        "what is on its way counts as lag",
        _LEDGER,
        "self._left = None if unsent is None else max(done, self.end - unsent)",
        "self._left = None if unsent is None else done",
        _LEDGER_TESTS,
    ),
    Mutant(
        "a far path is a slow link where only pending is known",
        _LEDGER,
        "return self.round_trip(now) if self._left is None else 0.0",
        "return 0.0",
        (*_LEDGER_TESTS, *_FAR),
    ),
    Mutant(
        "nothing pending is lag",
        _LEDGER,
        "newest = marks.settle(done)",
        "newest = marks.settle(done - 1)",
        _LEDGER_TESTS,
    ),
    Mutant(
        "a burst is a slow link",
        _LEDGER,
        "min((newest - oldest[TIME]) / 1000, now - oldest[SENT])",
        "(newest - oldest[TIME]) / 1000",
        _LEDGER_TESTS,
    ),
    Mutant(
        "the bound may be below what a keyframe takes",
        _LEDGER,
        "return max(self.limits.seconds, at_rate, self.opening(self._largest, now))",
        "return max(self.limits.seconds, self.opening(self._largest, now))",
        _LEDGER_TESTS,
    ),
    Mutant(
        "a window has no time to open",
        _LEDGER,
        "return max(self.limits.seconds, at_rate, self.opening(self._largest, now))",
        "return max(self.limits.seconds, at_rate)",
        _LEDGER_TESTS,
    ),
    Mutant(
        "one large keyframe is remembered for ever",
        _LEDGER,
        "KEYFRAME_FADES = 0.9",
        "KEYFRAME_FADES = 1.0",
        _LEDGER_TESTS,
    ),
    Mutant(
        "a keyframe above the bound in bytes never fits",
        _LEDGER,
        "max(self.limits.bytes, 2 * self._largest)",
        "self.limits.bytes",
        _LEDGER_TESTS,
    ),
    Mutant("sound is dropped with the picture", _LEDGER, "AUDIO_PATIENCE = 4.0", "AUDIO_PATIENCE = 1.0", _LEDGER_TESTS),
    Mutant(
        "sound is dropped at a queue that the picture may have",
        _LEDGER,
        "AUDIO_FACTOR = 2.0",
        "AUDIO_FACTOR = 1.0",
        _LEDGER_TESTS,
    ),
    Mutant(
        "video resumes while much waits",
        _LEDGER,
        "max(RESUME, min(self.round_trip(now), self.bound(now) / 2))",
        "max(RESUME, self.bound(now))",
        _LEDGER_TESTS,
    ),
    Mutant(
        "over a long way video never resumes",
        _LEDGER,
        "max(RESUME, min(self.round_trip(now), self.bound(now) / 2))",
        "RESUME",
        _LEDGER_TESTS,
    ),
    Mutant(
        "what waits and is old is no lag when nothing newer was sent",
        _LEDGER,
        "self.marks[-1][TIME] if dts is None else dts // NS_PER_MS",
        "self.marks[-1][TIME]",
        _LEDGER_TESTS,
    ),
    Mutant(
        "headers are media",
        _LEDGER,
        "self.delivered = self.delivered or newest[END] > self.headers_end",
        "self.delivered = True",
        (*_LEDGER_TESTS, *_OUTLET_TESTS),
    ),
    Mutant(
        "a link over its bound is asked too late",
        _LEDGER,
        "self.clear_before = min(dts + ASK, over)",
        "self.clear_before = dts + ASK",
        _LEDGER_TESTS,
    ),
    Mutant(
        "a replay pours itself out where only pending is known",
        _LEDGER,
        "opened = max(0, self._done) if self._left is None else 0",
        "opened = self.end",
        _LEDGER_TESTS,
    ),
    # --- the path
    Mutant(
        "a path never becomes longer", _PATH, "PATH_SECONDS = 5.0", "PATH_SECONDS = 5e9", (*_PATH_TESTS, *_LEDGER_TESTS)
    ),
    Mutant("a queue passes for distance at once", _PATH, "PATH_SECONDS = 5.0", "PATH_SECONDS = 0.1", _PATH_TESTS),
    Mutant(
        "a queue passes for distance without end", _PATH, "MAX_ROUND_TRIP = 1.5", "MAX_ROUND_TRIP = 1e9", _LEDGER_TESTS
    ),
    Mutant("a cut is a rate", _PATH, "SILENCE = 0.5", "SILENCE = 1e9", _PATH_TESTS),
    Mutant(
        "a part of a window is a rate",
        _PATH,
        "max(MIN_INTERVAL, 2 * round_trip)",
        "MIN_INTERVAL",
        _PATH_TESTS,
    ),
    Mutant(
        "the source's pace is the link's rate",
        _PATH,
        "self.value, self._since = 0.0, None",
        "pass",
        (*_PATH_TESTS, *_LEDGER_TESTS),
    ),
    Mutant(
        "what waits here is on its way at once",
        _PATH,
        "return max(sent, looks[0][1]) if looks and looks[0][0] < position else sent",
        "return sent",
        _PATH_TESTS,
    ),
    Mutant(
        "what left is remembered as leaving now",
        _PATH,
        "elif looks and looks[-1][0] == left:",
        "elif looks:",
        _PATH_TESTS,
    ),
    Mutant(
        "one late answer is a queue that stands",
        _PATH,
        "return 0.0 if self._base is None else min(self._now, self._before) - self._base",
        "return 0.0 if self._base is None else self._now - self._base",
        _PATH_TESTS,
    ),
    Mutant(
        "a queue stands where nothing is on its way",
        _PATH,
        "self._now = self._before = 0.0 if self._base is None else self._base",
        "pass",
        _PATH_TESTS,
    ),
    Mutant(
        "a queue that is gone has used up the patience with the next",
        _PATH,
        "self._kept_back_since = None\n            return True\n        if self._kept",
        "return True\n        if self._kept",
        _PATH_TESTS,
    ),
    # --- the pace of pictures
    Mutant(
        "a pause becomes a habit",
        _PACE,
        "self.usual = min(measured, self.usual * GROWTH)",
        "self.usual = measured",
        _PACE_TESTS,
    ),
    Mutant("a slow camera is always overdue", _PACE, "max(PATIENCE, USUAL * self.usual)", "PATIENCE", _PACE_TESTS),
    # --- the replay
    Mutant(
        "a replay goes out in one piece",
        _REPLAY,
        "            budget -= len(packet.payload) if packet is not None else HEADER_BYTES\n",
        "",
        _REPLAY_TESTS,
    ),
    Mutant(
        "a replay is over before the link has taken it",
        _REPLAY,
        "if not self._line and self._player.caught_up():",
        "if not self._line:",
        _REPLAY_TESTS,
    ),
    Mutant(
        "a stopped replay goes on",
        _REPLAY,
        "        if self._stopped:  # from within `play`, when the transport broke\n            return\n",
        "",
        _REPLAY_TESTS,
    ),
    Mutant(
        "a replay that was given up wakes again",
        _REPLAY,
        "            self._timer.cancel()\n",
        "            pass\n",
        _REPLAY_TESTS,
    ),
    Mutant(
        "pictures that were not sent again count as replayed",
        _OUTLET,
        "self.counters.replayed -= rest.pictures",
        "pass",
        _OUTLET_TESTS,
    ),
    # --- sending
    Mutant(
        "what a transport leaves out counts as sent",
        _SENDER,
        "elif position is None or position <= ledger.end:",
        "elif position is None or position < ledger.end:",
        _OUTLET_TESTS,
    ),
    Mutant(
        "where a unit ends is estimated",
        _SENDER,
        "        if position is None and (ledger.estimated or not ledger.end):\n",
        "        if True:\n",
        _OUTLET_TESTS,
    ),
    Mutant(
        "what a broken transport forgets counts as acknowledged",
        _SENDER,
        "        if position is None and (ledger.estimated or not ledger.end):\n",
        "        if position is None:\n",
        _OUTLET_TESTS,
    ),
    Mutant(
        "dropped pictures are pictures that went out",
        "core/camcast/stream/outlet_figures.py",
        "        last = self._sender.last_picture\n        return",
        "        last = now\n        return",
        _OUTLET_TESTS,
    ),
    # --- the base for authors
    Mutant(
        "what the library holds has left",
        _QUEUED,
        "return None if self.unacknowledged() else 0",
        "return 0",
        _QUEUED_TESTS,
    ),
    Mutant(
        "a unit that is left out ends later",
        _QUEUED,
        "        self._taken += size\n        self._filled.set()\n",
        "        self._filled.set()\n",
        _QUEUED_TESTS,
    ),
    # the short way
    Mutant(
        "the short way goes on where time jumps",
        _FASTPATH,
        "if not 0 < step < NS_PER_S or ",
        "if ",
        _FASTPATH_TESTS,
    ),
    Mutant(
        "the short way does not see that time begins anew",
        _FASTPATH,
        "self._clock.broken or pulse.awaited",
        "pulse.awaited",
        _FASTPATH_TESTS,
    ),
    Mutant(
        "the short way overtakes what waits for its turn",
        _FASTPATH,
        "if hub.behind or (video and not",
        "if (video and not",
        _FASTPATH_TESTS,
    ),
    Mutant(
        "the short way shows the camera behind the slate",
        _FASTPATH,
        " or pulse.awaited or self._slate.on_air:",
        " or pulse.awaited:",
        _FASTPATH_TESTS,
    ),
    Mutant(
        "the short way tells nobody that media flows again",
        _FASTPATH,
        "self._clock.broken or pulse.awaited",
        "self._clock.broken",
        _FASTPATH_TESTS,
    ),
    Mutant(
        "the short way does not see a second rendition",
        _FASTPATH,
        " or self._renditions.all is not steady.all",
        "",
        _FASTPATH_TESTS,
    ),
    Mutant(
        "the short way does not see who has come or left",
        _FASTPATH,
        " or branch.hub.attached is not branch.attached",
        "",
        _FASTPATH_TESTS,
    ),
    Mutant(
        "the short way feeds a rendition that is another meanwhile",
        _FASTPATH,
        "if branch is first or (branch.holds and branch.head(video, key, size) is not None):",
        "if True:",
        _FASTPATH_TESTS,
    ),
    Mutant(
        "the short way goes on over the bound",
        _FASTPATH,
        "ledger.end > ledger.clear_until or packet.dts > ledger.clear_before:",
        "ledger.end > ledger.clear_until:",
        _FASTPATH_TESTS,
    ),
    Mutant(
        "the short way sends to whoever is not live",
        _FASTPATH,
        "if self.outlet.state is not _LIVE or ledger.end",
        "if ledger.end",
        _FASTPATH_TESTS,
    ),
    Mutant(
        "the short way sends sound that trails the first picture",
        _FASTPATH,
        "if own < (sender.last_video if video else sender.last_audio):",
        "if video and own < sender.last_video:",
        _FASTPATH_TESTS,
    ),
    Mutant(
        "the short way's group has no bound",
        _FASTPATH,
        "if hub.behind or (video and not hub.group.has_room(size)):",
        "if hub.behind:",
        _FASTPATH_TESTS,
    ),
    Mutant(
        "a slow outlet on the short way holds up the loop",
        _FASTPATH,
        "        if now() - started > SLICE and index < last:\n",
        "        if False:\n",
        _FASTPATH_TESTS,
    ),
    Mutant(
        "a stream that begins anew has another pace",
        _PACE,
        "if self._count is None or pictures < 0 or seconds < 0:",
        "if self._count is None:",
        _PACE_TESTS,
    ),
    Mutant(
        "a stream's first look is its pace",
        _PACE,
        "if self._count is None or pictures < 0 or seconds < 0:",
        "if pictures < 0 or seconds < 0:",
        _PACE_TESTS,
    ),
)
