"""What plugins bring, by the names that it goes by. Made anew whenever another plugin comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from camcast.hosting.claims import Claim, Claims, K
from camcast.hosting.platforms import Platforms
from camcast.hosting.plugin import Plugin, Problem
from camcast.kinds import (
    CodecKind,
    ConfigForm,
    CoordinatorKind,
    DiscovererKind,
    EncoderKind,
    Platform,
    ServiceKind,
    SourceKind,
    TransportKind,
)


class Catalogue:
    """Of plugins in the order of their rank."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self._plugins = tuple(plugins)
        self.sources = self._named(SourceKind, "source type")
        self.codecs = self._named(CodecKind, "codec")
        self.encoders = self._named(EncoderKind, "encoder")
        self.transports = self._named(TransportKind, "transport")
        self.services = self._named(ServiceKind, "service")
        self.coordinators = self._named(CoordinatorKind, "coordinator")
        self.discoverers = self._named(DiscovererKind, "discoverer")
        self.forms = self._named(ConfigForm, "configuration form")
        self._platforms = self._named(Platform, "platform")
        self.platforms = Platforms(self._platforms.kinds.values())
        aliases = ((alias, claim) for claim in self.codecs for alias in claim.kind.aliases if alias not in self.codecs)
        self.aliases = Claims(aliases, 'codec name "{}"', '"{}" does not go by it')
        """Codecs by their other names."""
        schemes = (
            (scheme, claim) for claim in self.transports if not claim.kind.by_name_only for scheme in claim.kind.schemes
        )
        self.schemes = Claims(schemes, "{}://", 'this one takes it where "transport": "{}" says so')
        """Transports by the schemes of their URLs."""

    @property
    def clashes(self) -> list[Problem]:
        """Where two plugins claim the same."""
        tables: tuple[Iterable[Problem], ...] = (
            self.sources.problems,
            self.codecs.problems,
            self.encoders.problems,
            self.transports.problems,
            self.services.problems,
            self.coordinators.problems,
            self.discoverers.problems,
            self.forms.problems,
            self._platforms.problems,
            self.aliases.problems,
            self.schemes.problems,
        )
        return [*chain.from_iterable(tables)]

    def _named(self, cls: type[K], word: str) -> Claims[K]:
        """Those of one class by their names; `word` is what people call it."""
        return Claims(((claim.kind.name, claim) for claim in self._claims(cls)), f'{word} "{{}}"')

    def _claims(self, cls: type[K]) -> Iterator[Claim[K]]:
        for plugin in self._plugins:
            for kind in plugin.kinds:
                if isinstance(kind, cls):
                    yield Claim(plugin, kind)
