"""Forms of configuration that are not camcast's own: how a plugin recognises and converts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import attrs


class Fate(Enum):
    """What became of an old key."""

    KEPT = "kept"
    CHANGED = "changed"
    LEFT = "left out"


@attrs.frozen
class Remark:
    """One line of the report on a conversion. Holds no secret."""

    fate: Fate
    key: str
    text: str

    def __str__(self) -> str:
        return f"{self.fate.value}: {self.key}: {self.text}"


@attrs.frozen
class Conversion:
    """A configuration as camcast's own files write it, and what became of each old key."""

    mapping: Mapping[str, Any] = attrs.field(repr=False)
    remarks: Sequence[Remark] = ()


@attrs.frozen(kw_only=True)
class Wish:
    """What to convert, and how the user would like it. A form refuses with `ConfigError` what it does not know."""

    path: Path
    """The file, or a directory."""
    data: bytes = attrs.field(default=b"", repr=False)
    """What is in the file; nothing for a directory."""
    sources: Sequence[str] = ()
    """Where the media comes from instead of where the old file says; one for all streams, or one each."""
    template: str = ""
    """A URL template to publish to instead of the old URLs."""


@attrs.frozen(kw_only=True)
class ConfigForm:
    """A form that this plugin reads."""

    name: str
    title: str
    """What such a file is, behind "is": "a file of the original system"."""
    recognises: Callable[[bytes, Path], bool]
    """Whether a file (its bytes, at most 8 MiB) or a directory (no bytes) is of this form. Asked for files that are
    not camcast's own; quick, and never raises."""
    convert: Callable[[Wish], Conversion]
    """Raises `ConfigError` with the places of what is wrong, in the words of the old form."""
