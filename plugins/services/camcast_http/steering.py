"""Operations that steer what runs; none of them changes the configuration."""

from __future__ import annotations

from typing import Any

from camcast.config.quantities import read_kbps
from camcast.config.rules import MAX_KBPS
from camcast.structure import described
from camcast_http.operation import Call, done, member
from camcast_http.problems import Problem


async def retry(call: Call) -> Any:
    await call.engine.retry(call.key)
    return done(call)


async def pause(call: Call) -> Any:
    await call.engine.pause(call.key)
    return done(call)


async def resume(call: Call) -> Any:
    await call.engine.resume(call.key)
    return done(call)


async def switch(call: Call) -> Any:
    target = member(call.body, "target")["target"]
    if type(target) is not int:
        raise Problem(422, f"target: expected the number of one in the chain, got {described(target)}")
    await call.engine.switch(call.key, target)
    return done(call)


async def retry_source(call: Call) -> Any:
    await call.engine.retry_source(*call.stream)
    return done(call)


async def keyframe(call: Call) -> Any:
    return done(call, await call.engine.request_keyframe(*call.stream))


async def bitrate(call: Call) -> Any:
    wanted = member(call.body, "bitrate")["bitrate"]
    try:
        kbps = read_kbps(wanted, 1, MAX_KBPS)
    except ValueError as error:
        raise Problem(422, f"bitrate: {error}") from None
    return done(call, await call.engine.set_bitrate(*call.stream, kbps))
