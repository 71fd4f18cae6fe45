"""How files are made that people have: by FFmpeg's program, by GStreamer's, byte by byte. See `zoo.py` for which."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from struct import pack

from tests.cameras import clips, files, uncompressed
from tests.cameras.files import AAC, run

FRAMES = 50
GOP = 12
CIF = (176, 144)
"""H.263 knows few sizes."""
Recipe = Callable[[Path], object]
"""Makes a file there."""


def made(*arguments: str, size: tuple[int, int] = clips.SIZE, sound: bool = True) -> Recipe:
    """FFmpeg makes it from pictures and tone."""
    return lambda path: files.make(path, *arguments, frames=FRAMES, size=size, sound=sound)


def again(*arguments: str, of: Recipe, suffix: str = ".mp4", before: tuple[str, ...] = ()) -> Recipe:
    """FFmpeg makes it from another file, copied unless told otherwise."""

    def make(path: Path) -> Path:
        plain = path.with_name(f"plain{suffix}")
        of(plain)
        run(*before, "-i", plain, "-map", "0", "-c", "copy", *arguments, path)
        return path

    return make


def x264(*more: str, params: str = "", b_frames: int = 0, coder: str = "libx264") -> tuple[str, ...]:
    params = f"scenecut=0:b-adapt=0:sliced-threads=0:threads=1{':' if params else ''}{params}"
    return (
        "-c:v", coder, "-preset", "veryfast", "-g", str(GOP), "-bf", str(b_frames), "-x264-params", params, *more,
    )  # fmt: skip


def x265(*more: str, params: str = "", b_frames: int = 0) -> tuple[str, ...]:
    params = f":{params}" if params else ""
    params = f"bframes={b_frames}:keyint={GOP}:min-keyint={GOP}{params}"
    params = f"log-level=none:pools=none:frame-threads=1:scenecut=0:b-adapt=0:{params}"
    return ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", params, *more)


AV1 = ("-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "lp=1:scd=0", "-g", str(GOP))
AV1_GRAIN = (
    "-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "lp=1:scd=0:film-grain=8:tile-columns=1", "-g", str(GOP),
)  # fmt: skip
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k", "-g", str(GOP), "-threads", "1")
VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "800k", "-g", str(GOP), "-threads", "1")
OPUS = ("-c:a", "libopus", "-b:a", "64k")
H264 = x264("-tune", "zerolatency")
FRAGMENTED = ("-movflags", "frag_keyframe+empty_moov+default_base_moof")
HDR10 = "hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:max-cll=1000,400"
HLG = "colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"
WIDE = ("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc")


def bits(shape: uncompressed.Shape) -> Recipe:
    """H.264 written bit by bit, raw."""

    def make(path: Path) -> Path:
        pictures = [clips.picture(number) for number in range(FRAMES)]
        path.write_bytes(b"".join(uncompressed.stream(pictures, shape)))
        return path

    return make


def two_timestamps(path: Path) -> None:
    plain = path.with_name("single.mkv")
    files.make(plain, *H264, *AAC, frames=FRAMES)
    run("-i", plain, "-c", "copy", "-bsf:v", "setts=ts='if(eq(mod(N,10),9),PREV_OUTPTS,PTS)'", path)


def joined(*parts: Recipe) -> Recipe:
    """Two transport streams end to end, as `cat` makes them."""

    def make(path: Path) -> Path:
        data = b""
        for number, part in enumerate(parts):
            piece = path.with_name(f"part{number}.ts")
            part(piece)
            data += piece.read_bytes()
        path.write_bytes(data)
        return path

    return make


def cut(begin: float, end: float, of: Recipe) -> Recipe:
    """Bytes are missing from the middle, or from the end on where `end` is 1. Shares of the whole."""

    def make(path: Path) -> Path:
        of(path)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * begin)] + data[int(len(data) * end) :])
        return path

    return make


def literally(data: bytes) -> Recipe:
    return lambda path: path.write_bytes(data)


def encrypted(path: Path) -> None:
    key = "00112233445566778899aabbccddeeff"
    again(
        "-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key, "-encryption_kid", key, of=made(*H264, *AAC)
    )(path)  # fmt: skip


def dolby_vision(path: Path) -> None:
    """Profile 8.1's signal (dvvC) in an ordinary HDR10 file; the metadata in the stream itself cannot be made here."""
    made(*x265("-pix_fmt", "yuv420p10le", "-tag:v", "hvc1", params=HDR10), *AAC)(path)
    data = path.read_bytes()
    record = bytes((1, 0, 8 << 1, 1 << 3 | 0b101, 1 << 4)) + bytes(19)
    box = (8 + len(record)).to_bytes(4, "big") + b"dvvC" + record
    at = data.index(b"hvcC") - 4
    end = at + int.from_bytes(data[at : at + 4], "big")
    out = bytearray(data[:end] + box + data[end:])
    # All boxes around it are longer now; the index is behind the media, so no offset moves.
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hvc1"):
        where = data.rindex(name, 0, at) - 4
        out[where : where + 4] = (int.from_bytes(data[where : where + 4], "big") + len(box)).to_bytes(4, "big")
    path.write_bytes(out)


