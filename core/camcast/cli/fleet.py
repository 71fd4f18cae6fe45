"""`camcast fleet`: what is to run on many machines, how they are, and who shall have no cameras."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import attrs
import typer

from camcast.cli.fleet_run import run
from camcast.cli.fleet_store import (
    DEFAULT_FLEET,
    LOOK,
    FleetName,
    Looking,
    StoreOptions,
    StoreUrl,
    checked_name,
    coordinator,
    looking,
    own_name,
)
from camcast.cli.signals import asked
from camcast.cli.terminal import explained, load_host, output, print_json, table
from camcast.config.walk import from_mapping
from camcast.coordinators import Desired, Line, Order
from camcast.errors import ConfigError, NotFound
from camcast.event_fields import plain
from camcast.fleet.desired import cameras_of
from camcast.fleet.differences import differences
from camcast.fleet.reporting import members_of, states_of
from camcast.fleet.written import as_shown, read, unbounded
from camcast.fleet_report import FleetCameraState, FleetReport
from camcast.host import PluginHost
from camcast.printable import printable

T = TypeVar("T")
DEADLINE = 5.0
"""Seconds for one call."""
Member = Annotated[str, typer.Argument(metavar="HOST", help="A member, as `camcast fleet status` names it.")]

app = typer.Typer(help="Many machines that share their cameras.", no_args_is_help=True)
app.command()(run)


@app.callback()
def begun(context: typer.Context) -> None:
    """Many machines that share their cameras."""
    if context.invoked_subcommand != "run":
        asked.restore()


def _asking(
    context: typer.Context,
    url: str,
    fleet: str,
    option: list[str] | None,
    ask: Callable[[Looking, PluginHost], Awaitable[T]],
) -> T:
    """Do something with what a store has."""
    host = load_host(context)
    name = f"{own_name()[:48]}-{os.getpid()}"
    way = coordinator(host, url, fleet, name, option, DEADLINE)

    async def answer() -> T:
        async with looking(way) as seen:
            return await ask(seen, host)

    return asyncio.run(answer())


@app.command()
def apply(
    context: typer.Context,
    store: StoreUrl,
    file: Annotated[Path | None, typer.Argument(help='Cameras, and "fleet" with rules of placement.')] = None,
    fleet: FleetName = DEFAULT_FLEET,
    rollback: Annotated[int | None, typer.Option(metavar="VERSION", help="Instead of a file: as it was then.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    literal: Annotated[
        bool, typer.Option("--literal", help="Last parts of targets' URLs are names and no keys.")
    ] = False,
    option: StoreOptions = None,
) -> None:
    """Have the fleet run these cameras: checked, shown as a difference, and kept as a new version.

    Exit status: 0 when it is so now (or was already), 1 when the store did not take it, 2 when the file is wrong.
    """
    if (file is None) == (rollback is None):
        raise typer.BadParameter("name a FILE, or a version: --rollback VERSION")

    async def ask(seen: Looking, host: PluginHost) -> None:
        now = seen.desired
        if rollback is not None:
            mapping, note = (await seen.store.version(rollback)).mapping, f"as version {rollback}"
        else:
            assert file is not None
            mapping, note = read(file, host, os.environ, literal=literal), file.name
        before = now.mapping if now is not None else {"cameras": []}
        lines = list(differences(_shown(before, host), _shown(mapping, host)))
        for line in lines:
            typer.echo(printable(line))
        number = now.version if now is not None else 0
        if mapping == before:
            typer.echo(f"nothing changes: version {number}" if number else "nothing changes")
            return
        if dry_run:
            typer.echo(f"{len(lines)} changes; nothing was done")
            return
        origin = now.origin if now is not None else seen.epoch
        who, at = getpass.getuser(), time.time()
        desired = Desired(version=number + 1, mapping=mapping, by=who, at=at, note=note, origin=origin)
        await seen.store.put(desired)
        typer.echo(f"version {desired.version} is desired now, with {len(cameras_of(desired).wanted)} cameras")

    with explained():
        _asking(context, store, fleet, option, ask)


def _shown(mapping: Any, host: PluginHost) -> Any:
    try:
        return as_shown(mapping, from_mapping(unbounded({"cameras": mapping.get("cameras", [])}), host))
    except ConfigError:
        # It was put by somebody with other plugins: of that no value is shown.
        bare = [{"camera_id": one.get("camera_id"), "name": one.get("name", "")} for one in mapping.get("cameras", ())]
        return {"cameras": bare, "fleet": mapping.get("fleet", {})}


@app.command()
def status(
    context: typer.Context,
    store: StoreUrl,
    fleet: FleetName = DEFAULT_FLEET,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    option: StoreOptions = None,
) -> None:
    """Show the members, and where each camera runs.

    Waits until each member has renewed its lease: a moment, or half of a lease where one is silent.

    Exit status: 0 when every camera is on the air, 1 when one is not, or nothing is desired.
    """

    async def ask(seen: Looking, _: PluginHost) -> FleetReport:
        await seen.until_known()
        return report(seen, fleet)

    with explained():
        found = plain(_asking(context, store, fleet, option, ask))
    if as_json:
        print_json(found)
    else:
        members = table("Members", "name", "runs", "on air", "capacity", "labels", "hold", "order", "renews")
        for one in found["members"]:
            labels = printable(" ".join(f"{key}={value}" for key, value in one["labels"].items()))
            counts = (str(one["running"]), str(one["on_air"]), f"{one['capacity']:g}")
            members.add_row(
                printable(one["name"]),
                *counts,
                labels or "-",
                one["hold"],
                one["order"],
                "no" if one["silent"] else "yes",
            )
        output.print(members)
        cameras = table(f"Cameras of version {found['version']}", "camera", "name", "member", "claim", "state")
        for one in found["cameras"]:
            who = printable(one["member"]) or "-"
            cameras.add_row(str(one["camera_id"]), printable(one["name"]), who, str(one["fence"]), one["state"])
        output.print(cameras)
    on_air = FleetCameraState.ON_AIR.value
    well = found["cameras"] and all(one["state"] == on_air for one in found["cameras"])
    raise typer.Exit(0 if well else 1)


def report(seen: Looking, fleet: str = DEFAULT_FLEET) -> FleetReport:
    """A fleet as it is."""
    now = seen.clock()
    return FleetReport(
        fleet=fleet,
        member="",
        heard=seen.synced.is_set(),
        version=seen.desired.version if seen.desired else 0,
        members=members_of(seen.roster, now),
        cameras=states_of(cameras_of(seen.desired), seen.claims, seen.roster, now),
    )


@app.command()
def drain(
    context: typer.Context,
    host: Member,
    store: StoreUrl,
    fleet: FleetName = DEFAULT_FLEET,
    wait: Annotated[float, typer.Option(help="Wait so many seconds until it has none.", min=0.0)] = 0.0,
    option: StoreOptions = None,
) -> None:
    """Move a member's cameras to others, a few at a time.

    Each ends there before it begins elsewhere, or after that where a rule of the fleet's file has "overlap": true.

    Exit status: 1 when it still has cameras after `--wait`.
    """

    async def ask(seen: Looking, _: PluginHost) -> int:
        await _order(seen, host, Order.DRAIN)
        until = time.monotonic() + wait
        while (left := _running(seen, host)) and time.monotonic() < until:
            await seen.more(LOOK)
        return left

    with explained():
        left = _asking(context, store, fleet, option, ask)
    typer.echo(f"{host} is being emptied" + (f", it still runs {left}" if left else ""))
    raise typer.Exit(1 if wait and left else 0)


@app.command()
def cordon(
    context: typer.Context, host: Member, store: StoreUrl, fleet: FleetName = DEFAULT_FLEET, option: StoreOptions = None
) -> None:
    """Have a member keep what it has and take nothing more."""
    _ordered(context, host, store, fleet, option, Order.CORDON, "takes no more cameras")


@app.command()
def uncordon(
    context: typer.Context, host: Member, store: StoreUrl, fleet: FleetName = DEFAULT_FLEET, option: StoreOptions = None
) -> None:
    """End `cordon` or `drain`: the member takes its share again."""
    _ordered(context, host, store, fleet, option, Order.NONE, "takes its share")


def _ordered(
    context: typer.Context, host: str, store: str, fleet: str, option: list[str] | None, order: Order, words: str
) -> None:
    async def ask(seen: Looking, _: PluginHost) -> None:
        await _order(seen, host, order)

    with explained():
        _asking(context, store, fleet, option, ask)
    typer.echo(f"{host} {words}")


async def _order(seen: Looking, name: str, order: Order) -> None:
    if checked_name(name, "HOST") not in seen.roster.seen:
        known = ", ".join(sorted(seen.roster.seen))
        raise NotFound(f"there is no member {name}; known: {known or 'none'}")
    await seen.store.order(name, order)


def _running(seen: Looking, name: str) -> int:
    card = seen.roster.card(name)
    return card.running if card is not None else 0


@app.command()
def events(
    context: typer.Context,
    store: StoreUrl,
    fleet: FleetName = DEFAULT_FLEET,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    option: StoreOptions = None,
) -> None:
    """Show what happened in the fleet: who died, what moved, and how long each camera was off the air."""

    def show(line: Line) -> None:
        if as_json:
            typer.echo(json.dumps(attrs.asdict(line)))
            return
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(line.at))
        which = f"camera {line.camera_id}: " if line.camera_id is not None else ""
        typer.echo(printable(f"{at} {line.member}: {which}{line.text} [{line.code}]"))

    async def ask(seen: Looking, _: PluginHost) -> None:
        for line in sorted(seen.lines, key=lambda one: one.at):
            show(line)
        while follow:
            seen.lines.clear()
            await seen.more(LOOK)
            for line in seen.lines:
                show(line)

    with explained():
        try:
            _asking(context, store, fleet, option, ask)
        except KeyboardInterrupt:
            raise typer.Exit from None
