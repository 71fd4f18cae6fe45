"""Faults in the engine's plans, its ends, its threads, and in its worker processes."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

_PLAN = "core/camcast/engine/plan.py"
_MOVING = "core/camcast/workers/moving.py"
_PLACING = "core/camcast/workers/placing.py"
_PLACING_TESTS = ("tests/core/workers/test_placing.py",)
_PLAN_TESTS = ("tests/core/engine/test_plan.py",)
_CHANGES = "core/camcast/engine/changes.py"
_CHANGES_TESTS = ("tests/core/engine/test_changes.py",)
_ENGINE = "core/camcast/engine/engine.py"
_OPENED = "core/camcast/session/opened.py"
_OPENED_TESTS = ("tests/core/session/test_opened.py",)
_NAMING = "core/camcast/session/naming.py"
_NAMING_TESTS = ("tests/core/session/test_naming.py",)
_MANAGER = "core/camcast/session/session_manager.py"
_SESSION_TESTS = ("tests/core/session/test_session.py",)
_LOOP = "core/camcast/engine/loop_thread.py"
_LOOP_TESTS = ("tests/core/engine/test_threads.py",)
_PULSE = "core/camcast/workers/pulse.py"
_PULSE_TESTS = ("tests/core/workers/test_pulse.py",)
_CHILD = "core/camcast/workers/child.py"
_CHILD_TESTS = ("tests/core/workers/test_child.py",)
_PROCESS = "core/camcast/workers/process.py"
_PROCESS_TESTS = ("tests/core/workers/test_process.py",)
_SUPERVISE = "core/camcast/cli/supervise.py"
_SUPERVISE_TESTS = ("tests/cli/test_supervise.py",)
_SERVICE_EVENTS = "core/camcast/engine/service_events.py"
_SERVICE_EVENTS_TESTS = "tests/core/engine/test_service_events.py"

MUTANTS = (
    # --- a reload's plan
    Mutant(
        "a beginning does not wait for whoever publishes its URL",
        _PLAN,
        "if key == step.key or held & needs",
        "if key == step.key",
        _PLAN_TESTS,
    ),
    Mutant(
        "a restart does not wait for its own ending",
        _PLAN,
        "if key == step.key or held & needs",
        "if held & needs and key != step.key",
        _PLAN_TESTS,
    ),
    Mutant(
        "new cameras do not wait where all places are taken",
        _PLAN,
        "                after |= removed\n",
        "                after |= set()\n",
        _PLAN_TESTS,
    ),
    Mutant(
        "a beginning does not wait for whoever listens at its address",
        _PLAN,
        "taken for one in holders for taken in takes(one) if taken}",
        "taken for one in sessions for taken in takes(one) if taken}",
        _PLAN_TESTS,
    ),
    Mutant(
        "who comes to a process does not wait for those who come there too",
        _PLAN,
        "            after |= running.spread.fellows(_camera_of(step)) & gives.keys()\n",
        "",
        _PLAN_TESTS,
    ),
    Mutant(
        "a camera comes to an address of another process where it is",
        _PLAN,
        'anew[number] or moving.get(number, "")',
        "anew[number]",
        _PLAN_TESTS,
    ),
    Mutant(
        "the others move to whoever has to leave",
        _MOVING,
        "self.home if group.needs.at_home else",
        "",
        _PLAN_TESTS,
    ),
    Mutant(
        "who belongs together is placed by what is there already",
        _PLACING,
        "        if not places:\n",
        "        if False:\n",
        _PLACING_TESTS,
    ),
    Mutant("everything waits for every ending", _PLAN, "or held & needs", "or True", _PLAN_TESTS),
    Mutant(
        "two that want one device are begun at once",
        _PLAN,
        "return held | {(one.source.type, one.source.url) for one in enabled if one.source.url}",
        "return held",
        _PLAN_TESTS,
    ),
    Mutant(
        "what has given up is left alone",
        _PLAN,
        "\n        if key in running.failed:\n",
        "\n        if key in ():\n",
        _PLAN_TESTS,
    ),
    Mutant(
        "a neighbour's sessions are felt by a stream's restart",
        _PLAN,
        "            staying.add(number)\n",
        "",
        _PLAN_TESTS,
    ),
    Mutant(
        "endings one after the other",
        _CHANGES,
        "        results = await asyncio.gather(*(self._step(step, ends) for step in steps))\n",
        "        results = []\n        for end in ends.values():\n            await asyncio.wait({end})\n"
        "        for step in steps:\n            results.append(await self._step(step, ends))\n",
        _CHANGES_TESTS,
    ),
    # --- keys
    Mutant(
        "a session is found by a part of its URL",
        _MANAGER,
        "any(url == target.url for target in session.config.targets)",
        "any(url in target.url for target in session.config.targets)",
        _SESSION_TESTS,
    ),
    Mutant(
        "only the first URL of a chain finds its session",
        _MANAGER,
        "for target in session.config.targets)",
        "for target in session.config.targets[:1])",
        _SESSION_TESTS,
    ),
    Mutant(
        "two sessions may publish one URL",
        _MANAGER,
        "        self._claims.check(config, names)\n",
        "",
        _SESSION_TESTS,
    ),
    Mutant(
        "a name is free while its session is still ending",
        _MANAGER,
        "        session = self._sessions.pop(key)\n",
        "        session = self._sessions.pop(key)\n        self._claims.release(session.config)\n",
        _SESSION_TESTS,
    ),
    Mutant(
        "a named output is numbered as well",
        _NAMING,
        "if config.key not in taken or config.output != PRIMARY_OUTPUT:",
        "if config.key not in taken:",
        _NAMING_TESTS,
    ),
    # --- the end
    Mutant(
        "nothing closes what sessions could not",
        _ENGINE,
        '            asyncio.create_task(environment.close(CLOSE_DEADLINE), name="camcast-close"),\n',
        "",
        _OPENED_TESTS,
    ),
    Mutant(
        "a blocked loop uses up the deadline of the end",
        "core/camcast/patience.py",
        "for _ in range(slices):",
        "for _ in range(1):",
        ("tests/core/test_patience.py",),
    ),
    Mutant(
        "sources run on after a hurried end",
        _ENGINE,
        '            asyncio.create_task(self.cameras.close(), name="camcast-stop-cameras"),\n',
        "",
        _OPENED_TESTS,
    ),
    Mutant(
        "a run ends while a session may revive",
        _SUPERVISE,
        "session.state is SessionState.FAILED and session.config.revive_after is None",
        "session.state is SessionState.FAILED",
        _SUPERVISE_TESTS,
    ),
    # --- threads
    Mutant(
        "a call on the engine's own thread waits",
        _LOOP,
        "threading.get_ident() == self._thread.ident",
        "not self._thread.ident",
        _LOOP_TESTS,
    ),
    Mutant(
        "a call that is late goes on",
        _LOOP,
        "            future.cancel()\n            raise DeadlineError",
        "            raise DeadlineError",
        _LOOP_TESTS,
    ),
    # --- workers
    Mutant(
        "a worker may be silent for twice the time",
        _PULSE,
        "silence >= (SILENCE if self._begun else BEGINNING)",
        "silence >= 2 * (SILENCE if self._begun else BEGINNING)",
        _PULSE_TESTS,
    ),
    Mutant(
        "silence is added up",
        _PULSE,
        "self._silent = 0 if self._heard else self._silent + 1",
        "self._silent += not self._heard",
        _PULSE_TESTS,
    ),
    Mutant(
        "a worker that stands still is only told of",
        _PROCESS,
        'for %g s", self.name, silence)\n        child.kill()\n',
        'for %g s", self.name, silence)\n',
        _PROCESS_TESTS,
    ),
    Mutant(
        "workers begin with signals as everybody else",
        "core/camcast/interpreter.py",
        "    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)\n",
        "    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())\n",
        _CHILD_TESTS,
    ),
    Mutant(
        "workers look into the working directory",
        "core/camcast/interpreter.py",
        'return [sys.executable, "-P", *',
        "return [sys.executable, *",
        _CHILD_TESTS,
    ),
    Mutant(
        "each retry at a dead host is a line of the log",
        "core/camcast/engine/event_log.py",
        'level = level if news else "debug"',
        "pass",
        ("tests/core/engine/test_event_log.py",),
    ),
    Mutant(
        "a source that has given up is dead until somebody comes",
        "core/camcast/camera/stream.py",
        "            policy.revive()\n",
        "            return await asyncio.Event().wait()  # type: ignore[return-value]\n",
        ("tests/core/camera/test_stream.py",),
    ),
    Mutant(
        "nobody reads since the last event only",
        _SERVICE_EVENTS,
        "self._full_since or time.monotonic()",
        "time.monotonic()",
        (_SERVICE_EVENTS_TESTS,),
    ),
    Mutant(
        "a queue that is closed still counts as unread",
        _SERVICE_EVENTS,
        "            self._full_since = None\n        self._told",
        "        self._told",
        (_SERVICE_EVENTS_TESTS,),
    ),
    Mutant(
        "that a queue is closed is told to nobody",
        _SERVICE_EVENTS,
        "        self._told(self)\n",
        "",
        (_SERVICE_EVENTS_TESTS,),
    ),
    Mutant(
        "a queue of nothing is made", _SERVICE_EVENTS, "if capacity < 1:", "if capacity < 0:", (_SERVICE_EVENTS_TESTS,)
    ),
)
