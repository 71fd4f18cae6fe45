"""What long runs share: hours from the command line, a table every few minutes, and a clean end when interrupted."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import time
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from bench.report import Row, keep, show, write_markdown
from bench.watch import NOTE, TABLE_EVERY, Watch, every
from camcast import ours


class LongRun(Protocol):
    """One run; its figures may be asked for at any time."""

    seconds: float
    watch: Watch

    def run(self) -> Coroutine[Any, Any, None]:
        """Until the time is over or it is cancelled."""

    def rows(self) -> Sequence[Row]: ...

    def summary(self) -> Row: ...

    @property
    def trouble(self) -> list[str]:
        """Why it has failed; empty = it has not."""


def arguments(description: str | None, hours: float) -> argparse.ArgumentParser:
    """With `--hours` and `--minutes`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=hours)
    parser.add_argument("--minutes", type=float, default=0.0, help="instead of hours")
    return parser


def seconds(options: argparse.Namespace) -> float:
    """How long, as it was asked for."""
    asked: float = options.minutes * 60 or options.hours * 3600
    return asked


def go(name: str, title: str, run: LongRun, note: str) -> int:
    """Run it and keep its table in `bench/results`, every five minutes and at the end. The exit status."""
    ours.settle()  # as `camcast run` does
    began = time.strftime("%Y-%m-%d-%H%M")
    path = f"{name}-{began}"

    def write(how: str) -> None:
        if run.watch.samples:
            _write(path, f"{title}, begun {began}, {run.watch.seconds / 3600:.2f} h, {how}", run, how, note)

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        writer = asyncio.create_task(every(TABLE_EVERY, lambda: write("running")))
        try:
            await run.run()
        finally:
            writer.cancel()

    how = "interrupted"
    try:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(main())
            how = "complete"
    finally:
        write(how)
    show(f"{title} ({how})", list(run.rows()))
    show("Summary", [{"what": key, "value": str(value)} for key, value in run.summary().items()])
    return 1 if run.trouble else 0


def _write(path: str, title: str, run: LongRun, how: str, note: str) -> None:
    rows, summary = run.rows(), run.summary()
    keep(path, rows, how=how, summary=summary, course=run.watch.course())
    facts = [f"{key.replace('_', ' ')}: {value}" for key, value in summary.items()]
    print(write_markdown(path, title, rows, f"{note} {NOTE}", facts=facts), flush=True)
