"""G.711, G.726 and linear PCM: what IP cameras and capture cards send besides AAC.

G.711 goes into FLV as it is, at 8 kHz only; all others are decoded, to be encoded as something else.
"""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import CodecKind


@hookimpl
def camcast_codecs() -> Sequence[CodecKind]:
    from camcast_pcm import g711, g726, linear

    return [*g711.KINDS, *g726.KINDS, *linear.KINDS]
