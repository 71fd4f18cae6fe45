"""What people write as a target, by `camcast run` with a file: what the receiver got, and what was told."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest

from camcast.testing.recording import Recording
from camcast_rtmp.receiver import Receiver
from tests.cameras.files import run
from tests.compare import Media, compare, decoded
from tests.integration.test_odd_servers import CLIP, SOME, ended, running
from tests.media import made
from tests.servers.certificates import Authority, Certificate
from tests.servers.demanding import demanding
from tests.servers.srt import LiveTransmit

LATENCY = 2500
"""ms; longer than an attempt's end may take."""
OTHER_TOOLS = (
    "mode=client&transtype=live&timeout=3000000&connect_timeout=3000&rcvbuf=12058624&lossmaxttl=40&linger=5&"
    "tsbpd=1&tsbpddelay=150&mininputbw=0&cryptomode=1&ipv6only=0&groupminstabletimeo=60&retransmitalgo=1&"
    "adapter=0.0.0.0&localaddress=0.0.0.0&wait-for-connection=true&authentication=true&kmrefreshrate=0&"
    "payload_size=ts_size&maxrexmitbw=-1&sndsyn=1&pbkeylen=16&passphrase=&rcvlatency=90&peerlatency=180&iptos=0x20&"
    "enforced_encryption=0&streamId="
)
"""Of FFmpeg, OBS, GStreamer, VLC and libsrt's own tools; none changes anything for a sender."""


async def test_what_stands_around_a_key_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Receiver() as receiver:
        place = f"rtmp://{receiver.host}:{receiver.port}"
        file = tmp_path / "key"
        # As an editor of Windows writes it.
        file.write_bytes(b"\xef\xbb\xbf\tk-file\r\n\r\n")
        monkeypatch.setenv("CAMCAST_TEST_KEY", " k-env?token=a b \r\n")
        monkeypatch.setenv("CAMCAST_TEST_URL", f" {place}/live/k-url \n")
        apart = {"url": place, "app": "live"}
        outputs: dict[str, dict[str, Any]] = {
            "env": {**apart, "stream_key": "env:CAMCAST_TEST_KEY"},
            "file": {**apart, "stream_key": f"file:{file}"},
            "plain": {**apart, "stream_key": " k-plain "},
            "whole": {"url": "env:CAMCAST_TEST_URL"},
            "spaces": {"url": f" {place}/live/k-spaces "},
        }
        async with running(tmp_path, "", loop=False, outputs=outputs) as process:
            status, log = await ended(process)
        assert status == 0, log
        assert {one.app for one in receiver.recordings} == {"live"}
        keys = {one.key for one in receiver.recordings}
        assert keys == {"k-env?token=a b", "k-file", "k-plain", "k-url", "k-spaces"}
        assert min(shown(one, tmp_path) for one in receiver.recordings) > SOME


def shown(recording: Recording, folder: Path) -> int:
    """Pictures that FFmpeg decodes of it."""
    path = folder / "shown.flv"
    path.write_bytes(recording.flv())
    return decoded(Media.read(path).video)


async def test_a_url_without_an_application_is_told(tmp_path: Path) -> None:
    """`rtmp://host/live`: somebody forgot the key, and published as "live"."""
    async with Receiver() as receiver:
        url = f"rtmp://{receiver.host}:{receiver.port}/live"
        async with running(tmp_path, url, loop=False) as process:
            status, log = await ended(process)
        (recording,) = receiver.recordings
        assert (status, recording.app, recording.key) == (0, "", "live")
        assert shown(recording, tmp_path) > SOME
        assert "has no application" in log
    check = await checked(tmp_path)
    assert "cameras[0].streams[0].outputs.odd.url" in check
    assert "has no application" in check


async def test_a_slash_too_few_passes_no_check(tmp_path: Path) -> None:
    urls = ("rtmp:/host/live/x", "rtmp:host/live/x", "srt:/host:9000", "rtmp//host/live/x")
    outputs = {f"slip{number}": {"url": url} for number, url in enumerate(urls)}
    async with running(tmp_path, "", loop=False, outputs=outputs) as process:
        status, log = await ended(process)
    assert status == 2, log
    for name in outputs:
        (line,) = (line for line in log.splitlines() if f"outputs.{name}.url: " in line)
        assert "://host/" in line


