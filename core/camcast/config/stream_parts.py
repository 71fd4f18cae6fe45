"""What a stream is made of, besides its outputs: source, encoder, slate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from camcast.config.blocks import ENCODER, SLATE, SOURCE
from camcast.config.hosted import check_encoder, check_source
from camcast.config.located import locate_source, locate_text
from camcast.config.model import EncoderConfig, SlateConfig, SourceConfig
from camcast.config.place import Place
from camcast.kinds import SourceKind

if TYPE_CHECKING:
    from camcast.host import PluginHost

_NO_SOURCE = (
    'is missing: every stream says where its pictures come from, such as "source": {"type": "rtsp", "url": '
    '"rtsp://CAMERA/PATH"} for a camera, or "source": {"type": "testsrc"} for a test picture'
)


def read_source(
    value: Any, place: Place, host: PluginHost, base: Path | None
) -> tuple[SourceConfig | None, SourceKind | None]:
    """The source and its kind, as far as they are known. `value` None: there is none."""
    if value is None:
        place.wrong(_NO_SOURCE)
        return None, None
    given = SOURCE.read(value, place)
    keys = dict(given.values)
    if "type" not in keys:
        if given.whole:
            place.at("type").wrong(f"is missing; known: {', '.join(sorted(host.sources)) or 'none'}")
        return None, None
    if "retry_policy" in keys:
        default: Any = attrs.fields_dict(SourceConfig)["retry_policy"].default
        keys["retry_policy"] = attrs.evolve(default, **keys["retry_policy"])
    source = locate_source(SourceConfig(**keys), base)
    return source, check_source(host, source, place) if given.whole else None


def read_encoder(value: Any, place: Place, host: PluginHost, source: SourceKind | None) -> EncoderConfig | None:
    """The encoder; None where something is wrong with it."""
    given = ENCODER.read(value, place)
    return check_encoder(host, EncoderConfig(**given.values), source, place) if given.whole else None


def read_slate(value: Any, place: Place, base: Path | None) -> SlateConfig | None:
    """The slate; None where there is none."""
    if value is False:
        return None
    given = SLATE.read({} if value is True else value, place)
    if not given.whole:
        return None
    with place.told():
        slate = SlateConfig(**given.values)
        return attrs.evolve(slate, image=locate_text(slate.image, base))
    return None
