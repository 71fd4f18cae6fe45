"""`camcast init`: the first configuration file, asked for or given by options, checked, with comments."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer

from camcast import ours
from camcast.cli.first_file import (
    WORDS,
    Destination,
    camera,
    comments,
    content,
    destination,
    kind_of,
    takes_user,
    without_password,
)
from camcast.cli.terminal import FAILED, errors, explained, load_host, warn
from camcast.config import Config, from_mapping, loads
from camcast.config.commented import commented
from camcast.config.secrets import is_reference, trimmed
from camcast.config.store import holds_secret, write_new
from camcast.descriptors import raise_limit
from camcast.errors import ConfigError, Issue
from camcast.host import PluginHost
from camcast.platform_wants import Seen
from camcast.printable import printable

READ_HERE = "-"
"""A key or password that is read from the terminal, or from what is piped in."""
PASSWORD_FILE, KEY_FILE = "camera.password", "stream.key"


@attrs.define
class _Secrets:
    """Files for what somebody types: for the owner's eyes only, and gone again where nothing comes of it."""

    beside: Path
    """The configuration."""
    force: bool
    written: dict[Path, bytes | None] = attrs.field(factory=dict, repr=False)
    """Each with what was there before."""

    def keep(self, secret: str, name: str) -> str:
        """The reference to `secret`, which is in a file of mode 0600 from now on. Raises `ConfigError`."""
        path = self.beside.resolve().with_name(f"{self.beside.stem}.{name}")
        before = path.read_bytes() if self.force and path.exists() else None
        write_new(path, secret + "\n", secret=True, force=self.force)
        self.written.setdefault(path, before)
        return f"file:{path}"

    @contextlib.contextmanager
    def undone(self) -> Iterator[None]:
        """Where the block fails, all is as it was before."""
        try:
            yield
        except BaseException:
            for path, before in self.written.items():
                if before is None:
                    path.unlink(missing_ok=True)
                else:
                    path.write_bytes(before)
            raise


def init(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The file to write: JSON with comments.")] = Path("system_config.json"),
    source: Annotated[
        str, typer.Option(help="The camera's address, a device, a media file, or a source such as testsrc.")
    ] = "",
    source_type: Annotated[str, typer.Option(help="The kind of source, where --source does not tell.")] = "",
    user: Annotated[str, typer.Option(help="The camera's user: a name, env:NAME or file:PATH.")] = "",
    password: Annotated[
        str,
        typer.Option(help='Where its password is: env:NAME, file:PATH, or "-": read here, kept in a file of its own.'),
    ] = "",
    to: Annotated[
        list[str] | None,
        typer.Option(help="Where to publish: a name from camcast platforms, or an address; can be repeated."),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(help='Stream key of each --to, in their order: env:NAME, file:PATH, or "-": read here, as above.'),
    ] = None,
    name: Annotated[str, typer.Option(help="What the camera is called.")] = "",
    probe: Annotated[bool, typer.Option(help="Look at the source first, and write down what comes.")] = True,
    seconds: Annotated[float, typer.Option(min=1, max=600, help="How long it is looked at.")] = 6.0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
) -> None:
    """Write a first configuration, checked, with comments. At a terminal it asks for what no option says.

    Passwords and keys stay out of it: it says where they are, and what is typed is kept in files that only you read.

    Exit status: 0; 2 when something is missing or wrong; 1 when nothing comes from the source.
    """
    with explained():
        if file.suffix != ".json":
            raise ConfigError(
                [Issue("FILE", f"{file.name}: init writes JSON with comments; give a name ending in .json")]
            )
        if file.exists() and not force:
            raise ConfigError([Issue("FILE", f"{file} is there already; --force overwrites it")])
        host = load_host(context)
        asks = errors.is_terminal and sys.stdin.isatty()
        kept = _Secrets(file, force)
        with kept.undone():
            source = source or _ask(asks, "--source", "Camera: its address, a device, a file, or the name of a source")
            source, user, password = _login(host, source, source_type, user, password, asks, kept)
            made = camera(host, source, source_type, user, password)
            goes = _destinations(host, to or (), key or (), asks, kept)
            values = content(host, made, goes, name)
            config = _checked(values, host, file)
            looked, seen = _look(config, host, seconds) if probe else ([], None)
            values = content(host, made, goes, name, seen)
            _checked(values, host, file)
            said = comments(values, str(file), goes, looked, seen, date.today().isoformat())
            text = commented(values, said)
            if loads(text, host, base=file.parent) != _checked(values, host, file):
                raise ConfigError(f"the comments for {file} would change what it means, by a bug of init: report it")
            secret = holds_secret(values)
            write_new(file, text, secret=secret, force=force)
        typer.echo(f"wrote {file}")
        if secret:
            warn("an address in it may hold a key or a password, so only you can read it; --key keeps it elsewhere")
        for path in kept.written:
            typer.echo(f"wrote {path}, which only you can read")
        typer.echo(f"next: camcast check {file} --targets\n      camcast run {file}")


