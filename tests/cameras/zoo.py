"""Files as people have them, and what becomes of each: the zoo, as data.

`test_zoo.py` makes and plays them all, and FFmpeg decodes what comes. `docs/media.md` is written from this table:
`python -m tests.cameras.zoo_page`.
"""

from __future__ import annotations

import attrs

from tests.cameras import recipes as r
from tests.cameras.clips import SIZE
from tests.cameras.files import AAC
from tests.cameras.recipes import FRAGMENTED, FRAMES, GST_X264, H264, OPUS, VP8, VP9, Recipe, made, x264, x265
from tests.cameras.uncompressed import Shape

CARRIED, TRANSCODED, REFUSED, NONE = "carried", "encoded anew", "refused", "-"
NO_FILE = "not a media file that FFmpeg can read"
TURNED = "is meant to be turned by 90°"


@attrs.frozen
class Animal:
    """One file. Its pictures are numbered from 0 at 25 a second; its tone begins at `tone` s."""

    what: str
    """For people; its name in tests, too."""
    suffix: str
    make: Recipe = attrs.field(repr=False)
    picture: str = CARRIED
    told: str = ""
    """Part of the note, or of the error where it is refused; "" = nothing is told."""
    sound: str = CARRIED
    shown: tuple[range, ...] = (range(36, FRAMES),)
    """Numbers of pictures that must come in this order, from the first of them on: what is before is replayed in
    haste, or passed while the session begins."""
    steps: tuple[int, ...] = (40,)
    """Milliseconds between those pictures."""
    tone: float = 1.0
    beside: float = 0.06
    """Seconds between sound and its picture; a frame of AAC at 48 kHz has 0.02."""

    @property
    def refused(self) -> bool:
        return self.picture == REFUSED


def raw(**shape: object) -> Recipe:
    """H.264 that no encoder at hand makes."""
    return r.bits(Shape(SIZE, **shape))  # type: ignore[arg-type]


ALONE = ("-map", "-0:v")
"""No picture."""
OLD = ("-q:v", "3", "-g", "12")

B_LAST = (range(36, FRAMES - 1),)
"""The last picture waits for the next in the decoder."""
CUT = (range(36, 45),)
TWICE = (range(36, FRAMES), range(FRAMES))

