"""Our client at real servers: nginx-rtmp, node-media-server, and FFmpeg's own listener."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from tests.compare import Media, compare
from tests.media import made
from tests.plugins.rtmp_kit import AUDIO, VIDEO, Events, attempt, publish_all, tags_of
from tests.servers.certificates import Authority, Certificate
from tests.servers.nginx import Nginx
from tests.servers.nms import NodeMediaServer
from tests.servers.stream_reader import Listener

from camcast.errors import BusyError, NetworkError, TransportError, UnexplainedRefusal
from camcast.media import Tag, TagType
from camcast_kit_rtmp import answers


async def told(events: Events, timeout: float = 10.0) -> TransportError:
    async with asyncio.timeout(timeout):
        while not events.errors:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return events.errors[0]


async def fails(url: str, tags: Sequence[Tag] = (), **fields: Any) -> TransportError:
    """The error of an attempt, wherever it is told."""
    transport, events = attempt(url, **fields)
    try:
        await transport.connect()
        await transport.publish((VIDEO, AUDIO))
        for tag in tags:
            transport.send(tag, tag.time)
        return await told(events)
    except TransportError as error:
        return error
    finally:
        await transport.close()


@pytest.mark.parametrize("name", ["h264_aac", "h264_b_aac"])
async def test_nginx_records_every_frame(nginx: Nginx, name: str) -> None:
    transport, events = attempt(nginx.url("cam"))
    await publish_all(transport, tags_of(made(name)))
    compare(made(name), await asyncio.to_thread(nginx.recording, "cam"))
    assert not events.errors
    # the clean ending frees the name at once
    await publish_all(attempt(nginx.url("cam"))[0], tags_of(made(name)))


async def test_nginx_behind_tls_records_every_frame(
    start_nginx: Any, authority: Authority, certificate: Certificate
) -> None:
    nginx = start_nginx(certificate=certificate)
    transport, events = attempt(nginx.tls_url("cam"), ca_file=str(authority.ca_file))
    await publish_all(transport, tags_of(made("h264_b_aac")))
    compare(made("h264_b_aac"), await asyncio.to_thread(nginx.recording, "cam"))
    assert not events.errors


async def test_node_media_server_records_every_frame(node_media_server: NodeMediaServer) -> None:
    server = node_media_server
    transport, events = attempt(server.url("cam"))
    await publish_all(transport, tags_of(made("h264_b_aac")))
    compare(made("h264_b_aac"), await asyncio.to_thread(server.recording, "cam"))
    assert not events.errors


@pytest.mark.parametrize("name", ["h264_aac", "h264_b_aac", "hevc_b_aac", "av1_aac"])
async def test_ffmpeg_listening_receives_every_frame(listener: Listener, name: str) -> None:
    await publish_all(attempt(listener.url("cam"))[0], tags_of(made(name)))
    compare(made(name), await asyncio.to_thread(listener.received))


@pytest.mark.parametrize("limit", [0xFFFFFF, 2**31, 2**32], ids=["0xFFFFFF", "2^31", "2^32"])
async def test_a_base_near_an_overflow_at_nginx(nginx: Nginx, limit: int) -> None:
    source = made("h264_b_aac")
    await publish_all(attempt(nginx.url("cam"))[0], tags_of(source), base=limit - 2000)
    recording = await asyncio.to_thread(nginx.recording, "cam")
    # FLV files have 32 bits and FFmpeg reads them as signed, so beyond 2^31 only the media itself is compared
    compare(source, recording)


async def test_a_base_near_0xffffff_at_ffmpeg(listener: Listener) -> None:
    source = made("h264_b_aac")
    await publish_all(attempt(listener.url("cam"))[0], tags_of(source), base=0xFFFFFF - 2000)
    media: Media = await asyncio.to_thread(listener.received)
    compare(source, media)


async def test_nginx_says_no(nginx: Nginx) -> None:
    tags = tags_of(made("h264_aac"))[:20]
    error = await fails(nginx.url("cam", "nosuchapp"))
    assert (type(error), error.stage) == (UnexplainedRefusal, "command")
    assert "usually an unknown application" in str(error)
    error = await fails(nginx.url("cam", "denied"), tags)
    assert isinstance(error, UnexplainedRefusal)
    assert error.stage == "publish"
    error = await fails(nginx.url("cam", "hooked"), tags)
    assert isinstance(error, UnexplainedRefusal)
    assert nginx.hook_calls[0]["name"] == "cam"
    nginx.hook_status = 200
    await publish_all(attempt(nginx.url("cam", "hooked"))[0], tags)


async def test_a_name_in_use_at_nginx(nginx: Nginx) -> None:
    transport, _ = attempt(nginx.url("cam?token=1", "live"))
    await transport.connect()
    await transport.publish((VIDEO,))
    error = await fails(nginx.url("cam?token=2", "live"))
    assert isinstance(error, BusyError)
    assert "NetStream.Publish.BadName" in str(error)
    await transport.close()
    await publish_all(attempt(nginx.url("cam", "live"))[0], tags_of(made("h264_aac"))[:20])


async def test_a_name_in_use_at_node_media_server(node_media_server: NodeMediaServer) -> None:
    """It says Publish.Start and closes then: what `after_start` is for."""
    server = node_media_server
    transport, events = attempt(server.url("cam"))
    await transport.connect()
    await transport.publish((VIDEO,))
    error = await fails(server.url("cam"))
    assert isinstance(error, UnexplainedRefusal)
    assert error.after_start
    assert not events.errors
    await transport.close()


async def test_a_server_that_dies(nginx: Nginx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "START_STANDS_AFTER", 0.0)
    transport, events = attempt(nginx.url("cam"))
    await transport.connect()
    await transport.publish((VIDEO,))
    nginx.kill()
    error = await told(events)
    assert (type(error), error.stage) == (NetworkError, "streaming")
    await transport.close()
    error = await fails(nginx.url("cam"))
    assert "Connection refused" in str(error)


async def test_a_message_larger_than_nginx_takes(start_nginx: Any) -> None:
    nginx = start_nginx(max_message="1M")
    error = await fails(nginx.url("cam"), [Tag(TagType.VIDEO, 0, b"\x17\x01\0\0\0", bytes(2 << 20))])
    assert isinstance(error, UnexplainedRefusal)
    assert "a message of 2097157 bytes, nginx-rtmp takes 1 MiB unless max_message says more" in str(error)
