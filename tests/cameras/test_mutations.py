"""Any change to a dialogue that works ends in media, or in an error that names the answer at fault, in time."""

from __future__ import annotations

import asyncio
import re
import time

import attrs
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from camcast.errors import SourceError
from tests.cameras import clips, rtp
from tests.cameras.script import Asked, Reply, Script
from tests.cameras.server import Camera
from tests.plugins.rtsp_kit import running

PATIENCE = 2.0
"""Seconds that the source waits: for a connection, for all answers up to PLAY, for media."""
DEADLINE = 25.0
"""Seconds within which it must be over: both ways of media, each with its waits, on a machine that does much else."""
METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY")
BLAMES = {
    "OPTIONS": "OPTIONS",
    "DESCRIBE": "DESCRIBE|SDP|the camera's video cannot be taken|offers nothing that can be taken",
    # What follows from a wrong description comes out at SETUP or later.
    "SETUP": "SETUP|461|PLAY|no video for|no video that could be shown",
    "PLAY": "PLAY|no video for|no video that could be shown",
}
ALSO = {
    "DESCRIBE": "SETUP|PLAY|no video for|no video that could be shown",
    "OPTIONS": r"is not answered|in answer to DESCRIBE",
}
"""Where a fault may come out later: a description of what does not exist, an answer that swallows the next, takes all
the time, or is followed by rubbish."""


@attrs.frozen
class Mutation:
    """What becomes of the answer to the so manieth request of this method."""

    method: str
    number: int
    kind: str
    at: float = 0.5
    """Where, as a share of the answer."""
    data: bytes = b""
    count: int = 1

    def rule(self, asked: Asked, reply: Reply) -> Reply | None:
        if asked.method != self.method or asked.number != self.number:
            return reply
        match self.kind:
            case "silent":
                return None
            case "status":
                return attrs.evolve(reply, status=self.count, reason="Changed")
            case "closed":
                return attrs.evolve(reply, silent=True, close=True)
        return attrs.evolve(reply, wire=self.changed)

    def changed(self, answer: bytes) -> bytes:
        """The answer's bytes, changed."""
        place = int(self.at * len(answer))
        lines = answer.split(b"\r\n")
        line = int(self.at * len(lines))
        match self.kind:
            case "cut":
                return answer[:place]
            case "remove":
                return answer[:place] + answer[place + self.count :]
            case "insert":
                return answer[:place] + self.data + answer[place:]
            case "replace":
                return answer[:place] + self.data + answer[place + len(self.data) :]
            case "twice":
                return answer * 2
            case "without a line":
                return b"\r\n".join(lines[:line] + lines[line + 1 :])
            case "a line twice":
                return b"\r\n".join([*lines[: line + 1], *lines[line:]])
            case "lines apart":
                return b"\r\n".join(lines[line:] + lines[:line])
            case "other ends":
                return answer.replace(b"\r\n", self.data[:2])
            case _:
                name, colon, _ = lines[line].partition(b":")
                lines[line] = name + colon + self.data
                return b"\r\n".join(lines)


KINDS = (
    "silent", "status", "closed", "cut", "remove", "insert", "replace", "twice", "without a line", "a line twice",
    "lines apart", "other ends", "another value",
)  # fmt: skip
PIECES = (
    b"", b" ", b"0", b"-1", b"99999999999", b"\0", b"\xff\xfe", b"$", b"$\0\0\4abcd", b"\r\n\r\n", b"\n", b"\r",
    b";;==", b"a=",
)  # fmt: skip
STATUSES = (1, 2, 3, 17, 100, 199, 204, 299, 301, 302, 400, 401, 404, 454, 461, 500, 503, 551, 999)
"""Or how many bytes are removed."""


@st.composite
def mutations(draw: st.DrawFn) -> Mutation:
    return Mutation(
        draw(st.sampled_from(METHODS)),
        draw(st.sampled_from((0, 0, 0, 1))),
        draw(st.sampled_from(KINDS)),
        draw(st.floats(0, 1, exclude_max=True)),
        draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=40))),
        draw(st.sampled_from(STATUSES)),
    )


async def ends(mutation: Mutation) -> str:
    """ "" = in media; else what the error says."""
    tracks = [rtp.video_track(clips.video("h264", frames=75)), rtp.aac_track(clips.sound("aac", seconds=3.0))]
    script = Script(tracks, (mutation.rule,))
    async with (
        Camera(script) as camera,
        running(camera.url, connect_timeout=PATIENCE, no_data_timeout=PATIENCE) as run,
    ):
        try:
            await run.until(lambda: run.video, timeout=DEADLINE)
        except SourceError as error:
            return str(error)
    return ""


def at_fault(mutation: Mutation, text: str) -> bool:
    """Whether the error names the answer that was changed, or what follows from it."""
    return re.search(f"{BLAMES[mutation.method]}|{ALSO.get(mutation.method, '$^')}", text) is not None


async def all_of(chosen: list[Mutation]) -> None:
    begun = time.monotonic()
    texts = await asyncio.gather(*map(ends, chosen))
    took = time.monotonic() - begun
    ended = zip(chosen, texts, strict=True)
    unclear = {mutation: text for mutation, text in ended if text and not at_fault(mutation, text)}
    assert not unclear
    assert took < DEADLINE


@pytest.mark.hypothesis
@settings(
    # Few, each of many changes that are tried side by side: they wait most of the time.
    max_examples=2,
    # What failed is told one by one; making that smaller would take minutes.
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(mutations(), min_size=90, max_size=120))
def test_any_change_ends_in_media_or_names_the_answer_at_fault(chosen: list[Mutation]) -> None:
    asyncio.run(all_of(chosen))


@pytest.mark.parametrize("method", METHODS)
def test_each_answer_that_does_not_come_is_named(method: str) -> None:
    said = asyncio.run(ends(Mutation(method, 0, "silent")))
    assert said == "" if method == "OPTIONS" else f"{method} is not answered" in said
