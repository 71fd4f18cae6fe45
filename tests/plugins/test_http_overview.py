"""What pages look at every few seconds: all at once, and what has been."""

from __future__ import annotations

import asyncio
import math

from tests.plugins.served import Client, camera, served, wait

from camcast import Config, SystemConfig
from camcast_rtmp.receiver import Receiver


async def test_everything_at_once_and_the_last_minutes_whichever_process_sends() -> None:
    async with Receiver() as receiver:
        await asyncio.to_thread(_look, receiver.url("live", "a"), receiver.url("live", "b"))


def _look(*urls: str) -> None:
    cameras = tuple(camera(number, url) for number, url in enumerate(urls))
    with served(Config(system=SystemConfig(workers=2), cameras=cameras)) as (_engine, client):
        wait(lambda: client.ask("/readyz").status == 200, 60)
        wait(lambda: all(_history(client, number, "bitrate") for number in (0, 1)), 60)
        seen = client.api("/overview").json
        assert [one["name"] for one in seen["cameras"]] == ["gate 0", "gate 1"]
        for number, one in enumerate(seen["cameras"]):
            (stream,) = one["streams"]
            (output,) = stream["outputs"]
            whole = client.api(f"/sessions/{number}/0/rtmp").json
            assert (stream["name"], stream["state"]) == ("main", "running")
            assert (output["key"], output["output"], output["targets"]) == (f"{number}/0/rtmp", "rtmp", 1)
            same = ("key", "label", "state", "health", "target", "target_index", "last_error", "unconfirmed")
            assert {name: output[name] for name in same} == {name: whole[name] for name in same}
            assert 0 < output["round_trip"] < 1
            kept = client.api(f"/sessions/{number}/0/rtmp/history").json
            lists = [kept[name] for name in ("target", "bitrate", "lag", "dropped", "round_trip")]
            assert len({len(one) for one in lists}) == 1
            assert kept["target"][-1] == 0
            assert kept["round_trip"][-1] > 0
            assert math.isclose(kept["until"], seen["time"], abs_tol=30)
            (last,) = client.api(f"/sessions/{number}/0/rtmp/history?limit=1").json["bitrate"]
            assert last > 0
        assert seen["totals"]["active"] == 2
        assert client.api("/sessions/7/0/rtmp/history").status == 404
        assert client.api("/sessions/0/0/rtmp/history?limit=451").status == 422


def _history(client: Client, number: int, name: str) -> list[float]:
    answer = client.api(f"/sessions/{number}/0/rtmp/history")
    return [one for one in answer.json[name] if one] if answer.status == 200 else []
