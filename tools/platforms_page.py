"""Writes docs/platforms.md: what is known of each platform, from the data of `camcast_platforms`.

    python -m tools.platforms_page [--check]

`--check` writes nothing, and ends with 1 where the page is another one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from camcast.cli.platforms import UNKNOWN, lines
from camcast.host import PluginHost
from camcast.kinds import Platform

PAGE = Path(__file__).parent.parent / "docs" / "platforms.md"
HEAD = """\
# Platforms

<!-- Made by `python -m tools.platforms_page` from plugins/platforms/camcast_platforms/platforms.toml. -->

What camcast knows of platforms that take live video. A target whose URL leads to a platform's host is for that
platform; elsewhere, behind a relay, `"server": "NAME"` says so. Then:

- it is sent what the platform takes: other pictures and sounds are transcoded, silence is added where sound is wanted;
- a URL without a stream key is an error before anything runs, and the key is never shown;
- `camcast check --sources` compares what the camera brings with what the platform wants, one line for each difference;
- while it runs the same is looked at: each difference is told once for a session (a `Note`: `platform_keyframes`,
  `platform_bitrate`, …), and is among the figures as long as it lasts (`platform_differences`, `platform_reason`;
  `camcast_session_platform_differences` for Prometheus). What a thin link makes less is not held against the camera;
- an address at which a platform takes a protocol that camcast does not carry (YouTube's HLS) is an error that says so.

`camcast platforms` lists them, `camcast platforms NAME` shows one. Every figure has its source and the day on which
that was read; many pages were read as copies, so a platform may want something else today. What is "unknown" nobody has
published, or nobody here has read: it is compared with nothing. [A plugin](plugins/platforms.md) brings more.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(line for one in PluginHost().platforms.by_name.values() for line in section(one))])


def section(one: Platform) -> Iterator[str]:
    """One platform's. Of those of which only their domains are known that is all."""
    yield f"## {one.title}\n"
    yield f'`"server": "{one.name}"`, or by its hosts. Below {", ".join(one.domains)} no key is shown.\n'
    if not one.figures():
        yield "Nothing else is known.\n"
        return
    yield "| what | figure | source | read |"
    yield "|---|---|---|---|"
    for label, value, figure in lines(one):
        if figure is None:
            continue
        dated = f" (of {figure.source.dated})" if figure.source.dated else ""
        pages = ", ".join(f"[{urlsplit(page.url).hostname}]({page.url})" for page in figure.pages)
        shown = value.replace("|", "\\|").replace("\n", "<br>")
        yield f"| {label} | {shown} | {pages} | {figure.source.read.isoformat()}{dated} |"
    unknown = [label for label, value, _ in lines(one) if value == UNKNOWN]
    yield f"\nUnknown: {'; '.join(unknown)}.\n" if unknown else ""


def main() -> int:
    text = page()
    if "--check" in sys.argv[1:]:
        return int(PAGE.read_text(encoding="utf-8") != text)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
