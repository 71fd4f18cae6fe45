"""Which streams of whose, and how the API lets one in."""

from __future__ import annotations

from urllib.parse import urlsplit

import attrs

from camcast.errors import ConfigError, Issue
from camcast.options import PositiveSeconds, Seconds

MOST = 50
"""Streams that one question asks for: https://developers.google.com/youtube/v3/live/docs/liveStreams/list."""
_REFRESHING = ("client_id", "client_secret", "refresh_token")


@attrs.frozen(kw_only=True)
class YoutubeOptions:
    """Of the service."""

    streams: dict[str, str]
    """Ids of YouTube's live streams by the names of outputs: {"cam0_main/youtube": "abc…"}."""
    token: str | None = attrs.field(default=None, repr=False)
    """OAuth access token for youtube.readonly; it ends after about an hour. Best as env: or file:."""
    client_id: str | None = attrs.field(default=None, repr=False)
    """Of the OAuth client, with `client_secret` and `refresh_token`: fresh tokens are got with these."""
    client_secret: str | None = attrs.field(default=None, repr=False)
    """Best as env: or file:."""
    refresh_token: str | None = attrs.field(default=None, repr=False)
    """Best as env: or file:."""
    every: PositiveSeconds = 60.0
    """Time between two questions; each costs one unit of the day's quota."""
    after: Seconds = 60.0
    """How long is sent while YouTube shows nothing before that is told."""
    timeout: PositiveSeconds = 10.0
    """For an answer."""
    url: str = "https://youtube.googleapis.com/youtube/v3"
    """Where the API is."""
    refresh_url: str = "https://oauth2.googleapis.com/token"
    """Where fresh tokens are got."""
    ca_file: str | None = None
    """PEM file of the authorities that the servers' certificates are checked with, instead of the system's."""

    def __attrs_post_init__(self) -> None:
        issues = []
        refreshing = [name for name in _REFRESHING if getattr(self, name)]
        if bool(self.token) == bool(refreshing):
            issues.append(Issue("token", "give either this, or client_id, client_secret and refresh_token"))
        missing = [name for name in _REFRESHING if refreshing and name not in refreshing]
        issues.extend(Issue(name, f"goes with {refreshing[0]}; give all three") for name in missing)
        if not 1 <= len(self.streams) <= MOST:
            issues.append(Issue("streams", f"expected 1 to {MOST} outputs with the ids of their streams"))
        for name in ("url", "refresh_url"):
            parts = urlsplit(getattr(self, name))
            if parts.scheme not in ("http", "https") or not parts.hostname:
                issues.append(Issue(name, "expected an address such as https://host/path"))
        if issues:
            raise ConfigError(issues)
