"""`camcast fleet …` against a real store: what is applied, refused, shown and taken back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from camcast.cli import fleet_store
from camcast.cli.app import app
from camcast.cli.fleet import report
from camcast.cli.fleet_run import MOST_NAME, _socket
from camcast.cli.fleet_store import Looking, coordinator, looking
from camcast.config import ServiceConfig
from camcast.coordinators import Away, Card, ClaimNews, Desired, DesiredNews, Holder, Line, LineNews, MemberNews
from camcast.host import PluginHost
from camcast.testing.coordinator import MemoryCoordinator, MemoryStore
from tests.servers.nats import NatsServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with NatsServer(Path(tmp_path_factory.mktemp("nats"))) as running:
        yield running


class Shell:
    """Commands for one fleet of its own."""

    def __init__(self, server: NatsServer, folder: Path) -> None:
        self.store, self.fleet, self.file = server.url, folder.name, folder / "fleet.json"

    def __call__(self, *words: str) -> Result:
        return CliRunner().invoke(app, ["fleet", *words, "--store", self.store, "--fleet", self.fleet])

    def apply(self, *cameras: Mapping[str, Any], options: tuple[str, ...] = (), **more: Any) -> Result:
        self.file.write_text(json.dumps({"cameras": cameras, **more}))
        return self("apply", str(self.file), *options)

    def member(self, name: str, cameras: int = 0, **labels: str) -> None:
        """Have it look as if a member of this name were there, with the first cameras."""

        async def join() -> None:
            async with looking(coordinator(PluginHost(), self.store, self.fleet, name, (), 5.0)) as seen:
                holder, count = Holder(name, "1"), cameras
                card = Card(holder=holder, capacity=9, lease=1, labels=labels, running=count, on_air=count)
                await seen.store.renew(card, 0)
                for number in range(cameras):
                    await seen.store.claim(number, card.holder, 0)
                await seen.store.tell(Line(at=1.0, member=name, code="on_air", text="on the air here", camera_id=0))

        asyncio.run(join())


@pytest.fixture
def shell(server: NatsServer, tmp_path: Path) -> Shell:
    return Shell(server, tmp_path)


def camera(number: int, url: str = "rtmp://h/live/cam{camera_id}", **more: Any) -> dict[str, Any]:
    stream = {"name": "main", "source": {"type": "testsrc"}, "rtmp": {"url_template": url}, **more}
    return {"camera_id": number, "name": f"cam{number}", "streams": [stream]}


def test_what_is_applied_is_a_version_and_its_difference_is_shown(shell: Shell) -> None:
    first = shell.apply(camera(0), camera(1), options=("--literal",))
    assert first.exit_code == 0, first.output
    assert first.output == ("+ camera 0 cam0\n+ camera 1 cam1\nversion 1 is desired now, with 2 cameras\n")
    again = shell.apply(camera(0), camera(1), options=("--literal",))
    assert again.output == "nothing changes: version 1\n"
    changed = camera(1, encoder={"type": "H264_CBR", "gop": 1})
    second = shell.apply(
        changed, camera(2), options=("--literal",), fleet={"rules": [{"cameras": "cam*", "weight": 2}]}
    )
    lines = second.output.splitlines()
    assert "- camera 0 cam0" in lines
    assert "+ camera 2 cam2" in lines
    assert "~ camera 1: streams[0].encoder.gop: nothing -> 1" in lines
    assert "version 2 is desired now, with 2 cameras" in lines


def test_a_fleet_may_have_more_cameras_than_a_machine(shell: Shell) -> None:
    """Whose bound is 16 unless it says otherwise; the difference is shown all the same."""
    many = [camera(number) for number in range(40)]
    first = shell.apply(*many, options=("--literal",))
    assert first.output.endswith("version 1 is desired now, with 40 cameras\n")
    many[7] = camera(7, encoder={"type": "H264_CBR", "gop": 1})
    second = shell.apply(*many, options=("--literal",))
    assert second.output.splitlines()[0] == "~ camera 7: streams[0].encoder.gop: nothing -> 1"
    third = shell.apply(*many, options=("--literal",), system={"max_cameras": 20})
    assert (third.exit_code, "40 cameras are enabled, system.max_cameras is 20" in third.output) == (2, True)


def test_an_earlier_version_becomes_a_new_one(shell: Shell) -> None:
    shell.apply(camera(0), options=("--literal",))
    shell.apply(camera(5), options=("--literal",))
    back = shell("apply", "--rollback", "1")
    assert back.output == "+ camera 0 cam0\n- camera 5 cam5\nversion 3 is desired now, with 1 cameras\n"
    missing = shell("apply", "--rollback", "77")
    assert (missing.exit_code, "there is no version 77" in missing.output) == (1, True)


def test_a_dry_run_changes_nothing(shell: Shell) -> None:
    done = shell.apply(camera(0), options=("--literal", "--dry-run"))
    assert done.output == "+ camera 0 cam0\n1 changes; nothing was done\n"
    assert json.loads(shell("status", "--json").output)["version"] == 0


SECRET = "s3cr3t-k3y"


@pytest.mark.parametrize(
    "wrong",
    [
        camera(0, f"rtmp://h/live/{SECRET}"),
        camera(0, f"rtmp://user:{SECRET}@h/live/cam0"),
        camera(0, f"rtmp://h/live/cam0?token={SECRET}"),
        camera(0, rtmp={"url": "rtmp://h/live", "stream_key": SECRET}),
        camera(0, source={"type": "rtsp", "url": f"rtsp://admin:{SECRET}@10.0.0.5/main"}),
    ],
    ids=["path", "password", "token", "key", "camera"],
)
def test_a_secret_does_not_go_to_the_store(shell: Shell, wrong: Mapping[str, Any]) -> None:
    done = shell.apply(wrong)
    assert done.exit_code == 2
    assert "must not have; write env:NAME or file:PATH" in done.output
    assert "cameras[0].streams[0]" in done.output
    assert SECRET not in done.output
    assert json.loads(shell("status", "--json").output)["version"] == 0


def test_references_go_as_they_are(shell: Shell) -> None:
    source = {"type": "rtsp", "url": "env:CAM_URL"}
    done = shell.apply(camera(0, source=source, rtmp={"url": "rtmp://h/live", "stream_key": "file:/run/key"}))
    assert done.exit_code == 0, done.output

    async def stored() -> str:
        async with looking(coordinator(PluginHost(), shell.store, shell.fleet, "look", (), 5.0)) as seen:
            assert seen.desired is not None
            return json.dumps(seen.desired.mapping)

    written = asyncio.run(stored())
    assert "env:CAM_URL" in written
    assert "file:/run/key" in written


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ({"cameras": [{"naem": 3}]}, 'did you mean "name"'),
        ({"cameras": [], "fleet": {}}, "cameras: there is none"),
        ({"cameras": [camera(0)], "services": {"http": True}}, "belong into each member's own file"),
        ({"cameras": [camera(0)], "fleet": {"rules": [{"cameras": "*", "wieght": 1}]}}, "fleet.rules[0]"),
        ({"cameras": [camera(0)], "fleet": {"rules": [{"cameras": "*", "weight": -1}]}}, "above 0"),
    ],
)
def test_what_is_wrong_is_told_and_changes_nothing(shell: Shell, text: Mapping[str, Any], said: str) -> None:
    shell.file.write_text(json.dumps(text))
    done = shell("apply", str(shell.file), "--literal")
    assert (done.exit_code, said in done.output) == (2, True), done.output


def test_status_tells_who_has_what(shell: Shell) -> None:
    shell.apply(camera(0), camera(1), options=("--literal",))
    shell.member("ada", cameras=1)
    done = shell("status", "--json")
    found = json.loads(done.output)
    assert done.exit_code == 1
    assert [(one["member"], one["state"], one["fence"]) for one in found["cameras"]] == [
        ("ada", "silent", 1),
        ("", "nowhere", 0),
    ]
    assert [one["silent"] for one in found["members"]] == [True]
    assert [(one["name"], one["running"], one["order"]) for one in found["members"]] == [("ada", 1, "none")]
    assert "ada" in shell("status").output


def test_what_a_member_says_of_itself_does_nothing_to_a_terminal(shell: Shell) -> None:
    shell.apply(camera(0), options=("--literal",))
    shell.member("ada", site="\x1b[2J")
    shown = shell("status").output
    assert "site=\\x1b[2J" in shown
    assert "\x1b" not in shown


def test_status_waits_for_who_renews(shell: Shell) -> None:
    """A record alone says only that its member once was there."""
    shell.apply(camera(0), options=("--literal",))
    shell.member("ada", cameras=1)

    async def renewing() -> list[str]:
        way = coordinator(PluginHost(), shell.store, shell.fleet, "ada", (), 5.0)
        async with looking(way) as seen:
            card, states = seen.roster.card("ada"), []
            assert card is not None
            await seen.until_known()
            states.append(report(seen).cameras[0].state.value)
            await seen.store.renew(card, seen.roster.revision("ada"))
            while seen.is_silent("ada"):
                await seen.more(1.0)
            states.append(report(seen).cameras[0].state.value)
            return states

    assert asyncio.run(renewing()) == ["silent", "on air"]


def test_a_card_that_names_not_all_leaves_the_others_unknown() -> None:
    holder = Holder("ada", "1")
    seen = Looking(MemoryCoordinator(MemoryStore(), "eve"), clock=lambda: 1.0)
    seen.hear(DesiredNews(Desired(version=1, mapping={"cameras": [{"camera_id": number} for number in range(4)]})))
    for number in range(4):
        seen.hear(ClaimNews(number, 1, holder))
    for revision, on_air, troubled, states in (
        (1, 4, (), ["on air"] * 4),
        (2, 2, (1, 2), ["on air", "not on air", "not on air", "on air"]),
        (3, 2, (1,), ["unknown", "not on air", "unknown", "unknown"]),
    ):
        card = Card(holder=holder, capacity=9, lease=1, running=4, on_air=on_air, troubled=troubled)
        seen.hear(MemberNews("ada", revision, card))
        assert [one.state.value for one in report(seen).cameras] == states


def test_a_line_is_told_once_though_all_are_told_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_store, "LINES", 2)
    seen = fleet_store.Looking(MemoryCoordinator(MemoryStore(), "judge"))
    lines = [Line(at=float(at), member="ada", code="on_air", text="on the air here", camera_id=0) for at in range(3)]
    for _ in range(2):
        for line in lines[1:]:
            seen.hear(LineNews(line))
        seen.hear(Away("lost"))
    assert seen.lines == lines[1:]
    # What is remembered of them has a bound.
    seen.hear(LineNews(lines[0]))
    seen.hear(LineNews(lines[1]))
    assert seen.lines == [lines[1], lines[2], lines[0], lines[1]]


def test_control_sockets_of_two_members_have_two_names() -> None:
    """Also where fleets and members are called alike, or their names are long."""
    long = "n" * 63
    members = [("default", "b"), ("a", "b"), ("a-b", "c"), ("a", "b-c"), ("a", f"{long}1"), ("a", f"{long}2")]
    names = [_socket(fleet, name) for fleet, name in members]
    assert names[:2] == ["fleet-b", "fleet-a.b"]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= MOST_NAME


@pytest.mark.parametrize(("services", "more"), [({}, ["http"]), ({"http": {"token": "secret"}}, [])])
def test_the_http_of_a_member_is_for_files_that_have_none(
    services: dict[str, Any], more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def begun(_: object, __: object, ___: object, beside: Sequence[ServiceConfig], *rest: object) -> None:
        asked.extend(one.type for one in beside if one.type != "socket")

    monkeypatch.setattr("camcast.cli.fleet_run._run", begun)
    file = tmp_path / "own.json"
    file.write_text(json.dumps({"services": services}))
    words = ["fleet", "run", str(file), "--http", "--plain", "--store", "nats://127.0.0.1:9", "--state", str(tmp_path)]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert asked == more


def test_orders_are_for_members_that_there_are(shell: Shell) -> None:
    shell.member("ada")
    for command, order in [("cordon", "cordon"), ("drain", "drain"), ("uncordon", "none")]:
        assert shell(command, "ada").exit_code == 0
        assert json.loads(shell("status", "--json").output)["members"][0]["order"] == order
    done = shell("drain", "bob")
    assert (done.exit_code, "there is no member bob; known: ada" in done.output) == (1, True)


def test_events_tell_what_happened(shell: Shell) -> None:
    shell.member("ada")
    assert "ada: camera 0: on the air here [on_air]" in shell("events").output
    assert json.loads(shell("events", "--json").output)["code"] == "on_air"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--store", "rabbit://h"], 'no coordinator for "rabbit://h"; known: nats://, tls://'),
        (["--store", "nats://user:pw@h"], "-o password=file:PATH"),
        (["--store", "nats://h", "-o", "pasword=x"], "-o"),
        (["--store", "nats://h", "-o", "password"], "expected KEY=VALUE"),
        (["--store", "nats://h", "--fleet", "a b"], "letters, digits"),
    ],
)
def test_a_wrong_way_to_the_store_is_told(words: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["fleet", "status", *words])
    assert (done.exit_code, said in done.output) == (2, True), done.output
    assert "pw" not in done.output.replace("password", "")
