"""What the README tells a newcomer to type: the blocks marked `newcomer=PART`, as they stand there.

A block of a shell is typed; one with `file=NAME` is saved under that name in the folder in which one is.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import attrs

ROOT = Path(__file__).parent.parent.parent
_FENCE = re.compile(r"^```(\w+) ([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CAMERA = re.compile(r"rtsp://([\d.]+)(/\w+)")
_PUSH = re.compile(r"^camcast push rtsp://[\d.]+/\w+ rtmps://([\w.]+)/(\w+) --key env:(\w+)$", re.MULTILINE)


@attrs.frozen
class Part:
    """One part of what is typed: a script, and the cameras that it names, address and path."""

    script: str
    cameras: tuple[tuple[str, str], ...]


@attrs.frozen
class Push:
    """Where the README's command publishes, and by which key."""

    host: str
    application: str
    key: str = attrs.field(repr=False)


def part(name: str) -> Part:
    """All blocks of one part."""
    typed, whole = [], ""
    for language, words, text in _FENCE.findall((ROOT / "README.md").read_text()):
        said = dict(word.partition("=")[::2] for word in words.split())
        if said.get("newcomer") != name:
            continue
        whole += text
        if "file" in said:
            typed.append(f"cat > {shlex.quote(said['file'])} <<'END_OF_FILE'\n{text}END_OF_FILE\n")
        else:
            assert language == "console", f"a block of {language} that nobody can type"
            typed.append(text)
    assert typed, f"the README has no block marked newcomer={name}"
    return Part("".join(typed), tuple(dict.fromkeys(_CAMERA.findall(whole))))


def push() -> Push:
    """What stands in the part `push`."""
    script = part("push").script
    found = _PUSH.search(script)
    assert found is not None, script
    host, application, variable = found.groups()
    key = re.search(rf"^export {variable}=(\S+)$", script, re.MULTILINE)
    assert key is not None, f"nothing sets {variable}"
    return Push(host, application, key[1])
