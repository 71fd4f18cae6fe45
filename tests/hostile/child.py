"""A process of this bench: it reads lines and answers each with one, all of it JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType
from typing import Any, Self

from tests.media import ROOT


class Child:
    """`python -m MODULE`. It ends with its input, so also when nobody is left who could end it."""

    def __init__(self, module: str) -> None:
        self._module = module
        # In a session of its own: what interrupts a run from the terminal is not for it.
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,
        )

    def say(self, words: Any) -> None:
        """Ask for something; the answer is read later."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words).encode() + b"\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """To the oldest of what was asked for."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"{self._module} ended with {self._process.wait(5)}"
        return json.loads(line)

    def ask(self, words: Any) -> Any:
        self.say(words)
        return self.answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
