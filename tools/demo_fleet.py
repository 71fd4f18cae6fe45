"""`make demo-fleet`: three members of a fleet on this machine, of which one is killed. Nothing stays behind.

A real nats-server, a receiver, and `camcast fleet run` three times; what you see is what `camcast fleet` prints.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

LEASE = 4.0
CAMERAS = 6
READY = 60.0
HERE = "127.0.0.1"


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="camcast-fleet-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        store, receiver = _free_port(), _free_port()
        environment = {**os.environ, "CAMCAST_FLEET_STORE": f"nats://{HERE}:{store}", "XDG_RUNTIME_DIR": name}

        def begin(name: str, *command: str) -> subprocess.Popen[bytes]:
            return stack.enter_context(_running(folder / f"{name}.log", command, environment))

        def fleet(*words: str) -> str:
            done = subprocess.run(
                [sys.executable, "-m", "camcast", "fleet", *words], capture_output=True, text=True, env=environment
            )
            return done.stdout + done.stderr

        print("A store (nats-server), a receiver, and six cameras that some of three members are to run:\n")
        server = str(Path(sys.executable).with_name("nats-server"))
        begin("store", server, "-js", "-sd", str(folder / "nats"), "-a", HERE, "-p", str(store))
        begin("receiver", sys.executable, "-m", "camcast_rtmp.receiver", "--port", str(receiver))
        file = folder / "cameras.json"
        file.write_text(json.dumps(_cameras(receiver)))
        print(_prompt(f"camcast fleet apply {file.name}") + fleet("apply", str(file)))
        members = {}
        for one in ("ada", "bob", "cyd"):
            options = ("--name", one, "--lease", f"{LEASE:g} s", "--state", name, "--plain")
            members[one] = begin(one, sys.executable, "-m", "camcast", "fleet", "run", *options)
            print(_prompt(f"camcast fleet run --name {one} --lease '{LEASE:g} s' &"), end="")
        print(
            f"\nA new store may be one that lost everything, so members wait a lease ({LEASE:g} s) before they begin.\n"
        )
        whole = _until_on_air(fleet)
        print(_prompt("camcast fleet status") + fleet("status"))
        victim = members["bob"]
        print(_prompt(f"kill -KILL {victim.pid}    # bob"))
        os.killpg(victim.pid, signal.SIGKILL)
        victim.wait()
        time.sleep(1)
        back = whole and _until_on_air(fleet)
        print("Every camera is on the air again; after how long, the events say:\n" if back else "Not all are back.\n")
        print(_prompt("camcast fleet status") + fleet("status"))
        print(_prompt("camcast fleet events") + fleet("events"))
        if not back:
            for log in sorted(folder.glob("*.log")):
                print(f"--- {log.name}\n{log.read_text()[-2000:]}")
        return 0 if back else 1


def _cameras(port: int) -> dict[str, object]:
    encoder = {"type": "H264_CBR", "width": 320, "height": 180, "framerate": 10, "bitrate": 150}
    stream = {"name": "main", "source": {"type": "testsrc"}, "encoder": encoder}
    return {
        "rtmp": {"url_template": f"rtmp://{HERE}:{port}/live/cam{{camera_id}}_{{stream_name}}"},
        "cameras": [{"camera_id": number, "name": f"hall-{number}", "streams": [stream]} for number in range(CAMERAS)],
    }


def _until_on_air(fleet: object) -> bool:
    assert callable(fleet)
    late = time.monotonic() + READY
    while time.monotonic() < late:
        with contextlib.suppress(json.JSONDecodeError):
            found = json.loads(fleet("status", "--json"))["cameras"]
            if found and all(one["state"] == "on air" for one in found):
                return True
        time.sleep(0.2)
    return False


def _prompt(command: str) -> str:
    return f"$ {command}\n"


@contextlib.contextmanager
def _running(log: Path, command: Sequence[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=out, stderr=out, env=environment, start_new_session=True
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
