"""`camcast discover`: cameras on the network, what they are, and with a user and a password their streams."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Annotated, Any

import attrs
import typer

from camcast.cli.found import choose, entries, expanded, named
from camcast.cli.terminal import FAILED, errors, explained, load_host, output, print_json, table, warn
from camcast.config.secrets import is_reference, resolve_reference
from camcast.discovery import CameraLogin, DiscovererKind, DiscoveryContext, FoundCamera
from camcast.errors import CamcastError, ConfigError, Issue
from camcast.host import PluginHost
from camcast.session.resolver import NameResolver

log = logging.getLogger(__name__)
AT_ONCE = 8
"""Cameras that are asked for their streams at a time."""


@attrs.frozen(kw_only=True)
class Found:
    """One camera, and how it was found."""

    kind: DiscovererKind
    camera: FoundCamera


def discover(
    context: typer.Context,
    address: Annotated[
        list[str] | None,
        typer.Argument(
            help="Addresses to ask one by one instead of everybody: 192.0.2.7, camera.example:8080, 192.0.2.0/24, "
            "192.0.2.10-40. At most 1024."
        ),
    ] = None,
    interface: Annotated[
        list[str] | None, typer.Option(help="Ask on this network interface only; can be repeated. Default: all.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.5, max=60, help="How long answers are waited for.")] = 3.0,
    user: Annotated[
        str, typer.Option(help="User of the chosen cameras: a name, env:NAME or file:PATH. Asks where it is missing.")
    ] = "",
    password: Annotated[str, typer.Option(help="Where its password is: env:NAME or file:PATH.")] = "",
    choice: Annotated[
        list[str] | None,
        typer.Option(
            "--choose", help="Cameras that get the user and a proof of the password: an address, a UUID, a MAC, or all."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_config: Annotated[
        bool, typer.Option("--config", help='Print "cameras" of a configuration, to add outputs to.')
    ] = False,
) -> None:
    """Find cameras on the network. With a user and a password, the chosen ones tell their streams.

    Nothing is changed, and no camera but those that are chosen gets to see the user or a proof of the password.

    Exit status: 0; 1 when no camera was found or a chosen one does not tell its streams; 2 when an argument is wrong.
    """
    with explained():
        login = _login(user, password, choice or ())
        addresses = expanded(address or ())
        host = load_host(context)
        found = asyncio.run(_look(host, addresses, tuple(interface or ()), seconds))
        if not found:
            where = "at these addresses" if addresses else "on these networks"
            warn(
                f"no camera answered {where}: is it on, in the same network (a guest Wi-Fi is another), and is its "
                "discovery switched on? Behind a router, name addresses: camcast discover 192.0.2.0/24"
            )
            raise typer.Exit(FAILED)
        asks = errors.is_terminal and login is None and not choice and not as_json
        cameras = [one.camera for one in found]
        if asks:
            _show(found)
            chosen, login = _asked_of_user(cameras)
        else:
            chosen = choose(cameras, choice or ())
        found, well = asyncio.run(_ask(found, chosen, login, _context(addresses, (), seconds)))
    if as_json:
        print_json([{"discoverer": one.kind.name, **attrs.asdict(one.camera)} for one in found])
    elif as_config:
        described = _once(found)
        print_json({"cameras": entries(described, user, password)})
        if not described:
            warn("no camera told its streams: give --user, --password and --choose")
    elif chosen or not asks:
        _show(found)
        _show_streams(found)
    if not well:
        raise typer.Exit(FAILED)


def _login(user: str, password: str, choice: Sequence[str]) -> CameraLogin | None:
    """Raises `ConfigError`."""
    if not user and not password:
        return None
    if not user or not password:
        missing, other = ("--user", "--password") if password else ("--password", "--user")
        raise ConfigError([Issue(missing, f"is missing: {other} is given, and one needs the other")])
    if not is_reference(password):
        text = "expected env:NAME or file:PATH, where it is: everybody on this machine sees a command's line"
        raise ConfigError([Issue("--password", text)])
    if not choice:
        text = "say which cameras get to see the user: an address, a UUID, a MAC, or all"
        raise ConfigError([Issue("--choose", text)])
    try:
        name = resolve_reference(user) if is_reference(user) else user
        return CameraLogin(username=name, password=resolve_reference(password))
    except ConfigError as error:
        raise ConfigError([Issue("--password", str(error))]) from None


def _asked_of_user(cameras: Sequence[FoundCamera]) -> tuple[set[int], CameraLogin | None]:
    """Which cameras, counted from 0, and the user and password for them, asked once.

    A choice that means none or several of them is asked for again, before anybody is asked for a password.
    """
    while True:
        said = typer.prompt(
            f"\nWhich shall tell their streams? Numbers from 1 to {len(cameras)}, all or none", default="none", err=True
        )
        choice = [] if said.strip().lower() == "none" else said.replace(",", " ").split()
        try:
            chosen = choose(cameras, choice)
            break
        except ConfigError as error:
            for issue in error.issues:
                warn(issue.message)
    if not chosen:
        return set(), None
    user = typer.prompt("User (empty: ask without)", default="", show_default=False, err=True)
    if not user:
        return chosen, None
    return chosen, CameraLogin(username=user, password=typer.prompt("Password", hide_input=True, err=True))


async def _look(
    host: PluginHost, addresses: tuple[str, ...], interfaces: tuple[str, ...], seconds: float
) -> list[Found]:
    """All that answer, by every discoverer that can work here. Raises `CamcastError` where none can."""
    if not host.discoverers:
        raise CamcastError("no plugin here finds cameras; camcast plugins lists what there is")
    context = _context(addresses, interfaces, seconds)
    failures: list[Exception] = []
    found: list[Found] = []
    for kind in host.discoverers.values():
        try:
            kind.available()
            kind.load()
            found += [Found(kind=kind, camera=camera) for camera in await kind.build(context).look()]
        except (CamcastError, OSError) as error:
            failures.append(error)
        except Exception as error:  # noqa: BLE001  a plugin's bug, which keeps no other from looking
            failures.append(CamcastError(_bug(kind, "look", error)))
    if len(failures) == len(host.discoverers):
        raise failures[0]
    for failure in failures:
        warn(str(failure))
    return found


async def _ask(
    found: Sequence[Found], chosen: set[int], login: CameraLogin | None, context: DiscoveryContext
) -> tuple[list[Found], bool]:
    """The same with what the chosen ones tell; whether all of them did."""
    free = asyncio.Semaphore(AT_ONCE)
    well = True

    async def one(index: int, found: Found) -> Found:
        nonlocal well
        if index not in chosen:
            return found
        async with free:
            try:
                return attrs.evolve(found, camera=await found.kind.build(context).ask(found.camera, login))
            except CamcastError as error:
                why = str(error)
            except Exception as error:  # noqa: BLE001  a plugin's bug, which costs no other camera
                why = _bug(found.kind, "ask", error)
        well = False
        return attrs.evolve(found, camera=attrs.evolve(found.camera, notes=(*found.camera.notes, why)))

    return list(await asyncio.gather(*(one(index, each) for index, each in enumerate(found)))), well


def _bug(kind: DiscovererKind, where: str, error: Exception) -> str:
    log.debug("discoverer %s failed in %s", kind.name, where, exc_info=error)
    return f"discoverer {kind.name} failed in {where}, by a bug of its own: {type(error).__name__}"


def _once(found: Sequence[Found]) -> list[tuple[DiscovererKind, FoundCamera]]:
    """Those that told streams; one that answers at several addresses is one in a configuration."""
    by_streams: dict[tuple[str, ...], Found] = {}
    for one in found:
        if one.camera.streams:
            by_streams.setdefault(tuple(stream.url for stream in one.camera.streams), one)
    return [(one.kind, one.camera) for one in by_streams.values()]


def _context(addresses: tuple[str, ...], interfaces: tuple[str, ...], seconds: float) -> DiscoveryContext:
    return DiscoveryContext(
        interfaces=interfaces,
        addresses=addresses,
        everybody=not addresses,
        seconds=seconds,
        resolver=NameResolver(),
        log=log,
    )


def _show(found: Sequence[Found]) -> None:
    shown = table("", "#", "address", "camera", "identity", "serial", "firmware", "found by", numbers=("#",))
    for number, one in enumerate(found, 1):
        camera = one.camera
        shown.add_row(
            str(number),
            camera.host,
            named(camera),
            camera.identity or "-",
            camera.serial,
            camera.firmware,
            one.kind.name,
        )
    output.print(shown)
    for one in found:
        for note in one.camera.notes:
            warn(f"{one.camera.host}: {note}")


def _show_streams(found: Sequence[Found]) -> None:
    streams: list[tuple[Any, ...]] = [(one.camera, stream) for one in found for stream in one.camera.streams]
    if not streams:
        return
    shown = table(
        "\nStreams", "address", "stream", "codec", "picture", "kbit/s", "source url", "now at", "still picture"
    )
    for camera, stream in streams:
        rate = f" {stream.frame_rate:g}/s" if stream.frame_rate else ""
        size = f"{stream.width}x{stream.height}{rate}" if stream.width else "-"
        shown.add_row(
            camera.host,
            stream.name,
            stream.codec or "-",
            size,
            str(stream.bitrate_kbps or "-"),
            stream.url,
            stream.address,
            stream.snapshot or "-",
        )
    output.print(shown)
