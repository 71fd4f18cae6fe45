"""Figures for Prometheus: all of them, in its words, never falling, and only for whom they are meant."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.core.session.test_session import chain
from tests.core.world import World, until
from tests.servers.process import free_port

import camcast_prometheus
from camcast.camera.stats import ServiceMetrics, Stats, StreamMetrics
from camcast.config import ServiceConfig, loads
from camcast.coordinators import Hold, Order
from camcast.engine import Engine
from camcast.errors import ConfigError
from camcast.events import ServiceNote, ServiceState, SessionKey, SessionState
from camcast.fleet_report import FleetCamera, FleetCameraState, FleetMember, FleetReport
from camcast.host import PluginHost
from camcast.native import form
from camcast.session.health import Health
from camcast.session.metrics import Recorder, SessionMetrics, total
from camcast.session.uplinks import UplinkMetrics
from camcast.testing.conformance import ServiceConformance
from camcast_kit_http import guesses
from camcast_prometheus.families import (
    NO_FIGURES,
    SERVICE_FIELDS,
    SESSION_FIELDS,
    STREAM_FIELDS,
    SUMS,
    UPLINK_FIELDS,
    Page,
)
from camcast_prometheus.monotonic import Monotonic

DEPLOY = Path(__file__).parents[2] / "deploy"
KEY = SessionKey(0, 0, "rtmp")


class TestPrometheus(ServiceConformance):
    kind = "prometheus"
    options: ClassVar = {"listen": "127.0.0.1:0"}


def session(**changes: Any) -> SessionMetrics:
    one = Recorder().snapshot(
        key=KEY,
        label="cam0_main",
        state=SessionState.CONNECTED,
        health=Health.HEALTHY,
        target="rtmp://server/live/***",
        target_index=0,
        retries=0,
        next_attempt_at=None,
        on_air=None,
    )
    return attrs.evolve(one, **changes)


def stats(*sessions: SessionMetrics, **stream: Any) -> Stats:
    return Stats(
        uptime=1.5,
        sessions=sessions,
        streams=(StreamMetrics(camera_id=0, stream_id=0, label="cam0_main", **stream),),
        totals=total(sessions),
        services=(
            ServiceMetrics(
                name="http",
                type="http",
                state=ServiceState.WAITING,
                starts=3,
                failures=2,
                last_error="x",
                events_lost=1,
                figures={"certificate_expires": 5.0},
            ),
        ),
        uplinks=(UplinkMetrics(name="lte", limit=8_000_000, budget=4_000_000, reason="x", changes=2, sent=800.0),),
    )


Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]


def parsed(text: str) -> Samples:
    """Figures by name and labels."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def page(now: Stats, counts: Monotonic | None = None) -> Samples:
    from prometheus_client.exposition import generate_latest

    return parsed(generate_latest(Page(now, {0: "gate"}, "1.2", counts or Monotonic())).decode())


def value(samples: Samples, name: str, /, **labels: str) -> float:
    (number,) = [one for key, one in samples[name].items() if set(labels.items()) <= set(key)]
    return number


@pytest.mark.parametrize(
    ("model", "table"),
    [
        (SessionMetrics, SESSION_FIELDS),
        (StreamMetrics, STREAM_FIELDS),
        (ServiceMetrics, SERVICE_FIELDS),
        (UplinkMetrics, UPLINK_FIELDS),
    ],
)
def test_the_tables_name_only_what_there_is(model: type, table: dict[str, object]) -> None:
    # `next_attempt_at` of streams is there where sources are revived.
    assert set(table) - {"next_attempt_at"} <= {field.name for field in attrs.fields(model)}


