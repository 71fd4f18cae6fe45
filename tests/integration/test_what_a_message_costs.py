"""What a message in the steady state costs, counted: calls of Python functions on its way to the socket.

Time says little on a machine that others use, and counts do not depend on it.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from camcast import CameraConfig, Engine, SessionConfig, SourceConfig, StreamConfig
from camcast.contracts import PushHandle
from camcast.host import PluginHost
from camcast.media import MediaKind, Packet
from camcast.native import extension
from camcast_aac.codec import with_adts
from camcast_file.shared import load
from camcast_rtmp.receiver import Receiver
from tests.calls import counted
from tests.integration.kit import connected, engine
from tests.media import made

AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO
NATIVE = extension is not None
PICTURE = 0 if NATIVE else 15
SOUND = 0 if NATIVE else 14
"""Calls of Python functions at the most: from the program's to the socket's. Two are each rendition's."""
FURTHER = 0 if NATIVE else 4
"""For each further output of the same stream."""


def pushed(*urls: str) -> CameraConfig:
    source = SourceConfig(type="push", options={"audio": "aac"})
    sessions = tuple(SessionConfig(camera_id=0, url=url, output=f"o{number}") for number, url in enumerate(urls))
    return CameraConfig(camera_id=0, streams=(StreamConfig(stream_id=0, source=source, sessions=sessions),))


class Program:
    """Pushes a clip over and over."""

    def __init__(self, handle: PushHandle) -> None:
        self.handle = handle
        clip = load(made("h264_aac"), PluginHost(allow=["h264", "aac"]).codec)
        self.packets = [(p, with_adts(p) if p.track.kind is AUDIO else p.payload) for p in clip.packets]
        self.length = clip.start(1)
        self.turn = 0

    async def round(self) -> list[tuple[Packet, Counter[str]]]:
        """Push the clip once; what each packet was and the calls that pushing it made."""
        found = []
        for packet, data in self.packets:
            at = self.turn * self.length
            calls: Counter[str] = Counter()
            with counted(calls):
                taken = self.handle.packet(data, kind=packet.track.kind, dts=packet.dts + at, pts=packet.pts + at)
            assert taken
            found.append((packet, calls))
            await asyncio.sleep(0)  # the receiver is on the same loop
        self.turn += 1
        return found


async def steady(running: Engine) -> Program:
    handle = running.push(0, 0)
    await handle.ready()
    program = Program(handle)
    await program.round()
    await connected(running)
    while not all(one.metrics.frames_sent for one in running.sessions):
        await program.round()
    return program


async def costs(running: Engine, program: Program) -> dict[MediaKind, int]:
    """The usual number of calls for each kind of media, in the steady state."""
    found: dict[MediaKind, list[Counter[str]]] = {VIDEO: [], AUDIO: []}
    before = [one.metrics.frames_sent for one in running.sessions]
    for packet, calls in await program.round():
        if packet.track.kind is AUDIO or not packet.keyframe:
            found[packet.track.kind].append(calls)
    sent = [one.metrics.frames_sent - old for one, old in zip(running.sessions, before, strict=True)]
    assert sent == [len(program.packets)] * len(before), "each went out at once"
    # The usual: now and then the transport is asked how far it is.
    return {kind: sorted(each.total() for each in seen)[len(seen) // 2] for kind, seen in found.items()}


async def test_a_message_passes_few_functions_from_the_program_to_the_socket() -> None:
    async with Receiver(keep=0) as receiver, engine(pushed(receiver.url("live", "a"))) as running:
        program = await steady(running)
        found = await costs(running, program)
    assert found[VIDEO] <= PICTURE
    assert found[AUDIO] <= SOUND


async def test_a_further_output_costs_its_own_send_only() -> None:
    async with Receiver(keep=0) as receiver:
        found = []
        for count in (1, 5):
            urls = [receiver.url("live", f"{count}-{number}") for number in range(count)]
            async with engine(pushed(*urls)) as running:
                program = await steady(running)
                found.append(await costs(running, program))
    for kind in (VIDEO, AUDIO):
        assert found[1][kind] - found[0][kind] <= 4 * FURTHER + 1
