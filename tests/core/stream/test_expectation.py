"""What the configuration says of a stream's picture, against what the source sends."""

from __future__ import annotations

import attrs
import pytest
from tests.core.world import VIDEO

from camcast.config import EncoderConfig
from camcast.stream.expectation import Expectation


def test_another_codec_than_the_configured_one_is_a_fault_each_time() -> None:
    notes: list[str] = []
    expectation = Expectation(EncoderConfig(type="H264_CBR"), lambda code, text: notes.append(text))
    for _ in range(2):
        error = expectation.compare(VIDEO)
        assert error is not None
        assert error.fatal
        assert "the source sends toyvideo, but encoder.type is H264_CBR" in str(error)
    assert not notes


def test_another_size_or_rate_is_told_once_each() -> None:
    notes: list[str] = []
    wanted = EncoderConfig(width=1920, height=1080, framerate=30)
    expectation = Expectation(wanted, lambda code, text: notes.append(f"{code}: {text}"))
    for rate in (29.97, 25.0, 25.0):
        assert expectation.compare(attrs.evolve(VIDEO, width=1280, height=720, frame_rate=rate)) is None
    assert notes == [
        "format_differs: width is 1280, the configuration expects 1920; sent as it comes",
        "format_differs: height is 720, the configuration expects 1080; sent as it comes",
        "format_differs: framerate is 25, the configuration expects 30; sent as it comes",
    ]


def test_what_is_not_known_is_not_compared() -> None:
    expectation = Expectation(EncoderConfig(width=1920), lambda code, text: pytest.fail(text))
    assert expectation.compare(attrs.evolve(VIDEO, width=0)) is None
