"""What a recording takes on its way to the thread: the C form and the Python beside it, and that the former is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.integration.kit import camera, until
from tests.media import made

from camcast import Config, Engine, SessionConfig
from camcast.media import MediaKind, Packet, Track, Unit
from camcast_record.batch import Batch
from camcast_record.transport import RecordTransport

PICTURE = Track(kind=MediaKind.VIDEO, codec="h264")
SOUND = Track(kind=MediaKind.AUDIO, codec="aac")


def unit(track: Track, size: int, *, keyframe: bool = False) -> Packet:
    return Packet(track=track, dts=0, pts=0, payload=bytes(size), keyframe=keyframe)


def test_what_begins_a_fragment_or_is_too_much_is_looked_at() -> None:
    batch = Batch(room=10, whole_at=100)
    assert batch.take(unit(PICTURE, 4), 99)
    assert batch.take(unit(SOUND, 6, keyframe=True), 99)
    assert [batch.size, batch.taken, len(batch.units)] == [10, 10, 2]
    for one, time in [(unit(SOUND, 1), 0), (unit(SOUND, 0), 100), (unit(PICTURE, 0, keyframe=True), 0)]:
        assert not batch.take(one, time)
    assert [batch.size, batch.taken, len(batch.units)] == [10, 10, 2]


@pytest.mark.native
@given(
    st.lists(st.tuples(st.sampled_from([PICTURE, SOUND]), st.integers(0, 300), st.integers(-5, 120)), max_size=30),
    st.integers(0, 2000),
)
def test_the_c_form_takes_the_same(units: list[tuple[Track, int, int]], room: int) -> None:
    """Pictures that stand alone do not come to it."""
    one, other = (Batch(room=room, whole_at=100) for _ in range(2))
    native: Any = other
    for track, size, time in units:
        packet = unit(track, size)
        taken = native.packet(time, packet, packet.payload)
        assert (taken is not None) == one.take(packet, time)
        assert taken in (None, one.taken)
        assert [one.size, one.taken, one.room] == [other.size, other.taken, other.room]
        assert [time for _, time in one.units] == [time for _, time in other.units]


@pytest.mark.native
async def test_the_fast_path_hands_nearly_all_to_the_c_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sends = 0
    plain = RecordTransport.send

    def counted(self: RecordTransport, unit: Unit, time: int) -> int | None:
        nonlocal sends
        sends += 1
        return plain(self, unit, time)

    monkeypatch.setattr(RecordTransport, "send", counted)
    output = SessionConfig(camera_id=0, url=f"record://{tmp_path}/%H%M%S.mp4")
    async with Engine(Config(cameras=(camera(0, made("h264_aac"), output),))) as engine:
        await until(lambda: sum(one.metrics.frames_sent for one in engine.sessions) >= 200, 60)
        (session,) = engine.sessions
        frames, sent = sends, session.metrics.frames_sent
    assert frames <= sent / 4
