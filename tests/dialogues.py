"""Programs that ask: typed at on a terminal of their own, as a person would."""

from __future__ import annotations

import contextlib
import os
import termios
from collections.abc import Sequence
from typing import Any

import attrs

from tests.programs import beside
from tests.servers.process import wait_for


@attrs.frozen
class Answer:
    """What is typed when `question` has been read; `hidden`: once the terminal shows no more what is typed."""

    question: str
    text: str = attrs.field(repr=False)
    hidden: bool = False


def echoes(terminal: int) -> bool:
    """Whether what is typed is shown. Only when it no longer is has whoever reads a password thrown away the rest."""
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def dialogue(command: Sequence[str], answers: Sequence[Answer], **settings: Any) -> tuple[int, str]:
    """Run a program, answer its questions in this order, wait for its end: its status, and all that was to be read."""
    terminal, theirs = os.openpty()
    try:
        with beside(command, preexec_fn=lambda: os.login_tty(theirs), **settings) as program:
            os.close(theirs)
            seen = ""
            for answer in answers:
                since = len(seen)
                while answer.question not in seen[since:]:
                    seen += _read(terminal, f"{answer.question!r} in {seen!r}")
                if answer.hidden:
                    wait_for(lambda: not echoes(terminal), why=f"what is typed to {answer.question!r} is hidden")
                os.write(terminal, f"{answer.text}\n".encode())
            with contextlib.suppress(OSError):  # how a terminal ends
                while data := os.read(terminal, 4096):
                    seen += data.decode(errors="replace")
            return program.wait(30), seen
    finally:
        os.close(terminal)


def _read(terminal: int, why: str) -> str:
    try:
        return os.read(terminal, 4096).decode(errors="replace")
    except OSError as error:  # how a terminal ends
        raise AssertionError(f"it ended before it asked: {why}") from error
