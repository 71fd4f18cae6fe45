"""What the demo takes from plugins, and what of it is not here."""

from __future__ import annotations

from camcast.config.defaults import AUDIO_CODEC, VIDEO_CODEC
from camcast.errors import CamcastError
from camcast.host import PluginHost

FILM, PICTURE = "file", "testsrc"
"""The source types that play a clip and draw a test picture."""


def require(host: PluginHost) -> None:
    """Raises `CamcastError` in one line where the demo cannot be played for want of a plugin."""
    missing = [f'the source type "{name}"' for name in (FILM, PICTURE) if name not in host.sources]
    if VIDEO_CODEC not in host.codecs:
        missing.append(f"the codec {VIDEO_CODEC}")
    if not _encodes(host, VIDEO_CODEC):
        missing.append(f"an encoder of {VIDEO_CODEC}")
    if not any(kind.receiver for kind in host.transports.values()):
        missing.append("a transport that offers a receiver on this machine")
    if missing:
        raise CamcastError(
            f"the demo needs {', '.join(missing)}: no plugin here brings that; camcast plugins lists what there is"
        )


def has_sound(host: PluginHost) -> bool:
    """Whether test tones can be encoded."""
    return _encodes(host, AUDIO_CODEC)


def _encodes(host: PluginHost, codec: str) -> bool:
    return any(kind.codec == codec for kind in host.encoders.values())