async def checked(folder: Path) -> str:
    """What `camcast check` says of the file that `running` made."""
    command = (sys.executable, "-m", "camcast", "check", str(folder / "camcast.json"))
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    return out.decode()


async def test_keys_of_other_tools_are_passed_over_and_told(tmp_path: Path) -> None:
    with LiveTransmit(tmp_path / "server") as server:
        async with running(tmp_path, server.url(OTHER_TOOLS), loop=False) as process:
            status, log = await ended(process)
        assert status == 0, log
        received = await asyncio.to_thread(server.received)
    assert compare(made(CLIP), received, from_keyframe=1).missing_tail == {"video": 0, "audio": 0}
    assert "keys of the URL that change nothing here are ignored" in log
    assert "linger=5 counts as 1.5" in log
    assert "passphrase is empty, so nothing is encrypted" in log


async def test_a_long_latency_of_srt_loses_no_tail_at_a_clean_stop(tmp_path: Path) -> None:
    query = f"latency={LATENCY}"
    with LiveTransmit(tmp_path / "server", query=query) as server:
        async with running(tmp_path, server.url(query), loop=False) as process:
            status, log = await ended(process)
        assert status == 0, log
        received = await asyncio.to_thread(server.received)
    assert compare(made(CLIP), received, from_keyframe=1).missing_tail == {"video": 0, "audio": 0}


async def test_a_source_slower_than_idle_timeout_is_told_of_once(tmp_path: Path) -> None:
    slow = tmp_path / "slow.mp4"
    source = ("-f", "lavfi", "-i", "testsrc=s=160x96:r=1:d=12")
    await asyncio.to_thread(run, *source, "-c:v", "libx264", "-g", "1", "-bf", "0", "-pix_fmt", "yuv420p", slow)
    async with Receiver() as receiver:
        url = receiver.url("live", "cam")
        async with running(tmp_path, url, loop=True, clip=slow, idle_timeout=0.3) as process:
            await receiver.until(lambda: len(receiver.recordings) > 6, timeout=40)
            process.terminate()
            _, log = await ended(process)
        assert sum(shown(one, tmp_path) for one in receiver.recordings) > 6
    assert log.count("set idle_timeout above") == 1, log
    (line,) = (line for line in log.splitlines() if "set idle_timeout above" in line)
    assert "the source sends something every 1 s only" in line


async def test_a_demanded_certificate_is_shown_or_told_of(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    ours = authority.issue("camera", client=True)
    strange = Authority(tmp_path / "other", "Another").issue("camera", client=True)
    tls = demanding(authority.issue(), authority, ssl.TLSVersion.TLSv1_3)
    shared = {"ca_file": str(authority.ca_file), "retry_policy": {"max_attempts": 1, "initial_delay": 0.1}}

    def shown(certificate: Certificate) -> dict[str, str]:
        return {"client_certificate": str(certificate.cert_file), "client_key": str(certificate.key_file)}

    async with Receiver(tls=tls) as receiver:
        outputs = {
            name: {"url": receiver.url("live", name, host="localhost"), **shared, **more}
            for name, more in {"ours": shown(ours), "none": {}, "strange": shown(strange)}.items()
        }
        async with running(tmp_path, "", loop=False, outputs=outputs) as process:
            out, err = await asyncio.wait_for(process.communicate(), 40)
        log = err.decode()
        (recording,) = receiver.recordings
        assert recording.name == "ours"
        (tmp_path / "received.flv").write_bytes(recording.flv())
    compare(made(CLIP), tmp_path / "received.flv", from_keyframe=1)
    sessions = {one["key"].rpartition("/")[2]: one for one in json.loads(out)["sessions"]}
    assert "client_certificate" in sessions["none"]["last_error"]
    assert "client_certificate" in sessions["strange"]["last_error"]
    for text in ("SSLV3", "TLSV1", "_ssl.c", "ALERT"):
        assert text not in log
