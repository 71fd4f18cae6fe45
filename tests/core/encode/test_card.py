"""Images for the slate: what is read, and what is refused before it takes memory."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from camcast.encode.card import image
from camcast.errors import EncoderError


def bomb(path: Path, width: int, height: int) -> Path:
    """A black PNG of one bit a point."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(((width + 7) // 8 + 1) * height), 9)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
def test_an_image_of_ones_own_is_fitted(tmp_path: Path, format: str) -> None:
    path = tmp_path / "slate"
    Image.new("RGB", (300, 300), (200, 30, 30)).save(path, format)
    picture = image(str(path), 640, 360)
    assert (picture.width, picture.height, picture.format.name) == (640, 360, "yuv420p")
    middle = picture.to_ndarray(format="rgb24")[180, 320]
    assert middle[0] > 150 > middle[1]


def test_a_large_photograph_is_read_small(tmp_path: Path) -> None:
    path = tmp_path / "slate.jpg"
    Image.new("RGB", (8000, 6000), (200, 30, 30)).save(path)
    assert image(str(path), 640, 360).width == 640


@pytest.mark.parametrize("size", [(13_000, 13_000), (30_000, 2_000)])
def test_a_bomb_is_refused_before_it_takes_memory(tmp_path: Path, size: tuple[int, int]) -> None:
    path = bomb(tmp_path / "slate.png", *size)
    assert path.stat().st_size < 30_000
    program = (
        "import sys, resource\n"
        "from camcast.encode.card import image\n"
        "image(sys.argv[2], 64, 64)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: image(sys.argv[1], 640, 360)\n"
        "except Exception as error: print(type(error).__name__)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    good = bomb(tmp_path / "good.png", 64, 64)
    command = [sys.executable, "-c", program, str(path), str(good)]
    kind, grown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert kind == "EncoderError"
    assert int(grown) < 20, "MB"


def test_the_refusal_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"has 60 million points, expected at most 16 .*: make it as large as"):
        image(str(bomb(tmp_path / "slate.png", 30_000, 2_000)), 640, 360)


def test_other_kinds_of_files_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "slate.png"
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(EncoderError, match="cannot be read"):
        image(str(path), 64, 64)
