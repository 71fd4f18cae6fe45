"""A target: one entry of an output's chain, with its templates expanded and its secrets resolved."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import attrs

from camcast.platform import Platform
from camcast.redaction import MAX_WORDS, Redactor, redact_url, url_secrets

_SECRET_NAME = re.compile(r"pass|secret|token|key|auth|credential|user", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class Target:
    """Where one attempt goes, and how. Durations are seconds. Its repr and `shown` hold no secret."""

    url: str = attrs.field(repr=redact_url)
    transport: str = ""
    """Name of the transport kind; empty = by the URL's scheme."""
    server: str = "auto"
    """Server profile, for transports that know profiles."""
    forms: Mapping[str, str] = attrs.field(factory=dict)
    """Preferred FLV form by codec name, where the configuration asks for one."""
    audio: str = "auto"
    """Audio policy: "auto", "copy", "silent", "none", or the codec to transcode to."""
    on_unsupported: str = "transcode"
    on_unconfirmed: str = "warn"
    app: str | None = None
    stream_key: str | None = attrs.field(default=None, repr=False)
    connect_timeout: float = 10.0
    ca_file: str | None = None
    fingerprint: str | None = None
    """SHA-256 of the server's certificate in hex, colons optional: the only certificate accepted."""
    insecure: bool = False
    """Accept any certificate. Only ever set because the user asked."""
    client_certificate: str | None = None
    """PEM file of our own certificate, for servers that ask for one."""
    client_key: str | None = None
    """PEM file of its key; None = in the same file."""
    bind: str | None = None
    """Local address to send from."""
    ip_family: str = "both"
    """"both", "ipv4" or "ipv6"."""
    proxy: str | None = attrs.field(default=None, repr=lambda url: redact_url(url) if url else "None")
    options: Any = attrs.field(factory=dict, repr=False)
    """Instance of the transport kind's options class (a plain mapping until the host has structured it)."""
    inherited: frozenset[str] = attrs.field(default=frozenset(), repr=False)
    """Secrets of the target that was left for this one: its server may have put them anywhere."""
    shown_name: str = attrs.field(default="", repr=False)
    """The last part of `url` where that is a name, not a key, and may be shown."""
    platform: Platform | None = attrs.field(default=None, eq=False, repr=False)
    """The platform that it is for, where one is known to be there or `server` names it."""
    platforms: tuple[str, ...] = attrs.field(default=(), eq=False, repr=False)
    """Names of all that are known, which `server` may say."""

    @property
    def scheme(self) -> str:
        return self.url.partition("://")[0].lower()

    @cached_property
    def shown(self) -> str:
        """The URL as logs and tables may show it."""
        before, between, key = self.url.partition(f"/{self.app}/") if self.app else ("", "", "")
        url = f"{before}{between}key" if key and key != self.shown_name else self.url
        return Redactor(self.inherited, self.shown_name).address(url)

    @cached_property
    def redactor(self) -> Redactor:
        """Hides its secrets."""
        return Redactor(self.secrets, self.shown_name)

    @cached_property
    def secrets(self) -> frozenset[str]:
        """Every string that must not be shown anywhere."""
        found = {*url_secrets(self.url, self.shown_name), *self.inherited}
        if self.proxy:
            found |= url_secrets(self.proxy)
        if self.stream_key:
            found.add(self.stream_key)
        if self.app:
            # With the application named, all that follows it in the URL is the key.
            found |= {self.url.partition(f"/{self.app}/")[2]} - {self.shown_name}
        found |= option_secrets(self.options)
        return frozenset(secret for secret in found if secret)

    def moved(self, url: str) -> Target:
        """This target at `url`, as its server asks; the URL says all by itself, and an explicit key that it ends with
        says how it is taken apart. No secret goes to another origin."""
        key = self.stream_key if self.stream_key and url.endswith(f"/{self.stream_key}") else None
        options = self.options if _origin(url) == _origin(self.url) else _without_secrets(self.options)
        return attrs.evolve(
            self,
            url=url,
            app=None,
            stream_key=key,
            options=options,
            inherited=self.secrets,
            shown_name="",
            platform=None,
        )

    def shows(self, url: str) -> bool:
        """Whether the host in `url`, a server's own, can be told: it holds none of this target's secrets."""
        place = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0].rpartition("@")[2]
        return place == self.words(place) == self.redactor.trimmed(place)

    def scrub(self, text: str) -> str:
        """`text` (a library's exception, a traceback) without this target's secrets."""
        return self.redactor.text(text)

    def words(self, text: str, limit: int = MAX_WORDS) -> str:
        """A peer's words: without this target's secrets, as one printable line of bounded length."""
        return self.redactor.words(text, limit)

    def excerpt(self, text: str, limit: int = MAX_WORDS) -> str:
        """The same of a part of them, or one of several texts: the rest of a secret may have been in another."""
        return self.redactor.excerpt(text, limit)


def _origin(url: str) -> tuple[str, str]:
    scheme, _, rest = url.partition("://")
    return scheme.lower(), re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2].lower()


def _without_secrets(options: Any) -> Any:
    """The options with every text that their class hides from its repr back at its default."""
    if not attrs.has(type(options)):
        return options
    hidden = (field for field in attrs.fields(type(options)) if field.repr is False)
    defaults = {
        field.alias: field.default
        for field in hidden
        if isinstance(getattr(options, field.name), str) and isinstance(field.default, str | None)
    }
    return attrs.evolve(options, **defaults)


def names_secret(name: str) -> bool:
    """Whether an option of this name holds a secret. When unsure it does."""
    return _SECRET_NAME.search(name) is not None


def option_secrets(options: Any) -> set[str]:
    """Texts in a transport's options that are secret: fields which their class hides from its repr; while the
    options are still a mapping, those named like one."""
    if attrs.has(type(options)):
        hidden = (getattr(options, field.name) for field in attrs.fields(type(options)) if field.repr is False)
    elif isinstance(options, Mapping):
        hidden = (value for name, value in options.items() if names_secret(str(name)))
    else:
        return set()
    return {value for value in hidden if isinstance(value, str)}
