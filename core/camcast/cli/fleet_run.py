"""`camcast fleet run`: one member of a fleet, on this machine, until a signal."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

import attrs
import typer

from camcast import ours
from camcast.cli import sockets
from camcast.cli.carry_out import interface, with_level
from camcast.cli.display import Display, choose_display
from camcast.cli.fleet_store import (
    DEFAULT_FLEET,
    FleetName,
    StoreOptions,
    StoreUrl,
    checked_name,
    coordinator,
    own_name,
)
from camcast.cli.logs import LogFormat, LogLevel, Logs
from camcast.cli.service_manager import ServiceManager
from camcast.cli.supervise import beside, signals, stop_in_order
from camcast.cli.terminal import explained, load_file, load_host, output
from camcast.config import Config, ServiceConfig
from camcast.config.dump import dump
from camcast.config.quantities import read_seconds
from camcast.coordinators import Coordinator, Hold
from camcast.descriptors import raise_limit
from camcast.engine import Engine
from camcast.errors import ConfigError, WrongState
from camcast.fleet.disk import Disk
from camcast.fleet.driver import Driver, NoFence, Post
from camcast.fleet.fence import KernelFence
from camcast.fleet.lease import RENEW
from camcast.fleet.member import Member
from camcast.fleet.reporting import Reporting
from camcast.fleet_report import FleetReport
from camcast.host import PluginHost

SHORTEST = 1.0
"""Seconds of a lease."""
MOST_NAME = 60
"""Bytes of a control socket's name."""


def run(
    context: typer.Context,
    store: StoreUrl,
    file: Annotated[
        Path | None, typer.Argument(help='This machine\'s own configuration: "system" and "services", no cameras.')
    ] = None,
    name: Annotated[str | None, typer.Option(help="This member's; without it, the machine's.")] = None,
    fleet: FleetName = DEFAULT_FLEET,
    capacity: Annotated[float, typer.Option(help="How much it may run: the sum of cameras' weights.", min=0.01)] = 100,
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="For the rules of placement; can be repeated.")
    ] = None,
    lease: Annotated[str, typer.Option(help="Time after which others take over from a silent member.")] = "10 s",
    hold: Annotated[
        Hold,
        typer.Option(help="Without the store: stop before the lease ends (never on the air twice), or go on forever."),
    ] = Hold.LEASE,
    state: Annotated[
        Path | None, typer.Option(envvar="STATE_DIRECTORY", help="Folder for what must survive the process.")
    ] = None,
    option: StoreOptions = None,
    http: Annotated[
        bool, typer.Option("--http", help="Serve the HTTP interface on 127.0.0.1:8080, where the file has none.")
    ] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Log lines instead of the live table.")] = False,
    log_format: Annotated[LogFormat, typer.Option(help="How log lines look.")] = LogFormat.TEXT,
    log_level: Annotated[LogLevel | None, typer.Option(help="The least that is logged.")] = None,
    log_file: Annotated[Path | None, typer.Option(help="Append log lines to this file instead of stderr.")] = None,
) -> None:
    """Run this machine's share of a fleet's cameras. SIGINT and SIGTERM hand them over and end it."""
    with explained():
        config, host = load_file(context, file) if file else (Config(), load_host(context))
        config = with_level(_own(config, capacity), log_level)
        name = checked_name(name or own_name(), "--name")
        seconds = _lease(lease)
        way = coordinator(host, store, fleet, name, option, seconds * RENEW)
        post = Post(capacity=capacity, labels=_labels(label), system=dump(config).get("system", {}), fleet=fleet)
        # A folder each: "a-b" of fleet "c" is not "b" of "c-a".
        disk = Disk((state or _state()) / "fleets" / fleet / name)
        services = list(sockets.service(host, _socket(fleet, name), None))
        if http:
            services += interface(config)
        member = Member(
            name,
            lives=disk.new_life,
            lease=seconds,
            hold=hold,
            former=disk.former,
            desired=disk.desired,
            fences=disk.fences,
        )
        raise_limit()
        ours.settle()
        live = output.is_terminal and not plain
        with choose_display(live=live, level=config.system.log_level, logs=Logs(log_format, log_file)) as display:
            asyncio.run(_run(config, host, display, services, way, member, disk, post))


async def _run(
    config: Config,
    host: PluginHost,
    display: Display,
    services: Sequence[ServiceConfig],
    way: Coordinator,
    member: Member,
    disk: Disk,
    post: Post,
) -> None:
    manager = ServiceManager(os.environ)
    engine = Engine(config, host=host, beside=services)
    fence = KernelFence() if member.hold is Hold.LEASE else NoFence()
    with signals() as wanted:
        async with engine, contextlib.AsyncExitStack() as watching:
            manager.ready()
            await watching.enter_async_context(beside(display.watch(engine), manager.watch(engine)))

            async def end() -> None:
                await watching.aclose()
                manager.stopping()
                await stop_in_order(engine, wanted.hurry)

            driver = Driver(engine, way, member, disk, post, fence)
            engine.program = _Program(end=wanted.stop, reporting=driver.reporting)
            await driver.run(wanted.stop, end)


@attrs.frozen(kw_only=True)
class _Program:
    """Implements `FleetProgram`: what services of a member may ask of this command."""

    end: asyncio.Event
    reporting: Reporting

    async def reload(self) -> list[str]:
        raise WrongState(
            "what a fleet runs is not read from a file again; say what is new with: camcast fleet apply FILE"
        )

    def stop(self) -> None:
        self.end.set()

    def fleet(self) -> FleetReport:
        return self.reporting.report()


def _own(config: Config, capacity: float) -> Config:
    """What a member's engine begins with. Raises `ConfigError`."""
    if config.cameras:
        raise ConfigError("cameras: a member's own file has none; put them into the store: camcast fleet apply FILE")
    if config.system.workers != 1:
        text = "a member runs its cameras in one process, which its lease can end; run a member for each processor"
        raise ConfigError(f"system.workers: {text}")
    most = max(config.system.max_cameras, min(int(capacity * 1000), 100_000))
    return attrs.evolve(config, system=attrs.evolve(config.system, max_cameras=most))


def _socket(fleet: str, name: str) -> str:
    """The name of a member's control socket, which no member of another fleet on this machine has as well.

    A socket's path may have 107 bytes, folders included, so a long name is one of its digest.
    """
    whole = f"fleet-{name}" if fleet == DEFAULT_FLEET else f"fleet-{fleet}.{name}"
    digest = blake2b(whole.encode(), digest_size=4).hexdigest()
    return whole if len(whole) <= MOST_NAME else f"{whole[: MOST_NAME - 9]}.{digest}"


def _lease(text: str) -> float:
    try:
        seconds = read_seconds(text)
    except ValueError as error:
        raise ConfigError(f"--lease: {error}") from None
    if seconds < SHORTEST:
        raise ConfigError(f"--lease: expected at least {SHORTEST:g} s")
    return seconds


def _labels(given: Sequence[str] | None) -> dict[str, str]:
    found = {}
    for one in given or ():
        key, equals, value = one.partition("=")
        if not equals or not key:
            raise ConfigError(f"--label {one}: expected KEY=VALUE")
        found[key] = value
    return found


def _state() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "camcast"
