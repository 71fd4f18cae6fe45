"""What one session needs: its chain of targets, its retry policy and its limits. Embedders construct it directly.

Durations are seconds; when constructing, "500ms" and "2m" work too. A wrong value raises `ConfigError`.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypedDict, Unpack

import attrs

from camcast.config.rules import (
    Bytes,
    Fingerprint,
    Flag,
    Name,
    OptionalText,
    Options,
    PositiveSeconds,
    Seconds,
    SecondsOrNever,
    Text,
    Texts,
    checked,
    choice,
    number,
    or_never,
    whole,
)
from camcast.config.secrets import (
    ResolveSecret,
    has_reference,
    is_reference,
    is_url_reference,
    resolve_options,
    show_url,
)
from camcast.errors import ConfigError, Issue, OutOfRange
from camcast.events import SessionKey
from camcast.target import Target
from camcast.url_template import UrlTemplate

PRIMARY_OUTPUT = "rtmp"
"""Name of the output that the root block gives every stream; labels leave it out."""


@attrs.frozen(kw_only=True, field_transformer=checked)
class RetryPolicy:
    """When to try again: after a whole round of targets, `min(initial_delay * 2**n, max_delay)` seconds.

    `max_attempts` counts the rounds after the first; None never gives up. `jitter` is the largest part by
    which a wait is shortened, 0 to 1. The count starts anew after `stable_after` seconds of real media flow.
    """

    max_attempts: Annotated[int | None, or_never(whole(0, 1_000_000))] = 10
    initial_delay: Seconds = 1.0
    max_delay: Seconds = 60.0
    jitter: Annotated[float, number(0, 1)] = 0.25
    stable_after: Seconds = 10.0


@attrs.frozen(kw_only=True, field_transformer=checked)
class Limit:
    """A bound in media (or link) seconds and in bytes; whichever is reached first counts."""

    seconds: PositiveSeconds
    bytes: Bytes


@attrs.frozen(kw_only=True, field_transformer=checked)
class TargetConfig:
    """One entry of an output's chain as configured: templates expanded, secrets not yet resolved.

    `url`, `stream_key`, `proxy` and text options may be `env:NAME` or `file:PATH`.
    """

    url: Name = attrs.field(repr=show_url)
    transport: Text = ""
    """Name of the transport kind; empty = by the URL's scheme."""
    server: Name = "auto"
    hevc: Annotated[str, choice("enhanced", "legacy")] = "enhanced"
    audio: Name = "auto"
    on_unsupported: Annotated[str, choice("transcode", "legacy", "warn", "fail")] = "transcode"
    app: OptionalText = None
    stream_key: OptionalText = attrs.field(default=None, repr=False)
    connect_timeout: PositiveSeconds = 10.0
    ca_file: OptionalText = None
    fingerprint: Fingerprint = None
    insecure: Flag = False
    client_certificate: OptionalText = None
    client_key: OptionalText = None
    bind: OptionalText = None
    ip_family: Annotated[str, choice("both", "ipv4", "ipv6")] = "both"
    proxy: OptionalText = attrs.field(default=None, repr=lambda url: show_url(url) if url else "None")
    options: Options = attrs.field(factory=dict, repr=False)

    @property
    def scheme(self) -> str:
        return self.url.partition("://")[0].lower()

    @property
    def shown(self) -> str:
        """The URL as logs and tables may show it."""
        return show_url(self.url)

    @property
    def needs_secrets(self) -> bool:
        """Whether anything in it is still a reference."""
        return (
            is_url_reference(self.url)
            or is_reference(self.stream_key)
            or is_reference(self.proxy)
            or has_reference(self.options)
        )

    def target(self, *, resolve_secret: ResolveSecret) -> Target:
        """The target with every secret resolved. `resolve_secret` may block and may raise `ConfigError`.

        What stands around a key or a secret (a line's end in a file, a space that was copied along) is not part of it.
        """

        def resolve(text: str) -> str:
            return resolve_secret(text).strip()

        def url(text: str) -> str:
            return resolve(text) if is_url_reference(text) else text.strip()

        key = self.stream_key
        return Target(
            url=url(self.url),
            transport=self.transport,
            server=self.server,
            forms={"h265": self.hevc},
            audio=self.audio,
            on_unsupported=self.on_unsupported,
            app=self.app,
            stream_key=resolve(key) if key is not None and is_reference(key) else key and key.strip(),
            connect_timeout=self.connect_timeout,
            ca_file=self.ca_file,
            fingerprint=self.fingerprint,
            insecure=self.insecure,
            client_certificate=self.client_certificate,
            client_key=self.client_key,
            bind=self.bind,
            ip_family=self.ip_family,
            proxy=url(self.proxy) if self.proxy else None,
            options=resolve_options(self.options, resolve),
        )


