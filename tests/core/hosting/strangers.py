"""Made-up plugins, as installed distributions would announce them and as a program would register them."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from camcast.hooks import hookimpl
from camcast.kinds import Acceptance, CodecKind, EncoderKind, SourceKind, TransportKind
from camcast.media import MediaKind


def never(*_: object) -> Any:
    raise AssertionError("listing builds nothing")


def transport(name: str, *schemes: str, by_name_only: bool = False) -> TransportKind:
    return TransportKind(
        name=name,
        title="",
        schemes=schemes,
        build=never,
        accepts=lambda target: Acceptance(codecs={}),
        by_name_only=by_name_only,
    )


def source(name: str) -> SourceKind:
    return SourceKind(name=name, title="", build=never)


def codec(name: str, *aliases: str) -> CodecKind:
    return CodecKind(name=name, media=MediaKind.VIDEO, title="", parser=never, aliases=aliases)


def encoder(name: str) -> EncoderKind:
    return EncoderKind(name=name, codec="x", title="", open=never)


class Brings:
    """A plugin that brings these kinds."""

    def __init__(self, *kinds: object) -> None:
        self.kinds = kinds

    def _of(self, cls: type) -> list[Any]:
        return [kind for kind in self.kinds if isinstance(kind, cls)]

    @hookimpl
    def camcast_sources(self) -> Sequence[SourceKind]:
        return self._of(SourceKind)

    @hookimpl
    def camcast_codecs(self) -> Sequence[CodecKind]:
        return self._of(CodecKind)

    @hookimpl
    def camcast_encoders(self) -> Sequence[EncoderKind]:
        return self._of(EncoderKind)

    @hookimpl
    def camcast_transports(self) -> Sequence[TransportKind]:
        return self._of(TransportKind)


class _Distribution(importlib.metadata.Distribution):
    def __init__(self, name: str) -> None:
        self._name = name

    def read_text(self, filename: str) -> str | None:
        return f"Metadata-Version: 2.1\nName: {self._name}\nVersion: 1.0\n" if filename == "METADATA" else None

    def locate_file(self, path: Any) -> Any:
        return path


Install = Callable[[Mapping[tuple[str, str], object]], list[str]]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Make exactly these installed: plugins by (distribution, name). What it returns grows by each that is imported."""
    imported: list[str] = []

    def announce(plugins: Mapping[tuple[str, str], object]) -> list[str]:
        entries = [_Loading(*origin, plugin, imported) for origin, plugin in plugins.items()]
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: entries)
        return imported

    return announce


class _Loading:
    """An entry point that says when it is loaded."""

    def __init__(self, distribution: str, name: str, plugin: object, imported: list[str]) -> None:
        self.name, self.dist = name, _Distribution(distribution)
        self._plugin, self._imported = plugin, imported

    def load(self) -> object:
        self._imported.append(f"{self.dist.name}:{self.name}")
        if isinstance(self._plugin, Exception):
            raise self._plugin
        return self._plugin
