"""How servers write down which codecs they take, by `camcast run` with H.265: what came is what they take."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from camcast.flv import amf0
from camcast.media import TagType
from camcast_rtmp.receiver import Receiver
from tests.compare import Media
from tests.integration.test_odd_dialogues import answers_connect
from tests.integration.test_odd_servers import SOME, running

CLIP = "hevc_aac"
SAYS_YES: Mapping[str, Mapping[str, Any]] = {
    "a list": {"fourCcList": ["av01", "hvc1"]},
    "an array with names": {"fourCcList": amf0.EcmaArray({"0": "hvc1", "1": "av01"})},
    "an object with numbers": {"fourCcList": {"0": "hvc1"}},
    "one text": {"fourCcList": "hvc1"},
    "one text with commas": {"fourCcList": "av01, hvc1,vp09"},
    "all of them": {"fourCcList": ["*"]},
    "in capitals": {"fourCcList": ["HVC1"]},
    "by its other name": {"fourCcList": ["hev1"]},
    "a map": {"videoFourCcInfoMap": {"hvc1": 4.0}},
    "a map of all": {"videoFourCcInfoMap": {"*": 4.0}},
    "a map with yes and no": {"videoFourCcInfoMap": {"hvc1": True, "av01": False}},
    "a map of another name": {"videoFourCcInfoMap": {"hev1": 1.0}},
    "a map that is a list": {"videoFourCcInfoMap": ["hvc1"]},
    "a map with numbers as texts": {"videoFourCcInfoMap": {"hvc1": "4"}},
    "a map of all, and of itself": {"videoFourCcInfoMap": {"*": 0.0, "hvc1": 4.0}},
}
SAYS_NO: Mapping[str, Mapping[str, Any]] = {
    "another in a list": {"fourCcList": ["av01"]},
    "another in a text": {"fourCcList": "av01,vp09"},
    "a map of another": {"videoFourCcInfoMap": {"av01": 4.0}},
    "a map with no": {"videoFourCcInfoMap": {"hvc1": False, "av01": True}},
    "a map of what it sends": {"videoFourCcInfoMap": {"hvc1": 2.0}},
    "nothing in a map": {"videoFourCcInfoMap": {}},
}
NOTHING: Mapping[str, Mapping[str, Any]] = {
    "a list of nothing": {"fourCcList": []},
    "a list of numbers": {"fourCcList": [1.0, 2.0]},
    "no list": {"fourCcList": None},
    "bits alone": {"capsEx": 0.0},
}


def saying(properties: Mapping[str, Any]) -> bytes:
    return amf0.encode(
        "_result",
        1,
        {"fmsVer": "FMS/9,9,9,999", "capabilities": 31.0, **properties},
        {"level": "status", "code": "NetConnection.Connect.Success", "description": "ok"},
    )


def shows(receiver: Receiver) -> bool:
    return bool(receiver.recordings) and receiver.recordings[0].counts[TagType.VIDEO] > SOME


async def test_what_comes_is_what_they_take(tmp_path: Path) -> None:
    cases = {**SAYS_YES, **SAYS_NO, **NOTHING}
    keys = {f"k{number}": name for number, name in enumerate(cases)}
    async with AsyncExitStack() as stack:
        receivers = {name: await stack.enter_async_context(Receiver()) for name in cases}
        for name, receiver in receivers.items():
            receiver.on_accept = answers_connect(saying(cases[name]))
        outputs = {key: {"url": receivers[name].url("live", key)} for key, name in keys.items()}
        async with running(tmp_path, "", loop=True, clip=CLIP, outputs=outputs) as process:
            for receiver in receivers.values():
                await receiver.until(partial(shows, receiver), timeout=60)
            process.terminate()
            out, log = await asyncio.wait_for(process.communicate(), 40)
        sessions = {one["key"].rpartition("/")[2]: one for one in json.loads(out)["sessions"]}
        found = {}
        for key, name in keys.items():
            whole = tmp_path / f"{key}.flv"
            whole.write_bytes(receivers[name].recordings[0].flv())
            codecs = {unit.codec for unit in Media.read(whole).video}
            found[name] = (codecs, sessions[key]["health"])
    expected = {name: ({"hevc"}, "healthy") for name in SAYS_YES}
    expected |= {name: ({"h264"}, "healthy") for name in SAYS_NO}
    expected |= {name: ({"hevc"}, "unconfirmed") for name in NOTHING}
    assert found == expected, log.decode()
