"""Whom to tell, what, and in which form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from camcast import events
from camcast.config import RetryPolicy
from camcast.config.secrets import is_url_reference
from camcast.errors import ConfigError, Issue
from camcast.options import PositiveSeconds, Seconds
from camcast.structure import suggest

DOWN = "down"
"""Not an event but a state: something that is to be on the air and is not, for a while."""
FORMS = ("json", "text")


@attrs.frozen(kw_only=True)
class WebhookRule:
    """What is told."""

    events: list[str] = attrs.field(factory=lambda: [DOWN])
    """Names of events ("GaveUp", "Moved"), and "down": an output or a camera that is away, once it has been for
    `after`, and once more when it is back."""
    cameras: list[int] = attrs.field(factory=list)
    """Numbers of cameras; none: all."""
    after: Seconds = 30.0
    """How long something is down before it is told."""
    well: bool = True
    """Whether it is told too when it is back."""


@attrs.frozen(kw_only=True)
class WebhookOptions:
    """Of the service."""

    url: str = attrs.field(repr=False)
    """Where to POST to; such addresses are secret, so best as env: or file:."""
    secret: str | None = attrs.field(default=None, repr=False)
    """Signs each message: X-Camcast-Signature is the HMAC-SHA256, in hex, of X-Camcast-Time, a dot and the body."""
    form: str = "json"
    """json: all that is known; text: a line, in the form that chat services take."""
    rules: list[WebhookRule] = attrs.field(factory=lambda: [WebhookRule()])
    """What is told; each by itself."""
    timeout: PositiveSeconds = 10.0
    """For an answer."""
    ca_file: str | None = None
    """PEM file of the authorities that the server's certificate is checked with, instead of the system's."""
    retry_policy: RetryPolicy = attrs.field(factory=RetryPolicy)
    """When a message that was not taken is sent again."""

    def __attrs_post_init__(self) -> None:
        issues = []
        if self.form not in FORMS:
            issues.append(Issue("form", 'expected "json" or "text"'))
        known = [DOWN, *_events()]
        for index, rule in enumerate(self.rules):
            for number, name in enumerate(rule.events):
                if name not in known:
                    issues.append(
                        Issue(f"rules[{index}].events[{number}]", f"there is no such event{suggest(name, known)}")
                    )
        if issues:
            raise ConfigError(issues)


def check(options: Mapping[str, Any]) -> None:
    """What can be told of the address while it may be a reference. Raises `ConfigError`."""
    url = options.get("url")
    if not isinstance(url, str) or is_url_reference(url):
        return
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError([Issue("url", "expected an address such as https://host/path")])


def _events() -> Iterator[str]:
    for name, value in vars(events).items():
        if isinstance(value, type) and issubclass(value, events.Event) and value.text is not events.Event.text:
            yield name
