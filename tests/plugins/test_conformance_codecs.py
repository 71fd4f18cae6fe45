"""The codecs and encoders keep their contracts."""

from __future__ import annotations

from typing import ClassVar

from camcast.testing.conformance import CodecConformance, EncoderConformance


class TestH264(CodecConformance):
    kind = "h264"


class TestH265(CodecConformance):
    kind = "h265"


class TestAv1(CodecConformance):
    kind = "av1"


class TestVp9(CodecConformance):
    kind = "vp9"


class TestAac(CodecConformance):
    kind = "aac"


class TestOpus(CodecConformance):
    kind = "opus"


class TestG711a(CodecConformance):
    kind = "g711a"


class TestG711u(CodecConformance):
    kind = "g711u"


class TestMp3(CodecConformance):
    kind = "mp3"


class TestLinearPcm(CodecConformance):
    kind = "pcm_s16le"


class TestG722(CodecConformance):
    kind = "adpcm_g722"


class TestFlac(CodecConformance):
    kind = "flac"


class TestLibx264(EncoderConformance):
    kind = "libx264"
    options: ClassVar = {"preset": "ultrafast"}


class TestLibx265(EncoderConformance):
    kind = "libx265"
    options: ClassVar = {"preset": "ultrafast"}


class TestLibsvtav1(EncoderConformance):
    kind = "libsvtav1"


class TestLibvpx(EncoderConformance):
    kind = "libvpx-vp9"


class TestAacEncoder(EncoderConformance):
    kind = "aac"


class TestLibopus(EncoderConformance):
    kind = "libopus"