def test_everything_has_its_place_in_base_units() -> None:
    found = page(
        stats(
            session(
                bitrate=8e6,
                bytes_sent=5,
                video_sent=7,
                audio_sent=9,
                dropped={"video: link behind": 3},
                errors={"network": 2},
                transport={"rtt": 0.05},
                uptime=10.0,
                downtime=2.0,
                next_attempt_at=1700000000.0,
                schedule_change_at=1800000000.0,
            ),
            video_received=4,
            dropped={"audio: damaged": 1},
        )
    )
    figures = {
        ("camcast_session_send_rate_bytes_per_second",): 1e6,
        ("camcast_session_sent_bytes_total",): 5,
        ("camcast_session_units_sent_total", "kind=video"): 7,
        ("camcast_session_units_sent_total", "kind=audio"): 9,
        ("camcast_session_units_dropped_total", "kind=video", "reason=link behind"): 3,
        ("camcast_session_errors_total", "class=network"): 2,
        ("camcast_session_transport", "figure=rtt"): 0.05,
        ("camcast_session_time_seconds_total", "mode=on the air"): 10,
        ("camcast_session_time_seconds_total", "mode=down"): 2,
        ("camcast_session_next_attempt_timestamp_seconds",): 1700000000,
        ("camcast_session_schedule_change_timestamp_seconds",): 1800000000,
        ("camcast_session_state", "is=connected", "session=cam0_main", "camera=0", "stream=0", "output=rtmp"): 1,
        ("camcast_session_state", "is=failed"): 0,
        ("camcast_session_health", "is=healthy"): 1,
        ("camcast_stream_units_received_total", "kind=video", "label=cam0_main"): 4,
        ("camcast_stream_units_dropped_total", "kind=audio", "reason=damaged"): 1,
        ("camcast_service_failures_total", "service=http"): 2,
        ("camcast_service_state", "is=waiting"): 1,
        ("camcast_camera_info", "camera=0", "name=gate"): 1,
        ("camcast_build_info", "version=1.2", f"fast_path={form()}"): 1,
    }
    for (name, *labels), number in figures.items():
        assert value(found, name, **dict(label.split("=") for label in labels)) == number, name
    for field in attrs.fields(SessionMetrics):
        if field.name not in (*NO_FIGURES, *SUMS) and "str" not in str(field.type):
            shown = SESSION_FIELDS.get(field.name)
            name = field.name if shown is None else shown.name + ("_total" if shown.counter else "")
            assert f"camcast_session_{name}" in found


def site() -> FleetReport:
    """A fleet of which a member is silent and a camera has none."""
    bob = FleetMember(
        name="bob",
        running=3,
        on_air=2,
        capacity=9,
        labels={},
        lease=10,
        hold=Hold.LEASE,
        order=Order.DRAIN,
        silent=True,
        renewed_ago=6.5,
    )
    cameras = tuple(
        FleetCamera(camera_id=number, name="x", member=member, fence=1, state=state)
        for number, member, state in (
            (0, "bob", FleetCameraState.ON_AIR),
            (1, "bob", FleetCameraState.OFF_AIR),
            (2, "", FleetCameraState.WAITING),
        )
    )
    return FleetReport(fleet="site", member="ada", heard=False, version=4, members=(bob,), cameras=cameras)


def of_the_fleet() -> Samples:
    from prometheus_client.exposition import generate_latest

    return parsed(generate_latest(Page(stats(), {}, "1.2", Monotonic(), site())).decode())


def test_a_whole_fleet_has_its_place() -> None:
    found = of_the_fleet()
    figures = {
        ("camcast_fleet_store_heard",): 0,
        ("camcast_fleet_version",): 4,
        ("camcast_fleet_members",): 1,
        ("camcast_fleet_cameras", "is=on air"): 1,
        ("camcast_fleet_cameras", "is=nowhere"): 1,
        ("camcast_fleet_cameras", "is=silent"): 0,
        ("camcast_fleet_member_cameras", "member=bob"): 3,
        ("camcast_fleet_member_cameras_on_air",): 2,
        ("camcast_fleet_member_capacity",): 9,
        ("camcast_fleet_member_lease_seconds",): 10,
        ("camcast_fleet_member_renewed_seconds",): 6.5,
        ("camcast_fleet_member_silent",): 1,
        ("camcast_fleet_member_order", "is=drain"): 1,
        ("camcast_fleet_member_order", "is=none"): 0,
        ("camcast_fleet_camera_on_air", "camera=0", "member=bob"): 1,
        ("camcast_fleet_camera_on_air", "camera=1"): 0,
        ("camcast_fleet_camera_on_air", "camera=2", "member="): 0,
    }
    for (name, *labels), number in figures.items():
        assert value(found, name, fleet="site", **dict(label.split("=") for label in labels)) == number, name
    assert not any(name.startswith("camcast_fleet") for name in page(stats()))


def test_no_label_and_no_text_is_a_url() -> None:
    from prometheus_client.exposition import generate_latest

    one = session(target="rtmp://server/live/***", last_error="rtmp://server/live/x refused")
    text = generate_latest(Page(stats(one, last_error="rtsp://camera/x"), {}, "1", Monotonic())).decode()
    assert "://" not in text
    assert "refused" not in text


