"""The files that a fleet is deployed by: NATS takes its configuration, and its permissions are enough and no more."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from camcast.cli.fleet_store import coordinator, looking
from camcast.coordinators import Card, Desired, Holder, Order
from camcast.errors import CoordinatorError
from camcast.host import PluginHost
from tests.servers.nats import NatsServer, program

DEPLOY = Path(__file__).parents[2] / "deploy"
PASSWORDS = {"NATS_NAME": "nats-1", "NATS_MEMBER": "m3mber", "NATS_OPERATOR": "0perator", "NATS_LOOK": "l00k"}


class Deployed(NatsServer):
    """The server that is deployed, alone, on a port and a disk of its own."""

    def command(self) -> list[str]:
        text = (DEPLOY / "nats" / "nats-server.conf").read_text()
        for pattern, instead in (
            (r'^listen: "0.0.0.0:4222"', f'listen: "127.0.0.1:{self.port}"'),
            (r'^http: "127.0.0.1:8222"', f'http: "127.0.0.1:{self.monitor}"'),
            (r'store_dir: "/var/lib/nats"', f'store_dir: "{self.directory}/data"'),
            (r"^cluster \{.*?^\}", ""),
        ):
            text, count = re.subn(pattern, instead, text, flags=re.MULTILINE | re.DOTALL)
            assert count == 1, pattern
        (self.directory / "server.conf").write_text(text)
        return [program(), "-c", str(self.directory / "server.conf")]

    def environment(self) -> dict[str, str]:
        return PASSWORDS


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with Deployed(Path(tmp_path_factory.mktemp("nats"))) as running:
        yield running


@pytest.fixture
def begun(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> NatsServer:
    """With the store that the first member makes; who may only look cannot."""
    monkeypatch.setenv("NATS_PASSWORD", PASSWORDS["NATS_MEMBER"])
    options = ("user=member", "password=env:NATS_PASSWORD")

    async def begin() -> None:
        async with looking(coordinator(PluginHost(), server.url, "default", "ada", options, 5.0)):
            pass

    asyncio.run(begin())
    return server


def test_nats_takes_the_whole_of_it(tmp_path: Path) -> None:
    text = (DEPLOY / "nats" / "nats-server.conf").read_text().replace("/var/lib/nats", str(tmp_path))
    (tmp_path / "c.conf").write_text(text)
    done = subprocess.run(
        [program(), "-t", "-c", str(tmp_path / "c.conf")], capture_output=True, text=True, env=PASSWORDS, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^\s*sync_interval: always$", text, re.MULTILINE)


def test_a_member_may_do_what_it_does(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_PASSWORD", PASSWORDS["NATS_MEMBER"])
    options = ("user=member", "password=env:NATS_PASSWORD")

    async def work() -> None:
        async with looking(coordinator(PluginHost(), server.url, "default", "ada", options, 5.0)) as seen:
            holder = Holder("ada", "1")
            revision = await seen.store.renew(Card(holder=holder, capacity=1, lease=10), 0)
            fence = await seen.store.claim(3, holder, 0)
            await seen.store.release(3, fence)
            await seen.store.order("ada", Order.CORDON)
            for version in range(1, 13):
                await seen.store.put(Desired(version=version, mapping={"cameras": []}))
            assert (await seen.store.version(12)).version == 12
            await seen.store.bury("ada", revision)

    asyncio.run(work())


def test_who_may_look_changes_nothing(begun: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_PASSWORD", PASSWORDS["NATS_LOOK"])
    options = ("user=look", "password=env:NATS_PASSWORD")

    async def look() -> None:
        async with looking(coordinator(PluginHost(), begun.url, "default", "eve", options, 1.0)) as seen:
            with pytest.raises(CoordinatorError):
                await seen.store.claim(4, Holder("eve", "1"), 0)
            assert seen.claims.record(4) is None

    asyncio.run(look())


def test_another_fleet_is_none_of_a_members_business(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_PASSWORD", PASSWORDS["NATS_MEMBER"])
    monkeypatch.setattr("camcast.cli.fleet_store.ANSWER", 3.0)
    options = ("user=member", "password=env:NATS_PASSWORD")

    async def look() -> None:
        async with looking(coordinator(PluginHost(), server.url, "other", "ada", options, 1.0)):
            raise AssertionError("it was let in")

    with pytest.raises(CoordinatorError):
        asyncio.run(look())


@pytest.mark.parametrize("name", ["camcast-fleet.service", "nats-server.service"])
def test_systemd_understands_every_line(name: str, tmp_path: Path) -> None:
    command = {"camcast-fleet": Path(sys.executable).with_name("camcast"), "nats-server": Path(program())}[name[:-8]]
    text, count = re.subn(
        r"^ExecStart=\S+", f"ExecStart={command}", (DEPLOY / "systemd" / name).read_text(), flags=re.M
    )
    assert count == 1
    (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / name], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_member_that_its_lease_ended_is_always_begun_anew() -> None:
    """While the store is away that may be often, and systemd gives up after five times unless told otherwise."""
    unit = (DEPLOY / "systemd" / "camcast-fleet.service").read_text()
    of_unit = unit.partition("[Unit]")[2].partition("[Service]")[0]
    assert "\nStartLimitIntervalSec=0\n" in of_unit
    assert "\nRestart=always\n" in unit


def test_no_pod_has_camcast_as_its_first_process() -> None:
    """Which no timer of its own could end, so that its lease would mean nothing."""
    pods = (DEPLOY / "kubernetes" / "fleet.yaml").read_text().partition("name: camcast\n")[2]
    assert "\n      shareProcessNamespace: true\n" in pods
