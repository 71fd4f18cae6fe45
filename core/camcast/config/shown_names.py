"""Whether the last part of a target's URL is a name that tells streams apart, or may be a key.

It is a name only where a template made it from camera and stream variables alone: whoever may see that text knows these
anyway. What stands beside them must be an ordinary word ("cam{camera_id}_{stream_name}"). A text that was given as it
is, a reference, one's own `variables`, and whatever goes to a platform whose keys are secret stay hidden.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from camcast.config.session import SessionConfig
    from camcast.host import PluginHost

OWN_VARIABLES = ("camera_id", "stream_id", "stream_name", "camera_name")
"""What templates may use of a camera and a stream."""
_VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,31})\}")
_WORDS = frozenset(
    ("cam", "camera", "ch", "channel", "feed", "live", "main", "output", "stream", "sub", "test", "venc", "video")
)
_QUERY = re.compile(r"[?#]")
_SPELLED = re.compile(r"[A-Za-z]+|[._-]")


def shown_name(text: str, url: str, others: Collection[str] = ()) -> str:
    """The last part of `url`, which the template `text` came to, if it may be shown; otherwise "".

    `others`: names of variables that are not the camera's or the stream's.
    """
    # A variable's value never holds a sign of structure behind "://".
    tail = _last(text)
    names = _VARIABLE.findall(tail)
    if "://" not in text or not names or not set(names) <= set(OWN_VARIABLES) - set(others):
        return ""
    if not _ordinary(_VARIABLE.sub("/", tail)):
        return ""
    return _last(url)


def without_keys(session: SessionConfig, host: PluginHost) -> SessionConfig:
    """The same; what it publishes at a platform is hidden, which nobody knew where its templates were filled in."""
    targets = [
        attrs.evolve(target, shown_name="")
        if target.shown_name and host.platforms.keeps_keys(target.url, target.server)
        else target
        for target in session.targets
    ]
    kept = all(one is other for one, other in zip(targets, session.targets, strict=True))
    return session if kept else session.evolve(targets=tuple(targets), chain=None)


def _last(url: str) -> str:
    return _QUERY.split(url, maxsplit=1)[0].rpartition("/")[2]


def _ordinary(literals: str) -> bool:
    """Whether what stands beside the variables (a "/" for each) are ordinary words, and signs between them."""
    pieces = _SPELLED.findall(literals)
    return "".join(pieces) == literals.replace("/", "") and all(
        len(piece) == 1 or piece.lower() in _WORDS for piece in pieces
    )
