"""The first configuration: what was asked for, as a file's content with comments. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import attrs

from camcast.cli.pushed import source_kind
from camcast.config.located import locate_text
from camcast.config.secrets import is_reference
from camcast.errors import ConfigError, Issue
from camcast.host import PluginHost
from camcast.platform import Platform
from camcast.platform_wants import Seen

STREAM = "cameras[0].streams[0]"
OUTPUT = "out"
WORDS = (
    (f"{STREAM}.source.options", "--user"),
    (f"{STREAM}.source", "--source"),
    (f"{STREAM}.outputs", "--to"),
    ("cameras[0].name", "--name"),
)
"""Which option of the command a place in the file comes from."""


@attrs.frozen(kw_only=True)
class Destination:
    """Where a stream goes."""

    name: str
    """Of the output."""
    url: str = attrs.field(repr=False)
    key: str = attrs.field(default="", repr=False)
    """A reference; "" = none."""
    platform: Platform | None = None


@attrs.frozen(kw_only=True)
class Camera:
    """What a source's words mean."""

    kind: str
    url: str = attrs.field(repr=False)
    options: Mapping[str, Any] = attrs.field(factory=dict, repr=False)


def destination(host: PluginHost, word: str, key: str, taken: Sequence[str]) -> Destination:
    """What `--to` means: the name of a platform, or an address. Raises `ConfigError`."""
    known = host.platforms.by_name
    platform = known.get(word.lower())
    if platform is None and "://" not in word:
        places = ", ".join(sorted(name for name, one in known.items() if one.ingest is not None))
        raise ConfigError(
            [Issue("--to", f'"{word[:64]}" is neither an address nor a platform with one; known: {places}')]
        )
    if platform is None:
        return Destination(name=_free(OUTPUT, taken), url=word, key=key, platform=host.platforms.of(word, "auto"))
    if platform.ingest is None:
        text = f"{platform.title} has no address that is the same for all: give the one that it shows you"
        raise ConfigError([Issue("--to", text)])
    if not key:
        text = f"is missing: env:NAME or file:PATH, where the stream key is that {platform.title} shows you"
        raise ConfigError([Issue("--key", text)])
    return Destination(name=_free(platform.name, taken), url=platform.ingest.value, key=key, platform=platform)


def _free(name: str, taken: Sequence[str]) -> str:
    return name if name not in taken else f"{name}{1 + sum(one.startswith(name) for one in taken)}"


def without_password(url: str) -> tuple[str, str, str]:
    """(the URL without them, user, password) of one that holds both."""
    scheme, mark, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    credentials, at, place = authority.rpartition("@")
    user, colon, password = credentials.partition(":")
    if not (mark and at and colon):
        return url, "", ""
    return f"{scheme}://{place}{slash}{path}", unquote(user), unquote(password)


def camera(host: PluginHost, source: str, kind: str, user: str, password: str) -> Camera:
    """What `--source` means, its user and its password as references. Raises `ConfigError`."""
    if without_password(source)[2]:
        text = "holds a password, which would stand in the file: give --user NAME and --password env:NAME or file:PATH"
        raise ConfigError([Issue("--source", text)])
    finder = host.discoverer_of(source)
    kind = kind_of(host, source, kind)
    if finder is not None:
        try:
            finder.present(source)
        except ValueError as error:
            raise ConfigError([Issue("--source", str(error))]) from None
    options: Mapping[str, Any] = {}
    if bool(user) != bool(password):
        missing, other = ("--user", "--password") if password else ("--password", "--user")
        raise ConfigError([Issue(missing, f"is missing: {other} is given, and one needs the other")])
    if password and not is_reference(password):
        text = "expected env:NAME or file:PATH, where it is: everybody on this machine sees a command's line"
        raise ConfigError([Issue("--password", text)])
    if user:
        if not takes_user(host, kind):
            raise ConfigError([Issue("--user", f"a source of the kind {kind} has no user")])
        options = finder.credentials(user, password) if finder else {"username": user, "password": password}
    url = "" if source == kind else locate_text(source, Path.cwd())
    return Camera(kind=kind, url=url, options=options)