def _ask(asks: bool, option: str, question: str, *, hidden: bool = False, empty: bool = False) -> str:
    """What somebody types. Raises `ConfigError` where nobody is there."""
    if not asks:
        raise ConfigError([Issue(option, "is missing; at a terminal it would be asked for")])
    said = typer.prompt(question, hide_input=hidden, err=True, default="" if empty else None, show_default=False)
    return trimmed(str(said))


def _typed(asks: bool, option: str, question: str) -> str:
    """A secret from the terminal, or a line of what is piped in. Raises `ConfigError`."""
    if asks:
        return _ask(asks, option, question, hidden=True)
    said = trimmed(sys.stdin.readline(64 * 1024))
    if not said:
        raise ConfigError([Issue(option, f'"{READ_HERE}" reads it from what is piped in, and there was nothing')])
    return said


def _login(
    host: PluginHost, source: str, kind: str, user: str, password: str, asks: bool, kept: _Secrets
) -> tuple[str, str, str]:
    """(source, user, password), the last as a reference."""
    plain, named, secret = without_password(source)
    if secret and asks:
        return plain, named, kept.keep(secret, PASSWORD_FILE)
    if password == READ_HERE:
        return source, user, kept.keep(_typed(asks, "--password", "Password of the camera"), PASSWORD_FILE)
    if asks and not user and not password and takes_user(host, kind_of(host, source, kind)):
        user = _ask(asks, "--user", "User of the camera (empty: none)", empty=True)
        if user:
            password = kept.keep(_typed(asks, "--password", "Password of the camera"), PASSWORD_FILE)
    return source, user, password


def _destinations(
    host: PluginHost, words: Sequence[str], keys: Sequence[str], asks: bool, kept: _Secrets
) -> list[Destination]:
    """Raises `ConfigError`."""
    if not words:
        names = ", ".join(sorted(name for name, one in host.platforms.by_name.items() if one.ingest is not None))
        words = [_ask(asks, "--to", f"Where to: {names}, or an address")]
    if len(keys) > len(words):
        text = f"{len(keys)} given for {len(words)} of --to: give at most one for each, in their order"
        raise ConfigError([Issue("--key", text)])
    found: list[Destination] = []
    for number, word in enumerate(words):
        given = keys[number] if number < len(keys) else ""
        file = KEY_FILE if len(words) == 1 else f"{number + 1}.{KEY_FILE}"
        if given == READ_HERE:
            given = kept.keep(_typed(asks, "--key", f"Stream key of {word}"), file)
        elif given and not is_reference(given):
            text = "expected env:NAME or file:PATH, where it is: everybody on this machine sees a command's line"
            raise ConfigError([Issue("--key", text)])
        elif not given and asks:
            typed = _ask(asks, "--key", "Stream key (empty: none, or within the address)", hidden=True, empty=True)
            given = kept.keep(typed, file) if typed else ""
        found.append(destination(host, word, given, [one.name for one in found]))
    return found


def _checked(values: Mapping[str, Any], host: PluginHost, file: Path) -> Config:
    """What the file means here. Raises `ConfigError`, whose places are the options of the command."""
    try:
        return from_mapping(values, host, base=file.parent)
    except ConfigError as error:
        raise ConfigError([Issue(_word(issue.path), issue.message) for issue in error.issues]) from None


def _word(path: str) -> str:
    if path.endswith(".stream_key"):
        return "--key"
    return next((word for place, word in WORDS if path.startswith(place)), path)


def _look(config: Config, host: PluginHost, seconds: float) -> tuple[list[str], Seen | None]:
    """What comes from the source; ends the command where nothing does."""
    from camcast.cli.check_sources import examine

    raise_limit()
    ours.settle()
    found = asyncio.run(examine(config, host, seconds))
    if not found.came:
        for line in found.lines:
            errors.print(printable(line), soft_wrap=True)
        errors.print("nothing was written; --no-probe writes a file all the same", soft_wrap=True)
        raise typer.Exit(FAILED)
    return found.lines, next(iter(found.seen.values()), None)
