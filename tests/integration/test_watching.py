"""Streams that no browser takes as they are, watched all the same: by the transcoder, with aiortc as the viewer."""

from __future__ import annotations

import pytest

from camcast import SessionConfig
from camcast.media import MediaKind
from tests.integration.kit import balance, camera, connected, engine
from tests.media import made
from tests.plugins.whep_kit import watching
from tests.servers.process import free_port


@pytest.mark.parametrize("clip", ["h264_b_aac", "hevc_aac"])
async def test_what_browsers_do_not_take_is_transcoded_for_them(clip: str) -> None:
    port = free_port()
    session = SessionConfig(camera_id=0, output="browser", url=f"whep://127.0.0.1:{port}/gate")
    async with engine(camera(0, made(clip), session)) as running:
        await connected(running)
        async with watching(f"http://127.0.0.1:{port}/gate") as viewers:
            await viewers.until(lambda v: len(v.units(0, MediaKind.VIDEO)) >= 40 and v.units(0, MediaKind.AUDIO))
            # In decode order is in the order in which they are shown: there are no B-frames.
            ticks = [unit["time"] for unit in viewers.units(0, MediaKind.VIDEO)]
            assert ticks == sorted(ticks)
            (one,) = running.sessions
            assert one.metrics.transport["viewers"] == 1
            assert one.metrics.healthy
            await viewers.leave()
        balance(running)
