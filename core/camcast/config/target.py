"""One entry of an output's chain as configured: templates expanded, secrets not yet resolved."""

from typing import Annotated

import attrs

from camcast.config.rules import (
    Fingerprint,
    Flag,
    Name,
    OptionalText,
    Options,
    PositiveSeconds,
    Text,
    checked,
    choice,
    seconds,
)
from camcast.config.secrets import (
    ResolveSecret,
    has_reference,
    is_reference,
    is_url_reference,
    resolve_options,
    show_url,
    trimmed,
)
from camcast.target import Target


@attrs.frozen(kw_only=True, field_transformer=checked)
class TargetConfig:
    """One entry of an output's chain as configured: templates expanded, secrets not yet resolved.

    `url`, `stream_key`, `proxy` and text options may be `env:NAME` or `file:PATH`.
    """

    url: Name = attrs.field(repr=show_url)
    """Where to publish; its scheme chooses the transport."""
    transport: Text = ""
    """Name of the transport kind; empty = by the URL's scheme."""
    server: Name = "auto"
    """What the server is, a profile or a platform: says what it takes. "auto": by its host, or by what it answers."""
    hevc: Annotated[str, choice("enhanced", "legacy")] = "enhanced"
    """How H.265 is written: in the Enhanced RTMP form, or as codec id 12 for servers that know nothing newer."""
    audio: Name = "auto"
    """What becomes of the sound: "auto", "copy", "silent", "none", or the codec to transcode to."""
    on_unsupported: Annotated[str, choice("transcode", "legacy", "warn", "fail")] = "transcode"
    """What to do with a codec that the server is known not to take."""
    on_unconfirmed: Annotated[str, choice("warn", "send", "transcode", "fail")] = "warn"
    """What to do with a picture of which nobody can tell whether the server takes it."""
    app: OptionalText = None
    """The application, where it cannot be told from the URL."""
    stream_key: OptionalText = attrs.field(default=None, repr=False)
    """The stream key, where it does not stand in the URL."""
    connect_timeout: PositiveSeconds = attrs.field(default=10.0, converter=seconds)
    """For each step of connecting."""
    ca_file: OptionalText = None
    """Path of a PEM file with the authorities that a TLS server's certificate may come from."""
    fingerprint: Fingerprint = None
    """SHA-256 of the only certificate that is accepted."""
    insecure: Flag = False
    """Trust whoever answers."""
    client_certificate: OptionalText = None
    """Path of a PEM file with the certificate that a TLS server wants to see."""
    client_key: OptionalText = None
    """Path of a PEM file with its key, where that does not stand in the same file."""
    bind: OptionalText = None
    """Local address to send from."""
    ip_family: Annotated[str, choice("both", "ipv4", "ipv6")] = "both"
    """Kind of addresses to connect to."""
    proxy: OptionalText = attrs.field(default=None, repr=lambda url: show_url(url) if url else "None")
    """URL of a proxy to connect through: http:// or socks5://."""
    options: Options = attrs.field(factory=dict, repr=False)
    """The transport's own."""
    shown_name: str = attrs.field(default="", eq=False, repr=False)
    """The last part of `url` where that may be shown; whoever fills in a template knows."""

    @property
    def scheme(self) -> str:
        return self.url.partition("://")[0].lower()

    @property
    def shown(self) -> str:
        """The URL as logs and tables may show it."""
        return show_url(self.url, self.shown_name)

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
            return trimmed(resolve_secret(text))

        def url(text: str) -> str:
            return resolve(text) if is_url_reference(text) else trimmed(text)

        key = self.stream_key
        return Target(
            url=url(self.url),
            transport=self.transport,
            server=self.server,
            forms={"h265": self.hevc},
            audio=self.audio,
            on_unsupported=self.on_unsupported,
            on_unconfirmed=self.on_unconfirmed,
            app=self.app,
            stream_key=resolve(key) if key is not None and is_reference(key) else key and trimmed(key),
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
            shown_name=self.shown_name,
        )
