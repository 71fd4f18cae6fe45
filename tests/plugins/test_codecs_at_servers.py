"""Each codec in our tags at real servers: what they record, or FFmpeg hears, is the clip frame for frame."""

from __future__ import annotations

import asyncio

import pytest
from tests.compare import compare
from tests.media import made
from tests.plugins.codec_kit import our_tags
from tests.plugins.rtmp_kit import attempt, publish_all
from tests.servers.nginx import Nginx
from tests.servers.nms import NodeMediaServer
from tests.servers.stream_reader import Listener

from camcast.host import PluginHost


async def publish(url: str, name: str, **forms: str) -> None:
    tags, packer, _ = our_tags(name, PluginHost(), **forms)
    transport, events = attempt(url)
    # Clips begin before 0 where B-frames or a sound encoder's run-up need it.
    base = max(0, -min(tag.time for tag in tags))
    await publish_all(transport, [*tags, *packer.end()], base=base, tracks=packer.tracks)
    assert not events.errors


@pytest.mark.parametrize("name", ["h264_b_aac", "hevc_b_aac", "hevc10_aac", "av1_opus", "vp9_opus", "h264_pcma"])
async def test_node_media_server(node_media_server: NodeMediaServer, name: str) -> None:
    await publish(node_media_server.url("cam"), name)
    compare(made(name), await asyncio.to_thread(node_media_server.recording, "cam"))


@pytest.mark.parametrize("name", ["h264_b_aac", "h264_aac_mono_16k", "h264_pcma", "h264_mp3"])
async def test_nginx(nginx: Nginx, name: str) -> None:
    await publish(nginx.url("cam"), name)
    compare(made(name), await asyncio.to_thread(nginx.recording, "cam"))


@pytest.mark.parametrize("name", ["h264_b_aac", "hevc_b_aac", "hevc10_aac", "av1_aac", "h264_pcma"])
async def test_ffmpeg_as_the_server(listener: Listener, name: str) -> None:
    await publish(listener.url("cam"), name)
    compare(made(name), await asyncio.to_thread(listener.received))


async def test_hevc_in_its_legacy_form(listener: Listener) -> None:
    await publish(listener.url("cam"), "hevc_b_aac", h265="legacy")
    compare(made("hevc_b_aac"), await asyncio.to_thread(listener.received))