class _Settings(TypedDict, total=False):
    """Types of the constructor's other arguments; they are the fields below."""

    camera_id: int
    stream_id: int
    stream_name: str
    camera_name: str
    output: str
    auto_reconnect: bool
    retry_policy: RetryPolicy
    stall_timeout: float
    idle_timeout: float
    failback_after: float | None
    max_moves_per_hour: int
    standby: str
    replay: str
    replay_max: Limit
    queue: Limit
    allow_redirect_hosts: Sequence[str]


@attrs.frozen(kw_only=True, init=False, field_transformer=checked)
class SessionConfig:
    """One session, complete. Equal configurations mean that a reload leaves the session alone.

    The chain is given as `targets`, or as `urls`, or as `url` or `url_template` with `fallback_urls`; the
    latter are templates of `camera_id`, `stream_id`, `stream_name`, `camera_name` and `variables`.
    """

    camera_id: Annotated[int, whole(0, 2**31 - 1)]
    stream_id: Annotated[int, whole(0, 2**31 - 1)] = 0
    stream_name: Name = "main"
    camera_name: Text = ""
    output: Name = PRIMARY_OUTPUT
    targets: tuple[TargetConfig, ...]
    auto_reconnect: Flag = True
    retry_policy: RetryPolicy = RetryPolicy()
    stall_timeout: PositiveSeconds = 5.0
    idle_timeout: PositiveSeconds = 8.0
    failback_after: SecondsOrNever = 30.0
    """None stays on a fallback."""
    max_moves_per_hour: Annotated[int, whole(0, 3600)] = 12
    """Above it a session stays where it is, so that a flapping primary is not chased."""
    standby: Annotated[str, choice("cold", "warm", "hot")] = "cold"
    replay: Annotated[str, choice("squeeze", "off")] = "squeeze"
    replay_max: Limit = Limit(seconds=2.0, bytes=4_000_000)
    queue: Limit = Limit(seconds=0.7, bytes=4 * 2**20)
    allow_redirect_hosts: Texts = ()

    def __init__(
        self,
        *,
        targets: Sequence[TargetConfig] = (),
        urls: Sequence[str | TargetConfig] = (),
        url: str = "",
        url_template: str = "",
        fallback_urls: Sequence[str | TargetConfig] = (),
        variables: Mapping[str, str | int] | None = None,
        **settings: Unpack[_Settings],
    ) -> None:
        primary = [text for text in (url, url_template) if text]
        if sum((bool(targets), bool(urls), len(primary))) > 1 or ((targets or urls) and fallback_urls):
            raise ConfigError([Issue("urls", _ONE_WAY)])
        if isinstance(urls, str) or isinstance(fallback_urls, str):
            raise ConfigError([Issue("urls", "expected a list of URLs, got text")])
        values = {
            "camera_id": settings.get("camera_id"),
            "stream_id": settings.get("stream_id", 0),
            "stream_name": settings.get("stream_name", "main"),
            "camera_name": settings.get("camera_name", ""),
            **(variables or {}),
        }
        chain = (*urls, *primary, *fallback_urls)
        expanded = tuple(
            entry if isinstance(entry, TargetConfig) else TargetConfig(url=expand_url(entry, values)) for entry in chain
        )
        # The attrs-made initialiser takes the rest and knows the defaults.
        init: Any = self.__attrs_init__  # type: ignore[attr-defined,unused-ignore]
        init(targets=(*targets, *expanded), **settings)

    def __attrs_post_init__(self) -> None:
        if not self.targets:
            raise ConfigError([Issue("urls", "an enabled output needs a URL: give url, urls or url_template")])

    def evolve(self, **changes: Any) -> "SessionConfig":
        """The same with some fields changed. (`attrs.evolve` works too, but type checkers do not follow it here.)"""
        return attrs.evolve(self, **changes)

    def check_target(self, index: int) -> None:
        """Raises `OutOfRange` for an index that is not in the chain."""
        if not 0 <= index < len(self.targets):
            raise OutOfRange(f"target {index} is not in the chain; it has 0 to {len(self.targets) - 1}")

    @property
    def key(self) -> SessionKey:
        return SessionKey(self.camera_id, self.stream_id, self.output)

    @property
    def label(self) -> str:
        """ "cam0_main", or "cam0_main/cloud" for an output of another name."""
        base = f"cam{self.camera_id}_{self.stream_name}"
        return base if self.output == PRIMARY_OUTPUT else f"{base}/{self.output}"


_ONE_WAY = "give the chain in one way only: urls, or url with fallback_urls, or url_template with fallback_urls"


def expand_url(text: str, values: Mapping[str, object]) -> str:
    """`text` with its variables filled in; a reference to a secret is left as it is."""
    return text if is_url_reference(text) else UrlTemplate(text).expand(values)
