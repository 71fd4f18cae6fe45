"""Pages at their place on the site, with links that lead there too: the same page is read in the repository."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import attrs

PAGES: Mapping[str, str] = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "examples/README.md": "examples.md",
}
"""Pages outside of `docs/`, with their names on the site."""
FILES = "files"
"""Where other files are that a page links to."""
_LINK = re.compile(r"(?<!\\)\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")
_FENCE = re.compile(r"^( *)```(\w+) [^\n]*$", re.MULTILINE)
_COMMENT = re.compile(r"^<!-- /?\w+ -->\n", re.MULTILINE)


@attrs.frozen
class Site:
    """Where everything goes."""

    root: Path
    """The project's folder."""
    folder: Path
    """The site's."""
    pages: Mapping[str, str]
    """By their path in the project, with that on the site; made ones too, as if they were in `docs/`."""

    def write(self, source: str) -> None:
        """Write one page. Raises `ValueError` for a link that leads nowhere."""
        place = self.folder / self.pages[source]
        place.parent.mkdir(parents=True, exist_ok=True)
        text = _LINK.sub(lambda found: self._link(source, found[1], found[2] or ""), (self.root / source).read_text())
        # What stands behind a fence's language is for the tests that run it.
        place.write_text(_COMMENT.sub("", _FENCE.sub(r"\1```\2", text)))

    def _link(self, source: str, to: str, anchor: str) -> str:
        target = os.path.normpath(os.path.join(os.path.dirname(source), to))
        if (self.root / target).is_dir():
            readme = f"{target}/README.md"
            target = readme if readme in self.pages else target
        if target in self.pages:
            found = self.pages[target]
        elif (self.root / target).is_file():
            found = self._copied(target)
        elif (self.root / target).is_dir():
            # A folder is no page; its name stands there.
            return "]"
        else:
            raise ValueError(f"{source}: the link to {to} leads nowhere")
        return f"]({os.path.relpath(found, os.path.dirname(self.pages[source]) or '.')}{anchor})"

    def _copied(self, target: str) -> str:
        name = target.removeprefix("docs/") if target.startswith("docs/") else f"{FILES}/{target}"
        # A README that is no page of the site is read as text.
        name = f"{name}.txt" if name.endswith(".md") else name
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.root / target, self.folder / name)
        return name