def vp9_alpha(path: Path) -> None:
    head = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "160x96", "-r", "25", "-i", "-")
    run(*head, "-vf", "format=yuva420p", *VP9, "-auto-alt-ref", "0", path, pictures=files.raw(FRAMES))


def cover(path: Path) -> None:
    """A music file's picture is no video."""
    picture = path.with_name("cover.png")
    run("-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", picture)
    run(
        "-i", files.tone(path.with_name("tone.wav"), 2.0), "-i", picture, "-map", "0", "-map", "1", "-c:a", "aac",
        "-c:v", "png", "-disposition:v", "attached_pic", path,
    )  # fmt: skip


def with_subtitles(path: Path) -> None:
    text = path.with_name("text.srt")
    text.write_text("1\n00:00:00,000 --> 00:00:02,000\nHello\n")
    plain = path.with_name("plain.mp4")
    files.make(plain, *H264, *AAC, frames=FRAMES)
    run("-i", plain, "-i", text, "-map", "0", "-map", "1", "-c", "copy", "-c:s", "srt", path)


def two_languages(path: Path) -> None:
    plain = path.with_name("plain.mp4")
    files.make(plain, *H264, *AAC, frames=FRAMES)
    run("-i", plain, "-map", "0:v", "-map", "0:a", "-map", "0:a", "-c", "copy", path)


def gstreamer(encode: str, mux: str, sound: str = "audioconvert ! avenc_aac") -> Recipe:
    """GStreamer makes it."""

    def make(path: Path) -> Path:
        pictures = path.with_name("pictures.yuv")
        pictures.write_bytes(files.raw(FRAMES))
        tone = files.tone(path.with_name("tone.wav"), FRAMES / files.FPS)
        raw = "rawvideoparse format=i420 width=160 height=96 framerate=25/1"
        gst_launch(
            f"filesrc location={pictures} ! {raw} ! {encode} ! queue ! m. "
            f"filesrc location={tone} ! wavparse ! {sound} ! queue ! m. "
            f"{mux} name=m ! filesink location={path}"
        )
        return path

    return make


def gst_launch(pipeline: str) -> None:
    done = subprocess.run(
        ["gst-launch-1.0", "-q", *pipeline.split()], check=False, timeout=60, capture_output=True, text=True
    )
    assert not done.returncode, done.stderr[-1000:]


VP9_HIDDEN = (
    "-c:v", "libvpx-vp9", "-b:v", "300k", "-cpu-used", "8", "-auto-alt-ref", "1", "-lag-in-frames", "12",
    "-g", str(GOP), "-threads", "1",
)  # fmt: skip
PLAYLIST = b"#EXTM3U\n#EXTINF:2,\nhttp://192.0.2.1/a.ts\n#EXT-X-ENDLIST\n"
GST_X264 = f"x264enc key-int-max={GOP} speed-preset=veryfast threads=1 bframes=2 b-adapt=false ! h264parse"


