"""What log lines look like and where they go: text or JSON, on stderr or in a file that may be moved away meanwhile."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from enum import StrEnum
from io import FileIO
from pathlib import Path

import attrs

from camcast.errors import CamcastError
from camcast.event_fields import event_fields

TEXT_FORM = "%(asctime)s %(levelname)-7s %(message)s"


class LogFormat(StrEnum):
    """How a line looks."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The least that is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class JsonLines(logging.Formatter):
    """One JSON object a line: `time` (RFC 3339, UTC), `level`, `logger`, `message`; of an event also its fields."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if name := getattr(record, "camera_name", ""):
            fields["camera_name"] = name
        return json.dumps(fields | event_fields(getattr(record, "events", ())), default=str)


class LogFile(logging.Handler):
    """Appends to a file. What cannot be written (a full disk) is counted, and told once it can be written again."""

    def __init__(self, path: Path) -> None:
        """Raises `CamcastError` where the file cannot be opened."""
        super().__init__()
        self._path = path
        self._lost = 0
        self._why = ""
        self._broken = False
        """Whether the file ends within a line."""
        self._file = self._open()

    def reopen(self) -> None:
        """Go on in a new file of the same name; the old one where that cannot be. On the thread that writes."""
        try:
            new = self._open()
        except CamcastError as error:
            self.handle(_record(logging.ERROR, f"{error}; the log goes on where it was"))
            return
        self._file.close()
        self._file, self._broken = new, False

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self._lost:
                self._write(_record(logging.ERROR, f"{self._lost} log lines were lost: {self._why}"))
                self._lost = 0
            self._write(record)
        except OSError as error:
            self._why = error.strerror or type(error).__name__
            if not self._lost:
                sys.stderr.write(f"camcast: cannot write {self._path}: {self._why}; log lines are lost\n")
            self._lost += 1
        except Exception:  # noqa: BLE001  a plugin's record may not fit its own arguments
            self.handleError(record)

    def _write(self, record: logging.LogRecord) -> None:
        line = f"{self.format(record)}\n".encode(errors="backslashreplace")
        rest = b"\n" * self._broken + line
        while rest:
            # A disk takes what still fits, and only then says that it is full.
            taken = self._file.write(rest) or 0
            rest, self._broken = rest[taken:], taken < len(rest)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _open(self) -> FileIO:
        try:
            return FileIO(self._path, "a")
        except OSError as error:
            raise CamcastError(f"cannot write the log file {self._path}: {error.strerror}") from None


@attrs.frozen
class Logs:
    """What the command line says of them."""

    format: LogFormat = LogFormat.TEXT
    file: Path | None = None
    """None: stderr."""

    @property
    def plain(self) -> bool:
        """Whether lines are wanted where otherwise a table would be."""
        return self.format is LogFormat.JSON and self.file is None

    def handler(self) -> logging.Handler:
        """What writes them. Raises `CamcastError` where the file cannot be opened."""
        handler = LogFile(self.file) if self.file is not None else logging.StreamHandler()
        handler.setFormatter(JsonLines() if self.format is LogFormat.JSON else logging.Formatter(TEXT_FORM))
        return handler


def _record(level: int, text: str) -> logging.LogRecord:
    return logging.LogRecord("camcast", level, __file__, 0, text, None, None)
