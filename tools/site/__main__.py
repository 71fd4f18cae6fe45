"""Gathers all pages of the site in one folder, as `mkdocs.yml` names them: python -m tools.site FOLDER"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tools.site import commands, figures, happenings, http_api, keys, messages, python_api
from tools.site.links import PAGES, Site

ROOT = Path(__file__).parent.parent.parent
MADE: Mapping[str, Callable[[], str]] = {
    "reference/keys.md": keys.page,
    "reference/commands.md": commands.page,
    "reference/events.md": happenings.page,
    "reference/metrics.md": figures.page,
    "reference/http.md": http_api.page,
    "reference/python.md": python_api.page,
    "reference/messages.md": messages.page,
}
"""Pages that are written by nobody."""


MARK = ".made-by-tools-site"
"""A file in the folder, which may therefore be emptied."""


def gather(folder: Path) -> None:
    """Write everything below `folder`, which is emptied first. Raises `ValueError` for a link that leads nowhere, and
    for a folder with anything in it that this has not made."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise ValueError(f"{folder} holds something else: name a folder that is empty or not there")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    sources = _sources()
    places = {source: PAGES.get(source, source.removeprefix("docs/")) for source in sources}
    site = Site(ROOT, folder, {**places, **{f"docs/{name}": name for name in MADE}})
    for source in sources:
        site.write(source)
    for name, page in MADE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(page())


def _sources() -> list[str]:
    """The pages that somebody wrote, from the project's folder."""
    return [str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))] + list(PAGES)


if __name__ == "__main__":
    gather(Path(sys.argv[1]))
