"""Whether the last part of a target's URL is a name that tells streams apart, or may be a key.

It is a name only where a template made it from camera and stream variables alone: whoever may see that text knows these
anyway. What stands beside them must be an ordinary word ("cam{camera_id}_{stream_name}"). A text that was given as it
is, a reference, one's own `variables`, and whatever goes to a platform whose keys are secret stay hidden.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

OWN_VARIABLES = ("camera_id", "stream_id", "stream_name", "camera_name")
"""What templates may use of a camera and a stream."""
_VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,31})\}")
_WORDS = frozenset(
    ("cam", "camera", "ch", "channel", "feed", "live", "main", "output", "stream", "sub", "test", "venc", "video")
)
_QUERY = re.compile(r"[?#]")
_SPELLED = re.compile(r"[A-Za-z]+|[._-]")
_PLATFORMS = frozenset(
    (
        "cloudflare.com",
        "cloudflarestream.com",
        "dlive.tv",
        "facebook.com",
        "fbcdn.net",
        "instagram.com",
        "kick.com",
        "linkedin.com",
        "live-video.net",
        "livepush.io",
        "mux.com",
        "pscp.tv",
        "restream.io",
        "rumble.com",
        "steamcontent.com",
        "tiktok.com",
        "tiktokcdn.com",
        "trovo.live",
        "twitch.tv",
        "twitter.com",
        "vimeo.com",
        "x.com",
        "youtube.com",
    )
)
"""Where the last part of a URL is all that it takes to publish under somebody's name."""
_PLATFORM_PROFILES = frozenset({"facebook", "twitch", "youtube"})


def shown_name(text: str, url: str, server: str, others: Collection[str] = ()) -> str:
    """The last part of `url`, which the template `text` came to, if it may be shown; otherwise "".

    `server`: the target's profile. `others`: names of variables that are not the camera's or the stream's.
    """
    # A variable's value never holds a sign of structure behind "://".
    tail = _last(text)
    names = _VARIABLE.findall(tail)
    if "://" not in text or not names or not set(names) <= set(OWN_VARIABLES) - set(others):
        return ""
    if not _ordinary(_VARIABLE.sub("/", tail)) or server.lower() in _PLATFORM_PROFILES or _at_platform(url):
        return ""
    return _last(url)


def _last(url: str) -> str:
    return _QUERY.split(url, maxsplit=1)[0].rpartition("/")[2]


def _ordinary(literals: str) -> bool:
    """Whether what stands beside the variables (a "/" for each) are ordinary words, and signs between them."""
    pieces = _SPELLED.findall(literals)
    return "".join(pieces) == literals.replace("/", "") and all(
        len(piece) == 1 or piece.lower() in _WORDS for piece in pieces
    )


def _at_platform(url: str) -> bool:
    host = (urlsplit(url).hostname or "").rstrip(".")
    return any(host == one or host.endswith(f".{one}") for one in _PLATFORMS)
