"""PyAV (FFmpeg's libraries) at arm's length, for plugins that decode or encode with it.

Nothing here knows a codec: plugins name FFmpeg's decoders and encoders and their options. `av` is imported when
something is opened, never before; FFmpeg's errors leave as `EncoderError` or `MediaError`.
"""

from camcast.pyav.audio import AudioEncoding, AvAudioEncoder
from camcast.pyav.decoder import AvDecoder, padded
from camcast.pyav.hardware import HardwareOptions, hardware_kinds
from camcast.pyav.kinds import audio_encoder_kind, audio_kind, encoder_kind
from camcast.pyav.video import AvVideoEncoder, VideoEncoding, probe_video

__all__ = [
    "AudioEncoding",
    "AvAudioEncoder",
    "AvDecoder",
    "AvVideoEncoder",
    "HardwareOptions",
    "VideoEncoding",
    "audio_encoder_kind",
    "audio_kind",
    "encoder_kind",
    "hardware_kinds",
    "padded",
    "probe_video",
]
