"""Writes `docs/media.md` from the zoo: `python -m tests.cameras.zoo_page`."""

from __future__ import annotations

from pathlib import Path

from tests.cameras.zoo import ZOO, Animal

PAGE = Path(__file__).parents[2] / "docs" / "media.md"
_HEAD = """\
# What becomes of which file

Each of these files is made and played by the tests, to FFmpeg as an RTMP server that does not say what it takes. What
it decodes is looked at: each picture, its time, and the sound beside it. `tests/cameras/zoo.py` has the table.

*Carried* is copied as it is. *Encoded anew* is decoded and encoded, as H.264 or AAC, because the server cannot take it,
or may not; `"audio"` and `"server"` in the [configuration](configuration.md) say otherwise. What is *refused* ends the
source with the words beside it.
"""


def page() -> str:
    """The page's text."""
    parts = [_HEAD]
    for group, animals in ZOO.items():
        parts.append(f"\n## {group}\n\n| file | picture | sound | told |\n|---|---|---|---|\n")
        parts += map(_row, animals)
    return "".join(parts)


def _row(animal: Animal) -> str:
    sound = "" if animal.refused else animal.sound
    told = f"… {animal.told} …" if animal.told else ""
    return f"| {animal.what} (`{animal.suffix}`) | {animal.picture} | {sound} | {told} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