def test_counters_never_fall_and_are_forgotten_with_their_session() -> None:
    counts = Monotonic()
    seen = [
        value(page(stats(session(bytes_sent=sent)), counts), "camcast_session_sent_bytes_total")
        for sent in (100, 250, 0, 30, 30, 10)
    ]
    assert seen == [100, 250, 250, 280, 280, 290]
    page(stats(), counts)
    assert value(page(stats(session(bytes_sent=5)), counts), "camcast_session_sent_bytes_total") == 5


def test_a_figure_of_a_later_version_is_shown_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(SESSION_FIELDS, "lag")
    assert value(page(stats(session(lag=0.25))), "camcast_session_lag") == 0.25


def promtool(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    folder = DEPLOY / "prometheus"
    return subprocess.run(["promtool", *arguments], input=text, cwd=folder, capture_output=True, text=True, timeout=60)


# --- served ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


async def served(world: World, **options: Any) -> str:
    """The address at which the figures of an engine with one session are served."""
    world.host.register(camcast_prometheus)
    listen = f"127.0.0.1:{free_port()}"
    service = ServiceConfig(type="prometheus", options={"listen": listen, **options})
    world.engine = Engine(attrs.evolve(world.config(chain("a")), services=(service,)), host=world.host)
    events = world.engine.events()
    await world.engine.start()
    await until(lambda: (0, 0) in world.sinks)
    world.flow()
    async for event in events:
        if isinstance(event, ServiceNote):
            assert event.message == f"/metrics is served at {listen}"
            break
    return listen


async def ask(address: str, path: str = "/metrics", method: str = "GET", **headers: str) -> tuple[int, str, str]:
    """(status, content type, text)."""

    def fetch() -> tuple[int, str, str]:
        request = urllib.request.Request(f"http://{address}{path}", headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.headers["content-type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["content-type"], error.read().decode()

    return await asyncio.to_thread(fetch)


@pytest.mark.servers
async def test_promtool_finds_nothing_wrong_with_a_real_scrape(world: World) -> None:
    address = await served(world)
    await until(lambda: world.servers.live("a"))
    status, kind, text = await ask(address)
    assert (status, kind.split(";")[0]) == (200, "text/plain")
    done = await asyncio.to_thread(promtool, "check", "metrics", text=text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert value(parsed(text), "camcast_session_state", **{"is": "connected"}) == 1
    status, kind, text = await ask(address, Accept="application/openmetrics-text")
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


@pytest.mark.servers
async def test_prometheus_itself_scrapes_it(world: World, tmp_path: Path) -> None:
    address = await served(world)
    await until(lambda: world.servers.live("a"))
    config = (DEPLOY / "prometheus" / "prometheus.yml").read_text().replace("127.0.0.1:9464", address)
    (tmp_path / "prometheus.yml").write_text(config.replace("scrape_interval: 15s", "scrape_interval: 1s"))
    shutil.copy(DEPLOY / "prometheus" / "camcast.rules.yml", tmp_path)
    own = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address={own}",
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(urllib.error.URLError, ConnectionError):
                    _, _, text = await ask(own, "/api/v1/query?query=camcast_session_state%7Bis%3D%22connected%22%7D")
                    if found := json.loads(text)["data"]["result"]:
                        break
                await asyncio.sleep(0.5)
    finally:
        process.kill()
        await process.wait()
    assert found[0]["metric"]["session"] == "cam0_main"
    assert found[0]["value"][1] == "1"


async def test_the_board_and_the_rules_ask_for_what_is_served(world: World) -> None:
    _, _, text = await ask(await served(world))
    # What this one has no reason to serve: uplinks, a fleet, something a platform wants otherwise.
    more = page(stats(session(platform_differences={"keyframes": 1}))).keys() | of_the_fleet().keys()
    names = set(re.findall(r"^# TYPE (\w+) (?!.*info)", text, re.MULTILINE)) | {"up"} | more
    board = json.loads((DEPLOY / "grafana" / "camcast.json").read_text())
    asked = " ".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    asked += (DEPLOY / "prometheus" / "camcast.rules.yml").read_text()
    wanted = set(re.findall(r"\bcamcast_\w+", asked)) - {"camcast_token"}
    assert len(wanted) > 12
    assert wanted <= names


@pytest.mark.servers
def test_the_rules_alert_when_they_should() -> None:
    for arguments in (["test", "rules", "camcast.rules.test.yml"], ["check", "config", "prometheus.yml"]):
        done = promtool(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("path", "method", "headers", "status"),
    [
        ("/metrics", "GET", {}, 200),
        ("/metrics", "POST", {}, 405),
        ("/", "GET", {}, 404),
        ("/metrics/../etc/passwd", "GET", {}, 404),
        ("/metrics", "GET", {"Host": "rebinding.example"}, 421),
        ("/metrics", "GET", {"Host": "localhost:1"}, 200),
        ("/metrics", "GET", {"Host": "[::1]:1"}, 200),
    ],
)
async def test_who_asks_otherwise_is_told_so(
    world: World, path: str, method: str, headers: dict[str, str], status: int
) -> None:
    assert (await ask(await served(world), path, method, **headers))[0] == status


async def test_a_token_is_asked_for_where_there_is_one(world: World) -> None:
    address = await served(world, token="tell-nobody", hosts=["camcast.lan"])
    assert (await ask(address))[0] == 401
    assert (await ask(address, Authorization="Bearer tell-nobody!"))[0] == 401
    assert (await ask(address, Authorization="Bearer tell-nobody"))[0] == 200
    assert (await ask(address, Authorization="Bearer tell-nobody", Host="camcast.lan"))[0] == 200
    assert (await ask(address, Authorization="Bearer tell-nobody", Host="other.lan"))[0] == 421


async def test_whoever_guesses_a_token_gets_few_tries_and_is_told_of(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "MAX_REFUSALS", 1)
    monkeypatch.setattr(guesses, "REFUSED_AFTER", 1.0)
    address = await served(world, token="tell-nobody")
    tries = [asyncio.create_task(ask(address, Authorization=f"Bearer {number}")) for number in range(4)]
    answers = [(await one)[0] for one in tries]
    assert set(answers) == {401, 429}
    assert (await ask(address, Authorization="Bearer tell-nobody"))[0] == 200
    told = [one.message for one in world.events if isinstance(one, ServiceNote) and one.code == "token_refused"]
    assert len(told) == answers.count(401)
    assert set(told) == {"a wrong token came from 127.0.0.1"}


async def test_a_port_that_is_taken_is_told_and_tried_again(world: World) -> None:
    address = await served(world)
    assert world.engine is not None
    second = ServiceConfig(type="prometheus", options={"listen": address})
    config = world.engine.config
    await world.engine.reload(attrs.evolve(config, services=(*config.services, second)))

    def waits() -> bool:
        assert world.engine is not None
        other = world.engine.stats().services[1]
        return other.state is ServiceState.WAITING and "is taken by another program" in other.last_error

    await until(waits)
    assert (await ask(address))[0] == 200


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"listen": "0.0.0.0:9464"}, "listen: others than this machine reach that address: give a token"),
        ({"listen": "[::]:9464"}, "listen: others than this machine reach that address"),
        ({"listen": "example.com:1"}, "listen: expected an address and a port"),
        ({"listen": "127.0.0.1:70000"}, "listen: expected an address and a port"),
        ({"listen": "127.0.0.1"}, "listen: expected an address and a port"),
        ({"lisen": "127.0.0.1:1"}, 'lisen: unknown key; did you mean "listen"?'),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(options: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError, match=r"services\.prometheus") as caught:
        loads(json.dumps({"services": {"prometheus": options}, "cameras": []}), PluginHost())
    assert fault in str(caught.value)


def test_with_a_token_others_may_ask() -> None:
    options = {"listen": "0.0.0.0:9464", "token": "env:TOKEN"}
    loads(json.dumps({"services": {"prometheus": options}, "cameras": []}), PluginHost())


def test_an_uplink_is_shown_in_bytes_by_its_name() -> None:
    found = page(stats(session(uplink="lte", uplink_share=80_000)))
    assert value(found, "camcast_session_uplink_share_bytes_per_second") == 10_000
    assert value(found, "camcast_uplink_limit_bytes_per_second", uplink="lte") == 1_000_000
    assert value(found, "camcast_uplink_budget_bytes_per_second", uplink="lte") == 500_000
    assert value(found, "camcast_uplink_send_rate_bytes_per_second", uplink="lte") == 100
    assert value(found, "camcast_uplink_budget_changes_total", uplink="lte") == 2
    assert not [name for name in found if name.endswith(("_reason", "_interface"))]