def uneven(path: Path) -> None:
    """Pictures are 56 and 24 ms apart in turn."""
    moved = "setpts='(N+0.4*mod(N,2))*40'"
    made(*H264, *AAC, "-vf", f"settb=1/1000,{moved}", "-fps_mode", "passthrough", "-enc_time_base", "1/1000")(path)


def turned(path: Path) -> None:
    again(of=made(*H264, *AAC), before=("-display_rotation:v:0", "270"))(path)


def turned_hlg(path: Path) -> None:
    of = made(*x265("-pix_fmt", "yuv420p10le", params=HLG), *AAC)
    again("-tag:v", "hvc1", of=of, before=("-display_rotation:v:0", "90"))(path)


OTHER_TRACKS = ("-mpegts_start_pid", "0x300", "-mpegts_pmt_start_pid", "0x1010", "-mpegts_service_id", "7")
"""By the numbers of another recorder's transport stream."""


def with_checksums(of: Recipe) -> Recipe:
    """A transport stream of packets of 204 bytes; the last 16 are nobody's business here."""

    def make(path: Path) -> Path:
        of(path)
        data = path.read_bytes()
        path.write_bytes(b"".join(data[at : at + 188] + bytes(16) for at in range(0, len(data), 188)))
        return path

    return make


def poster(path: Path) -> None:
    """The first video track is a picture of what the film is about."""
    picture = path.with_name("poster.png")
    run("-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", picture)
    plain = path.with_name("plain.mp4")
    files.make(plain, *H264, *AAC, frames=FRAMES)
    run(
        "-i", picture, "-i", plain, "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic", path,
    )  # fmt: skip


def dv(path: Path) -> None:
    made("-c:v", "dvvideo", "-s", "720x576", "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le")(path)


def dahua(path: Path) -> None:
    """What Dahua's recorders export (.dav): each unit between "DHAV" and "dhav"."""
    pictures = clips.video("h264", frames=FRAMES)
    phone = clips.sound("pcm_alaw", seconds=FRAMES / clips.FPS, rate=8_000, channels=1, start=1.0)
    width, height = clips.SIZE
    shown = bytes((0x80, 0, width // 8, height // 8, 0x81, 0, 2, clips.FPS))
    units = [(unit.dts, 0xFD if unit.keyframe else 0xFC, shown, unit.data) for unit in pictures.units]
    # G.711 A-law at 8 kHz.
    units += [(unit.dts, 0xF0, b"\x83\x01\x0e\x02", unit.data) for unit in phone.units]
    parts = []
    for number, (at, kind, more, data) in enumerate(sorted(units, key=lambda unit: unit[0])):
        size = 24 + len(more) + len(data) + 8
        # 2026-01-01 00:00, and seconds.
        date = 26 << 26 | 1 << 22 | 1 << 17 | at // 1000
        head = b"DHAV" + bytes((kind, 0, 0, 0)) + pack("<IIIHB", number, size, date, at, len(more))
        parts.append(head + bytes((sum(head) & 0xFF,)) + more + data + b"dhav" + pack("<I", size))
    path.write_bytes(b"".join(parts))


def hikvision(path: Path) -> None:
    """What Hikvision's recorders export: a programme stream behind forty bytes of their own."""
    made(*H264, "-c:a", "mp2", "-f", "vob")(path)
    path.write_bytes(b"IMKH\x01\x01".ljust(40, b"\0") + path.read_bytes())


def unknown_sound_first(path: Path) -> None:
    """As phones that record sound around them (MOV)."""
    plain = path.with_name("plain.mp4")
    files.make(plain, *H264, *AAC, frames=FRAMES)
    run("-i", plain, "-map", "0:v", "-map", "0:a", "-map", "0:a", "-c", "copy", path)
    data = path.read_bytes()
    at = data.index(b"mp4a", data.index(b"stsd", data.index(b"smhd")))
    path.write_bytes(data[:at] + b"apac" + data[at + 4 :])