ZOO: dict[str, tuple[Animal, ...]] = {
    "H.264": (
        Animal("Baseline", ".mp4", made(*H264, "-profile:v", "baseline", *AAC)),
        Animal("B-frames and a pyramid", ".mp4", made(*x264(b_frames=3, params="b-pyramid=normal"), *AAC)),
        Animal(
            "display times before decode times",
            ".mp4",
            made(*x264(b_frames=2), *AAC, "-movflags", "negative_cts_offsets"),
        ),
        Animal(
            "an edit list that begins within a group", ".mp4", r.again("-ss", "0.7", of=made(*x264(b_frames=2), *AAC))
        ),
        Animal("sound that begins later than the picture", ".mp4", made(*H264, *AAC, "-af", "adelay=200"), tone=1.2),
        Animal("fragmented MP4", ".mp4", made(*x264(b_frames=2), *AAC, *FRAGMENTED)),
        Animal("CMAF", ".mp4", made(*x264(b_frames=2), *AAC, "-movflags", "cmaf+frag_keyframe")),
        Animal("its index in front", ".mp4", made(*x264(b_frames=2), *AAC, "-movflags", "faststart")),
        Animal(
            "a time code track, linear PCM",
            ".mov",
            made(*H264, "-timecode", "01:00:00:00", "-c:a", "pcm_s16le"),
            sound=TRANSCODED,
        ),
        Animal("a variable rate, MP4", ".mp4", r.uneven, steps=(24, 56)),
        Animal("a variable rate, Matroska", ".mkv", r.uneven, steps=(24, 56)),
        Animal("10 bit", ".mp4", made(*x264("-pix_fmt", "yuv420p10le"), *AAC)),
        Animal("4:2:2, 10 bit", ".mp4", made(*x264("-pix_fmt", "yuv422p10le"), *AAC)),
        Animal("4:4:4", ".mp4", made(*x264("-pix_fmt", "yuv444p"), *AAC)),
        Animal("lossless", ".mkv", made(*x264("-qp", "0"), *AAC)),
        Animal("grey", ".mp4", made(*x264("-pix_fmt", "gray"), *AAC)),
        Animal("interlaced (MBAFF)", ".mp4", made(*x264("-flags", "+ildct+ilme", params="tff=1", b_frames=2), *AAC)),
        Animal("marked as interlaced", ".mp4", made(*x264(params="fake-interlaced=1"), *AAC)),
        Animal("in fields (PAFF), raw", ".h264", raw(fields=True), sound=NONE),
        Animal("in fields (PAFF), MP4", ".mp4", r.again(of=raw(fields=True), suffix=".h264"), sound=NONE),
        Animal("keyframes only", ".mp4", made(*x264("-g", "1"), *AAC)),
        Animal("open groups", ".mp4", made(*x264(b_frames=2, params="open-gop=1"), *AAC)),
        Animal("intra refresh", ".mp4", made(*x264("-tune", "zerolatency", params="intra-refresh=1"), *AAC)),
        Animal("four slices a picture, MPEG-TS", ".ts", made(*x264(params="slices=4"), *AAC)),
        Animal("B-frames, raw", ".h264", made(*x264(b_frames=2), sound=False), sound=NONE),
        Animal("B-frames whose order count is of type 1, raw", ".h264", raw(order_type=1, reorder=True), sound=NONE),
        Animal("raw, without a word about the rate", ".264", raw(timed=False), sound=NONE),
        Animal("B-frames and MP3, AVI", ".avi", made(*x264(b_frames=2), "-c:a", "libmp3lame"), sound=TRANSCODED),
        Animal("B-frames, Matroska", ".mkv", made(*x264(b_frames=2), *AAC)),
        Animal("B-frames, FLV", ".flv", made(*x264(b_frames=2), *AAC)),
        Animal(
            "parameter sets inside (avc3)",
            ".mp4",
            made(*x264("-tag:v", "avc3", b_frames=2, params="repeat-headers=1"), *AAC),
        ),
        Animal(
            "B-frames, MPEG programme stream",
            ".mpg",
            made(*x264(b_frames=2), "-c:a", "mp2", "-f", "vob"),
            sound=TRANSCODED,
        ),
        Animal("red, green and blue", ".mp4", made(*x264("-pix_fmt", "gbrp", coder="libx264rgb"), *AAC)),
        Animal("H.264, ASF", ".asf", made(*H264, *AAC)),
        Animal("H.264, MXF", ".mxf", made(*H264, "-c:a", "pcm_s16le"), sound=TRANSCODED),
        Animal("H.264, NUT", ".nut", made(*H264, *AAC)),
        Animal("a size that is no multiple of 16", ".mp4", made(*H264, *AAC, size=(178, 106))),
        Animal("pixels that are not square", ".mp4", made(*H264, *AAC, "-vf", "setsar=4/3")),
        Animal("two pictures with one timestamp", ".mkv", r.two_timestamps, steps=(1, 40, 79)),
        Animal("turned, MP4", ".mp4", r.turned, told=TURNED),
        Animal("turned, Matroska", ".mkv", r.turned, told=TURNED),
        Animal(
            "fragmented MP4 with an index of its segments",
            ".mp4",
            made(*x264(b_frames=2), *AAC, "-movflags", "frag_keyframe+empty_moov+default_base_moof+global_sidx"),
        ),
        Animal(
            "a fragment for each picture",
            ".mp4",
            # Not at once: FFmpeg guesses how long a picture lasts, wrongly where its encoders are out of step.
            r.again("-movflags", "frag_every_frame+empty_moov+default_base_moof", of=made(*x264(b_frames=2), *AAC)),
        ),
        Animal(
            "4:4:4, lossless, CAVLC", ".mp4", made(*x264("-qp", "0", "-pix_fmt", "yuv444p", params="cabac=0"), *AAC)
        ),
        Animal(
            "delimiters and a buffer that is told (HRD), MPEG-TS",
            ".ts",
            made(*x264(params="aud=1:nal-hrd=cbr:vbv-maxrate=500:vbv-bufsize=500"), *AAC),
        ),
        Animal("encrypted (Common Encryption)", ".mp4", r.encrypted, REFUSED, "is encrypted (Common Encryption)"),
    ),
    "H.265": (
        Animal("B-frames (hvc1)", ".mp4", made(*x265("-tag:v", "hvc1", b_frames=3), *AAC)),
        Animal(
            "parameter sets inside (hev1)",
            ".mp4",
            made(*x265("-tag:v", "hev1", b_frames=2, params="repeat-headers=1"), *AAC),
        ),
        Animal("HDR10", ".mp4", made(*x265("-pix_fmt", "yuv420p10le", "-tag:v", "hvc1", params=r.HDR10), *AAC)),
        Animal("HLG", ".mp4", made(*x265("-pix_fmt", "yuv420p10le", params=r.HLG), *AAC)),
        Animal("Dolby Vision 8.1: as the HDR10 that it holds", ".mp4", r.dolby_vision),
        Animal("H.265 4:4:4", ".mp4", made(*x265("-pix_fmt", "yuv444p"), *AAC)),
        Animal("4:2:2, 12 bit", ".mkv", made(*x265("-pix_fmt", "yuv422p12le"), *AAC)),
        Animal("open groups (CRA, RASL)", ".mp4", made(*x265(b_frames=3, params="open-gop=1"), *AAC)),
        Animal("H.265 with B-frames, raw", ".hevc", made(*x265(b_frames=3), sound=False), sound=NONE),
        Animal("parameter sets inside (hev1), MOV", ".mov", made(*x265("-tag:v", "hev1", b_frames=2), *AAC)),
        Animal("a phone's: HLG, turned", ".mov", r.turned_hlg, told="is meant to be turned by 270°"),
        Animal("H.265, MPEG-TS", ".ts", made(*x265(b_frames=2), *AAC)),
        Animal("H.265, FLV", ".flv", made(*x265(b_frames=2), *AAC)),
    ),
    "AV1 and VP9": (
        Animal("AV1, Opus", ".mp4", made(*r.AV1, *OPUS), sound=TRANSCODED),
        Animal(
            "AV1 HDR10, Matroska", ".mkv", made(*r.AV1, "-pix_fmt", "yuv420p10le", *r.WIDE, *OPUS), sound=TRANSCODED
        ),
        Animal("AV1 with grain and tiles", ".mkv", made(*r.AV1_GRAIN, *AAC)),
        Animal("AV1, Vorbis", ".webm", made(*r.AV1, "-c:a", "libvorbis"), sound=TRANSCODED),
        Animal("AV1, FLV", ".flv", made(*r.AV1, *AAC)),
        Animal("AV1, IVF", ".ivf", made(*r.AV1, sound=False), sound=NONE),
        Animal("AV1, raw", ".obu", made(*r.AV1, sound=False), sound=NONE),
        Animal("VP9, Opus", ".webm", made(*VP9, *OPUS), sound=TRANSCODED),
        Animal("VP9 with hidden pictures", ".webm", made(*r.VP9_HIDDEN, *OPUS), sound=TRANSCODED),
        Animal(
            "VP9 profile 2, 10 bit",
            ".webm",
            made(*VP9, "-pix_fmt", "yuv420p10le", "-profile:v", "2", *OPUS),
            sound=TRANSCODED,
        ),
        Animal("VP9 with alpha: without it", ".webm", r.vp9_alpha, sound=NONE),
        Animal("VP9, IVF", ".ivf", made(*VP9, sound=False), sound=NONE),
    ),
    "Other pictures": (
        Animal("Motion JPEG, AVI", ".avi", made("-c:v", "mjpeg", "-q:v", "3", *AAC), TRANSCODED),
        Animal("Motion JPEG, raw", ".mjpeg", made("-c:v", "mjpeg", "-q:v", "3", sound=False), TRANSCODED, sound=NONE),
        Animal(
            "one JPEG picture",
            ".jpg",
            made("-frames:v", "1", sound=False),
            TRANSCODED,
            sound=NONE,
            shown=(range(1),),
        ),
        Animal(
            "MPEG-2, AC-3, MPEG programme stream",
            ".vob",
            made("-c:v", "mpeg2video", *OLD, "-c:a", "ac3", "-f", "vob"),
            TRANSCODED,
            sound=TRANSCODED,
            shown=B_LAST,
        ),
        Animal("VP8, IVF", ".ivf", made(*VP8, sound=False), TRANSCODED, sound=NONE),
        Animal(
            "uncompressed (Y4M)", ".y4m", made("-c:v", "rawvideo", sound=False), REFUSED, 'unknown codec "rawvideo"'
        ),
        Animal("DV", ".mov", r.dv, REFUSED, 'unknown codec "dvvideo"'),
        Animal("JPEG 2000", ".mov", made("-c:v", "jpeg2000", *AAC), REFUSED, 'unknown codec "jpeg2000"'),
        Animal(
            "MPEG-4 part 2 with B-frames, MP4",
            ".mp4",
            made("-c:v", "mpeg4", *OLD, "-bf", "2", *AAC),
            TRANSCODED,
            shown=B_LAST,
        ),
        Animal(
            "MPEG-4 part 2 with B-frames and MP3, AVI",
            ".avi",
            made("-c:v", "mpeg4", "-vtag", "XVID", *OLD, "-bf", "2", "-c:a", "libmp3lame"),
            TRANSCODED,
            sound=TRANSCODED,
            shown=B_LAST,
        ),
        Animal(
            "MPEG-2, interlaced, MPEG-TS",
            ".ts",
            made("-c:v", "mpeg2video", "-flags", "+ildct+ilme", *OLD, "-bf", "2", "-c:a", "mp2"),
            TRANSCODED,
            sound=TRANSCODED,
            shown=B_LAST,
        ),
        Animal(
            "MPEG-1",
            ".mpg",
            made("-c:v", "mpeg1video", *OLD, "-c:a", "mp2"),
            TRANSCODED,
            sound=TRANSCODED,
            shown=B_LAST,
        ),
        Animal("H.263, 3GP", ".3gp", made("-c:v", "h263", *OLD, *AAC, size=r.CIF), TRANSCODED),
        Animal("Sorenson H.263, FLV", ".flv", made("-c:v", "flv1", *OLD, *AAC), TRANSCODED),
        Animal("VP8, Vorbis", ".webm", made(*VP8, "-c:a", "libvorbis"), TRANSCODED, sound=TRANSCODED),
        Animal("Theora", ".ogv", made("-c:v", "libtheora", "-c:a", "libvorbis"), REFUSED, 'unknown codec "theora"'),
        Animal("Windows Media", ".asf", made("-c:v", "wmv2", "-c:a", "wmav2"), REFUSED, 'unknown codec "wmv2"'),
        Animal("ProRes", ".mov", made("-c:v", "prores", "-c:a", "pcm_s16le"), REFUSED, 'unknown codec "prores"'),
        Animal(
            "DNxHR",
            ".mov",
            made("-c:v", "dnxhd", "-profile:v", "dnxhr_sq", *AAC, size=(256, 128)),
            REFUSED,
            'unknown codec "dnxhd"',
        ),
        Animal("FFV1", ".mkv", made("-c:v", "ffv1", "-c:a", "flac"), REFUSED, 'unknown codec "ffv1"'),
        Animal("H.266", ".mp4", made("-c:v", "libvvenc", "-preset", "faster", *AAC), REFUSED, 'unknown codec "vvc"'),
        Animal("GIF", ".gif", made("-c:v", "gif", sound=False), REFUSED, 'unknown codec "gif"'),
    ),
    "Sound": (
        Animal("AAC 5.1", ".mp4", made(*H264, "-ac", "6", *AAC)),
        Animal("AAC 7.1", ".mp4", made(*H264, "-ac", "8", *AAC)),
        Animal("AAC at 8 kHz", ".mp4", made(*H264, *AAC, "-ar", "8000", "-ac", "1"), beside=0.13),
        Animal("AAC in LATM, MPEG-TS", ".ts", made(*H264, *AAC, "-mpegts_flags", "latm"), sound=TRANSCODED),
        Animal("AC-3, MPEG-TS", ".ts", made(*H264, "-c:a", "ac3"), sound=TRANSCODED),
        Animal("Opus, MPEG-TS", ".ts", made(*H264, *OPUS), sound=TRANSCODED),
        Animal("MP3, FLV", ".flv", made(*H264, "-c:a", "libmp3lame", "-ar", "44100"), sound=TRANSCODED),
        Animal("G.711, FLV", ".flv", made(*H264, "-c:a", "pcm_alaw", "-ar", "8000"), sound=TRANSCODED),
        Animal("ADPCM, FLV", ".flv", made(*H264, "-c:a", "adpcm_swf", "-ar", "22050", "-ac", "1"), sound=TRANSCODED),
        Animal("TrueHD", ".mkv", made(*H264, "-c:a", "truehd", "-strict", "-2", "-ac", "2"), sound=TRANSCODED),
        Animal("WavPack", ".mkv", made(*H264, "-c:a", "wavpack"), sound=TRANSCODED),
        Animal("AC-3", ".mp4", made(*H264, "-c:a", "ac3"), sound=TRANSCODED),
        Animal("E-AC-3", ".mp4", made(*H264, "-c:a", "eac3"), sound=TRANSCODED),
        Animal("FLAC", ".mkv", made(*H264, "-c:a", "flac"), sound=TRANSCODED),
        Animal("ALAC", ".mp4", made(*H264, "-c:a", "alac"), sound=TRANSCODED),
        Animal("Vorbis", ".mkv", made(*H264, "-c:a", "libvorbis"), sound=TRANSCODED),
        Animal("DTS", ".mkv", made(*H264, "-c:a", "dca", "-strict", "-2", "-ac", "2"), sound=TRANSCODED),
        Animal("linear PCM", ".mkv", made(*H264, "-c:a", "pcm_s16le"), sound=TRANSCODED),
        Animal("linear PCM, 24 bit", ".mov", made(*H264, "-c:a", "pcm_s24le"), sound=TRANSCODED),
        Animal("G.711", ".mkv", made(*H264, "-c:a", "pcm_alaw", "-ar", "8000"), sound=TRANSCODED),
        Animal("AMR", ".3gp", made(*H264, "-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1"), sound=TRANSCODED),
        Animal("MP3, MP4", ".mp4", made(*H264, "-c:a", "libmp3lame"), sound=TRANSCODED),
        Animal("Opus, MP4", ".mp4", made(*H264, *OPUS), sound=TRANSCODED),
        Animal("FLAC, MP4", ".mp4", made(*H264, "-c:a", "flac"), sound=TRANSCODED),
        Animal("MPEG audio, MPEG-TS", ".ts", made(*H264, "-c:a", "mp2"), sound=TRANSCODED),
        Animal("E-AC-3, MPEG-TS", ".ts", made(*H264, "-c:a", "eac3"), sound=TRANSCODED),
        Animal("linear PCM, upper bytes first", ".mov", made(*H264, "-c:a", "pcm_s16be"), sound=TRANSCODED),
        Animal("linear PCM, 8 bit", ".avi", made(*H264, "-c:a", "pcm_u8"), sound=TRANSCODED),
        Animal("linear PCM, floating point", ".mov", made(*H264, "-c:a", "pcm_f32le"), sound=TRANSCODED),
        Animal("G.711, AVI", ".avi", made(*H264, "-c:a", "pcm_mulaw", "-ar", "8000"), sound=TRANSCODED),
        Animal("MP3 alone", ".mp3", made(*ALONE, "-c:a", "libmp3lame"), NONE, sound=TRANSCODED),
        Animal("WAV", ".wav", made(*ALONE, "-c:a", "pcm_s16le"), NONE, sound=TRANSCODED),
        Animal("Opus alone", ".opus", made(*ALONE, *OPUS), NONE, sound=TRANSCODED),
        Animal("AAC alone (ADTS)", ".aac", made(*ALONE, *AAC), NONE),
        Animal("music with a cover: without it", ".m4a", r.cover, NONE),
    ),
    "Files": (
        Animal("MPEG-TS whose clock wraps", ".ts", made(*x264(b_frames=2), *AAC, "-output_ts_offset", "95442.7")),
        Animal(
            "MPEG-TS, two recordings end to end", ".ts", r.joined(made(*H264, *AAC), made(*H264, *AAC)), shown=TWICE
        ),
        Animal(
            "MPEG-TS, two recordings with other tracks",
            ".ts",
            r.joined(made(*H264, *AAC), made(*H264, *AAC, *r.OTHER_TRACKS)),
            shown=TWICE,
            # The first one's sound is longer than its picture.
            steps=(40, 46),
        ),
        Animal("MPEG-TS with checksums (204 bytes)", ".ts", r.with_checksums(made(*x264(b_frames=2), *AAC))),
        Animal(
            "MPEG-TS whose picture changes its size",
            ".ts",
            r.joined(made(*H264, *AAC), made(*H264, *AAC, size=(192, 112))),
            shown=TWICE,
        ),
        Animal("MPEG-TS with a hole", ".ts", r.cut(0.3, 0.35, made(*H264, *AAC))),
        Animal("MPEG-TS cut off", ".ts", r.cut(0.901, 1, made(*H264, *AAC)), shown=CUT),
        Animal("MPEG-TS filled up to a rate", ".ts", made(*x264(b_frames=2), *AAC, "-muxrate", "2M")),
        Animal("M2TS", ".m2ts", made(*x264(b_frames=2), *AAC, "-f", "mpegts", "-mpegts_m2ts_mode", "1")),
        Animal("Matroska cut off", ".mkv", r.cut(0.9, 1, made(*H264, *AAC)), shown=CUT),
        Animal("Matroska as it is streamed", ".mkv", made(*H264, *AAC, "-live", "1")),
        Animal("fragmented MP4 cut off", ".mp4", r.cut(0.9, 1, made(*H264, *AAC, *FRAGMENTED)), shown=CUT),
        Animal(
            "MP4 cut off, without its index",
            ".mp4",
            r.cut(0.9, 1, made(*H264, *AAC)),
            REFUSED,
            "holds neither video nor audio",
        ),
        Animal("times that begin at an hour", ".mkv", made(*H264, *AAC, "-output_ts_offset", "3600")),
        Animal("times that begin below zero", ".mkv", made(*x264(b_frames=2), *AAC, "-output_ts_offset", "-0.5")),
        Animal("a poster in front of the picture: without it", ".mp4", r.poster),
        Animal("with subtitles: without them", ".mkv", r.with_subtitles),
        Animal("two sounds: the first", ".mkv", r.two_languages),
        Animal("two sounds, of which nobody knows the first", ".mov", r.unknown_sound_first, told="is played, and"),
        Animal("Dahua's recordings", ".dav", r.dahua, sound=TRANSCODED),
        Animal("Hikvision's recordings", ".mpg", r.hikvision, sound=TRANSCODED),
        Animal("one picture", ".mp4", made(*H264, "-frames:v", "1", sound=False), shown=(range(1),), sound=NONE),
        Animal("an empty file", ".mp4", r.literally(b""), REFUSED, NO_FILE),
        Animal("a text", ".mp4", r.literally(b"This is no video.\n" * 50), REFUSED, NO_FILE),
        Animal("a playlist", ".m3u8", r.literally(r.PLAYLIST), REFUSED, NO_FILE),
    ),
    "GStreamer's files": (
        Animal("GStreamer's MP4", ".mp4", r.gstreamer(GST_X264, "mp4mux")),
        Animal("GStreamer's fragmented MP4", ".mp4", r.gstreamer(GST_X264, "mp4mux fragment-duration=500"), tone=0.92),
        Animal("GStreamer's Matroska", ".mkv", r.gstreamer(GST_X264, "matroskamux")),
        Animal("GStreamer's MPEG-TS", ".ts", r.gstreamer(GST_X264, "mpegtsmux")),
        Animal("GStreamer's FLV", ".flv", r.gstreamer(GST_X264, "flvmux")),
        Animal(
            "GStreamer's AVI with JPEG and PCM",
            ".avi",
            r.gstreamer("jpegenc", "avimux", "audioconvert"),
            TRANSCODED,
            sound=TRANSCODED,
        ),
    ),
}
