"""What all sessions of one engine share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

from camcast.config import SourceConfig, TargetConfig
from camcast.config.secrets import has_reference, resolve_options
from camcast.contracts import Delivery, Handover, Resolver
from camcast.descriptors import exhausted
from camcast.discovery import SourceAddress
from camcast.errors import (
    CamcastError,
    ConfigError,
    MisconfiguredError,
    MissingDependency,
    NetworkError,
    PluginError,
    PluginFault,
    SourceError,
    SourceFault,
    TransportError,
)
from camcast.events import Event, SessionKey
from camcast.host import PluginHost
from camcast.kinds import TransportKind
from camcast.redaction import redact_text, url_secrets
from camcast.session.asking import Secrets, overdue
from camcast.session.checking import Checking
from camcast.session.hook_threads import HookThreads, Late
from camcast.session.hosts import Hosts
from camcast.session.loading import Loading
from camcast.session.lost_names import LostNames
from camcast.session.opened import Opened
from camcast.session.segments import SegmentHooks
from camcast.session.uplinks import Uplinks
from camcast.target import Target, option_secrets

log = logging.getLogger(__name__)
T = TypeVar("T")

HOOK_DEADLINE = 10.0
"""Seconds that a plugin may take to resolve a URL or a secret."""
DECODERS = 2
"""Pictures that are decoded at once for somebody to see."""


@attrs.frozen(eq=False)
class Place:
    """Where an attempt goes, checked."""

    asked: Target
    """What configuration and plugins said."""
    target: Target
    """The same as its transport gets it, the options structured."""
    kind: TransportKind
    name: str
    """What is published there."""
    fixed: TargetConfig | None = None
    """The configuration that says all of it, where neither a secret nor a plugin has a say."""


@attrs.define(eq=False, kw_only=True)
class Environment:
    """Shared by the sessions of one engine."""

    host: PluginHost
    handover: Handover
    resolver: Resolver
    hosts: Hosts
    emit: Callable[[Event], object]
    uplinks: Uplinks = attrs.field(factory=Uplinks)
    first_timestamp: int = 0
    """What every attempt's timeline begins with, ms."""
    threads: HookThreads = attrs.field(factory=HookThreads)
    decoding: HookThreads = attrs.field(factory=lambda: HookThreads(DECODERS))
    """For pictures that somebody wants to see."""
    loading: Loading = attrs.field(default=attrs.Factory(lambda self: Loading(self.threads), takes_self=True))
    checking: Checking = attrs.field(factory=Checking)
    opened: Opened = attrs.field(factory=Opened)
    segments: SegmentHooks = attrs.field(default=attrs.Factory(lambda self: SegmentHooks(self.host), takes_self=True))
    delivery: Callable[[SessionKey], Delivery | None] = lambda key: None
    """How a session does at this moment; None = there is none. The session manager's."""
    names: LostNames = attrs.field(
        default=attrs.Factory(lambda self: LostNames(self.resolver, self.hosts), takes_self=True)
    )

    def __attrs_post_init__(self) -> None:
        self.hosts.unknown = self.names.lost

    async def close(self, seconds: float) -> None:
        """Close what sessions could not, and let hooks be told what is left to tell, for `seconds` each."""
        await asyncio.gather(self.opened.close(seconds), self.segments.settle(seconds))

    async def prepare(self, config: TargetConfig, attempt: int, known: Place | None = None) -> Place:
        """Where one attempt goes: secrets resolved, URL as the plugins say, options structured and checked.

        `known`: where the last one went. What comes out as it did then is not checked again: of hundreds of sessions
        whose servers are down, each would do so for hours.

        Raises `MisconfiguredError` for what retrying cannot mend, `NetworkError` when a hook is late or fails.
        """
        asks = self.host.listens("camcast_resolve_url")
        if known is not None and known.fixed is config and not asks and self._still(known):
            return known
        try:
            secrets = Secrets(self.host)
            if config.needs_secrets:
                target = await self._on_thread(lambda: config.target(resolve_secret=secrets), secrets)
            else:
                target = config.target(resolve_secret=secrets)
            if asks:
                url = await self._on_thread(
                    lambda: self.host.ask("camcast_resolve_url", str, target=target, attempt=attempt),
                    "resolving the URL",
                )
                if url and url != target.url:
                    # What a plugin made of it may be a key.
                    target = attrs.evolve(target, url=url, shown_name="")
            if known is not None and known.asked == target and self._still(known):
                return known
            await self._load(target)
            return await self._complete(target, None if asks or config.needs_secrets else config)
        except TransportError:
            raise
        except PluginError as error:
            raise PluginFault(str(error), stage="resolve") from None
        except ConfigError as error:
            if told := exhausted(error):
                raise NetworkError(told, stage="resolve") from None
            raise MisconfiguredError(str(error), stage="configuration") from error

    async def source(self, config: SourceConfig) -> SourceConfig:
        """`config` with its secrets resolved and where its camera is now; raises `SourceError`, `MissingDependency`."""
        if config.needs_secrets:
            resolving = Secrets(self.host)
            try:
                config = await self._on_thread(lambda: config.resolved(resolve_secret=resolving), resolving)
            except CamcastError as error:
                raise SourceError(str(error)) from error
        if not config.url or not self.host.listens("camcast_resolve_source"):
            return config
        secrets = option_secrets(config.options)
        if self.host.discoverer_of(config.url) is None or "@" in config.url:
            # What a camera is and which of its streams is meant is no secret, and is what has to be told.
            secrets |= url_secrets(config.url)
        try:
            found = await self._on_thread(
                lambda: self.host.ask("camcast_resolve_source", SourceAddress, url=config.url, options=config.options),
                "finding the camera",
            )
        except PluginError as error:
            raise SourceFault(str(error)) from None
        except MissingDependency:
            raise
        except SourceError as error:
            text = redact_text(str(error), secrets)
            raise SourceError(text, fatal=error.fatal, refused=error.refused) from None
        except CamcastError as error:
            raise SourceError(redact_text(str(error), secrets)) from None
        if found is None:
            return config
        return attrs.evolve(config, url=found.url, options={**found.options, **config.options})

    async def options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """`options` with the secrets in them resolved; raises `CamcastError`."""
        if not has_reference(options):
            return options
        secrets = Secrets(self.host)
        return await self._on_thread(lambda: resolve_options(options, secrets), secrets)

    async def _load(self, target: Target) -> None:
        """Have its transport import what it needs, as far as there is one. Raises `TransportError`."""
        try:
            kind = self.host.transport(target.transport, target.scheme)
        except LookupError:
            return  # told where the target is checked
        try:
            await self.loading.of(kind)
        except CamcastError as error:
            raise MisconfiguredError(target.scrub(str(error)), stage="configuration") from error
        except TimeoutError:
            raise NetworkError(
                f"importing what transport {kind.name} needs takes too long", stage="configuration"
            ) from None
        except Exception as error:  # noqa: BLE001  whatever an import raises
            if told := exhausted(error):
                raise NetworkError(told, stage="configuration") from None
            self.host.faults.tell(f"transport {kind.name}", "load", error, clean=target.scrub)
            text = target.scrub(f"{type(error).__name__}: {error}")
            raise PluginFault(f"transport {kind.name} cannot be loaded: {text}", stage="configuration") from None

    async def redirected(self, config: TargetConfig, target: Target, url: str) -> Place:
        """`target`, made of `config`, as its server wants it: at `url`, which says all by itself."""
        return await self._complete(attrs.evolve(target.moved(url), transport=config.transport))

    def _still(self, known: Place) -> bool:
        """Whether it is the same plugin's matter as then."""
        try:
            return self.host.transport(known.asked.transport, known.asked.scheme) is known.kind
        except LookupError:
            return False

    def _name(self, kind: TransportKind, target: Target) -> str:
        """What is published there. Raises `PluginFault`."""
        try:
            name = kind.publish_name(target)
            if not isinstance(name, str):
                raise TypeError(f"it gave {type(name).__name__}, not a text")
        except Exception as error:  # noqa: BLE001  a plugin's bug
            who = f"transport {kind.name}"
            self.host.faults.tell(who, "publish_name", error, clean=target.scrub)
            text = target.scrub(f"{who} failed in publish_name, by a bug of its own: {type(error).__name__}: {error}")
            raise PluginFault(text, stage="configuration") from None
        return name

    async def _complete(self, asked: Target, fixed: TargetConfig | None = None) -> Place:
        target = self.host.platforms.placed(asked)
        try:
            kind = self.host.transport(target.transport, target.scheme)
            if not isinstance(target.options, kind.options):
                options = self.host.structure_options(kind, target.options, "options")
                target = attrs.evolve(target, transport=kind.name, options=options)
            kind.available()
            await self.checking.of(kind, target)
        except (LookupError, ValueError, CamcastError) as error:
            raise MisconfiguredError(target.scrub(str(error)), stage="configuration") from error
        except TimeoutError:
            raise NetworkError(
                f"transport {kind.name} takes too long to check the target: does a file that it names lie on a mount "
                "whose server is gone?",
                stage="configuration",
            ) from None
        except Exception as error:  # noqa: BLE001  a plugin's bug
            if told := exhausted(error):
                raise NetworkError(told, stage="configuration") from None
            who = f"transport {target.transport or target.scheme}"
            self.host.faults.tell(who, "check", error, clean=target.scrub)
            raise PluginFault(f"{who} failed in check with {type(error).__name__}", stage="configuration") from None
        return Place(asked, target, kind, self._name(kind, target), fixed)

    async def _on_thread(self, call: Callable[[], T], what: object) -> T:
        try:
            return await self.threads.run(call, HOOK_DEADLINE)
        except Late as late:
            raise NetworkError(overdue(late, what, HOOK_DEADLINE, self.host), stage="resolve") from None
        except CamcastError:
            raise
        except Exception as error:  # noqa: BLE001  whatever is raised beside the plugins' own
            if told := exhausted(error):
                raise NetworkError(told, stage="resolve") from None
            # The text may hold the very secret that was looked for, so only its type is told.
            raise NetworkError(f"{what} failed with {type(error).__name__}", stage="resolve") from None