def kind_of(host: PluginHost, source: str, kind: str) -> str:
    """`kind` where one is said, else what the words of the source tell. Raises `ConfigError`."""
    try:
        return kind or source_kind(host, source)
    except ConfigError as error:
        raise ConfigError([Issue("--source", issue.message) for issue in error.issues]) from None


def takes_user(host: PluginHost, kind: str) -> bool:
    """Whether a kind of source has a user and a password."""
    try:
        names = {field.name for field in attrs.fields(host.source(kind).options)}
    except LookupError:
        return False
    return {"username", "password"} <= names


def content(
    host: PluginHost, camera: Camera, destinations: Sequence[Destination], name: str, seen: Seen | None = None
) -> dict[str, Any]:
    """The file's values. `seen`: what came from the camera, if it was looked at."""
    source = {
        "type": camera.kind,
        **({"url": camera.url} if camera.url else {}),
        **({"options": dict(camera.options)} if camera.options else {}),
    }
    stream: dict[str, Any] = {"name": "main", "source": source}
    if seen is not None and (taken := codec_instead(host, seen, destinations)):
        stream["encoder"] = {"type": f"{taken.upper()}_CBR", "transcode": True}
    stream["outputs"] = {
        one.name: {"url": one.url, **({"stream_key": one.key} if one.key else {})} for one in destinations
    }
    return {"cameras": [{"camera_id": 0, **({"name": name} if name else {}), "streams": [stream]}]}


def refusing(seen: Seen, destinations: Sequence[Destination]) -> str:
    """The platform that does not take the picture as it comes; "" = all do, or nothing is known of it."""
    for one in destinations:
        taken = one.platform.video_codecs if one.platform else None
        if seen.codec and taken is not None and seen.codec not in taken.value:
            return one.platform.title if one.platform else ""
    return ""


def codec_instead(host: PluginHost, seen: Seen, destinations: Sequence[Destination]) -> str:
    """What to encode the picture as: the first codec that all known platforms take and that can be encoded here; "" =
    it goes as it comes, or there is none."""
    if not refusing(seen, destinations):
        return ""
    lists = [one.platform.video_codecs.value for one in destinations if one.platform and one.platform.video_codecs]
    encoded = {kind.codec for kind in host.encoders.values()}
    return next((codec for codec in lists[0] if codec in encoded and all(codec in one for one in lists)), "")


def comments(
    values: Mapping[str, Any],
    file: str,
    destinations: Sequence[Destination],
    looked: Sequence[str],
    seen: Seen | None,
    today: str,
) -> dict[str, list[str]]:
    """What is said in front of which key. `looked`: what was found when the source was looked at."""
    found: dict[str, list[str]] = {
        "": [
            "Written by camcast init. JSON with comments; every key is explained by: camcast schema",
            f"See whether all is well: camcast check {file} --sources --targets",
            f"Run it: camcast run {file}",
        ],
        f"{STREAM}.source": (
            [f"What came from it on {today}:", *(line.strip() for line in looked)]
            if looked
            else ["It was not looked at: camcast check --sources does."]
        ),
    }
    encoder = values["cameras"][0]["streams"][0].get("encoder")
    if encoder is not None and seen is not None:
        found[f"{STREAM}.encoder"] = [
            f"{refusing(seen, destinations)} takes no {seen.codec.upper()}, so the picture is encoded anew.",
            f"Cheaper: set the camera to {encoder['type'].partition('_')[0]}, and remove this.",
        ]
    for one in destinations:
        if one.platform is not None:
            found[f"{STREAM}.outputs.{one.name}"] = list(_wishes(one.platform))
    return found


def _wishes(platform: Platform) -> list[str]:
    """What a platform is known to want, in a line or two."""
    wants = []
    if platform.video_codecs is not None:
        wants.append(f"picture {', '.join(platform.video_codecs.value)}")
    if platform.needs_audio is not None and platform.needs_audio.value:
        wants.append("sound (silence is added where there is none)")
    if platform.keyframes_most is not None:
        wants.append(f"a keyframe every {platform.keyframes_most.value:g} s at least")
    lines = [f"{platform.title} wants: {'; '.join(wants)}."] if wants else [f"{platform.title}."]
    lines.append(f"All that is known of it: camcast platforms {platform.name}")
    if platform.backup is not None:
        lines.append(f"Its second ingest, for an output of its own: {platform.backup.value}")
    return lines
