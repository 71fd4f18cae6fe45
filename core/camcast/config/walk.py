"""From what is written to what runs, from the file inwards: each value is visited once, and nothing leads back out.

What holds further in (the levels of the default output, variables, whose camera it is) goes along in a `Scope`.
What is wrong is told at its place, and its neighbours are checked all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from camcast.config.block import Given
from camcast.config.blocks import CAMERA, FILE, FOREIGN_OUTPUTS, PLUGINS, STREAM, SYSTEM, UPLINK
from camcast.config.here import Here
from camcast.config.hosted import check_service
from camcast.config.ids import assigned, check_names
from camcast.config.include import read_included
from camcast.config.json_text import MAX_DEPTH
from camcast.config.model import CameraConfig, Config, PluginsConfig, StreamConfig, SystemConfig
from camcast.config.output import Built, Level, Output, build
from camcast.config.place import Place, Report
from camcast.config.published import Published
from camcast.config.read import too_deep
from camcast.config.rules import read_output_name
from camcast.config.service import ServiceConfig, entries
from camcast.config.session import NOT_SAID, PRIMARY_OUTPUT, SessionConfig, default_name
from camcast.config.sharing import Sharing, check_others
from camcast.config.stream_parts import read_encoder, read_slate, read_source
from camcast.config.tracks import check_tracks
from camcast.config.uplink import UplinkConfig, read_uplink_name
from camcast.config.uplinked import Uplinked
from camcast.errors import ConfigError

if TYPE_CHECKING:
    from camcast.host import PluginHost


@attrs.frozen(kw_only=True)
class Scope:
    """What holds at a place and further in."""

    host: PluginHost
    base: Path | None
    published: Published
    uplinked: Uplinked
    """What is sent over each uplink."""
    here: Here | None = None
    """Who looks for what must be there on this machine; None = nobody."""
    levels: tuple[Level, ...] = ()
    """Of the default output, the outermost first."""
    variables: Mapping[str, Any] = attrs.field(factory=dict)
    running: bool = True
    """Whether what stands here is to run."""
    whole: bool = True
    """Whether ids and names out to here could be read, so that what is published can be compared."""
    identity: Mapping[str, Any] = attrs.field(factory=dict)
    """Whose camera and stream this is."""
    streams: tuple[str, ...] = ()
    """Names of the camera's."""

    def inside(self, given: Given, **identity: Any) -> Scope:
        """The same for what stands in this block."""
        values = given.values
        level = (Level.read(values["rtmp"], given.place.at("rtmp")),) if "rtmp" in values else ()
        return attrs.evolve(
            self,
            levels=(*self.levels, *level),
            variables={**self.variables, **values.get("variables", {})},
            running=self.running and values.get("enabled", True),
            whole=self.whole and given.whole,
            identity={**self.identity, **identity},
        )


def from_mapping(
    mapping: Mapping[str, Any],
    host: PluginHost,
    *,
    base: Path | None = None,
    file: Path | None = None,
    here: bool = False,
) -> Config:
    """The configuration in `mapping`; raises `ConfigError` with every issue found, each with its place.

    Relative paths that exist below `base` are taken from there; `file` is where the mapping itself was read. `here`:
    what cannot run on this machine is wrong, too: a secret, a file or a library is missing.
    """
    if too_deep(mapping):
        raise ConfigError(f"expected at most {MAX_DEPTH} objects and lists within each other, got more")
    report = Report()
    config = _file(mapping, host, base, file, report, here)
    report.raise_if_wrong()
    return attrs.evolve(config, notes=report.notes)


def plugins_of(mapping: Mapping[str, Any]) -> PluginsConfig:
    """Which plugins a file wants, before there is a host to check it with; what is wrong there is told later."""
    given = PLUGINS.read(mapping.get("plugins", {}), Report().root())
    return PluginsConfig(**given.values)


def _file(
    mapping: Mapping[str, Any], host: PluginHost, base: Path | None, file: Path | None, report: Report, here: bool
) -> Config:
    given = FILE.read(mapping, report.root())
    root, values = given.place, given.values
    plugins = PluginsConfig(**PLUGINS.read(values.get("plugins", {}), root.at("plugins")).values)
    limits = SYSTEM.read(values.get("system", {}), root.at("system"))
    uplinks = _uplinks(limits.values.get("uplinks", {}), root.at("system").at("uplinks"))
    system = SystemConfig(**{**limits.values, "uplinks": uplinks})
    host = host.limited(plugins.choice)
    looking = Here(host) if here else None
    services = _services(values.get("services", {}), root.at("services"), host, looking)
    sharing = Uplinked(host, uplinks, here=here)
    scope = Scope(host=host, base=base, published=Published(host), uplinked=sharing, here=looking).inside(given)
    include = values.get("include", ())
    blocks = _blocks(values.get("cameras", []), root.at("cameras"), scope)
    for one in read_included(include, base, root.at("include"), file):
        blocks += _blocks(one.cameras, one.place, attrs.evolve(scope, base=one.path.parent))
    cameras = _cameras(blocks)
    enabled = sum(camera.enabled for camera in cameras)
    if limits.whole and enabled > system.max_cameras:
        root.at("cameras").wrong(f"{enabled} cameras are enabled, system.max_cameras is {system.max_cameras}")
    if limits.whole:
        sharing.check(root.at("system").at("uplinks"))
    # With something wrong, two cameras may have one number, which no `Config` takes.
    right = () if report.told else tuple(cameras)
    return Config(plugins=plugins, system=system, services=services, cameras=right, include=include)


def _uplinks(values: Mapping[str, Any], place: Place) -> dict[str, UplinkConfig]:
    found = {}
    for name, value in values.items():
        where = place.at(str(name))
        with where.told():
            found[read_uplink_name(name)] = UplinkConfig(**UPLINK.read(value, where).values)
    return found


def _services(
    values: Mapping[str, Any], place: Place, host: PluginHost, here: Here | None
) -> tuple[ServiceConfig, ...]:
    found = []
    for name, value in values.items():
        with place.at(name).told():
            for below, options in entries(name, value):
                service = ServiceConfig(type=name, options=options)
                before, inside = place.report.told, place.at(name).below(below)
                check_service(host, service, inside, place.at(name))
                if here is not None and place.report.told == before:
                    here.service(service, host.service(service.type), place.at(name), inside)
                found.append(service)
    return tuple(found)


def _blocks(values: Sequence[Any], place: Place, scope: Scope) -> list[tuple[Given, Scope]]:
    """Cameras that stand in one file, each with what holds there."""
    return [(CAMERA.read(value, place.item(index)), scope) for index, value in enumerate(values)]


def _cameras(blocks: Sequence[tuple[Given, Scope]]) -> list[CameraConfig]:
    ids = _ids([given for given, _ in blocks], "camera_id")
    return [_camera(given, number, scope) for (given, scope), number in zip(blocks, ids, strict=True)]


def _camera(given: Given, number: int, scope: Scope) -> CameraConfig:
    name, place = given.values.get("name", ""), given.place.at("streams")
    inner = scope.inside(given, camera_id=number, camera_name=name)
    blocks = [STREAM.read(value, place.item(index)) for index, value in enumerate(given.values.get("streams", []))]
    ids = _ids(blocks, "stream_id")
    names = tuple(one.values.get("name", default_name(id_)) for one, id_ in zip(blocks, ids, strict=True))
    on = [(name, one) for name, one in zip(names, blocks, strict=True) if one.values.get("enabled", True)]
    check_names([name for name, _ in on], [one.place.at("name") for _, one in on])
    inner = attrs.evolve(inner, streams=names)
    streams = [_stream(one, id_, inner) for one, id_ in zip(blocks, ids, strict=True)]
    right = () if place.report.told else tuple(stream for stream in streams if stream is not None)
    return CameraConfig(camera_id=number, name=name, enabled=given.values.get("enabled", True), streams=right)


def _stream(given: Given, number: int, scope: Scope) -> StreamConfig | None:
    values, place, host = given.values, given.place, scope.host
    name = values.get("name", default_name(number))
    source, kind = read_source(values.get("source"), place.at("source"), host, scope.base)
    encoder = read_encoder(values.get("encoder", {}), place.at("encoder"), host, kind)
    slate = read_slate(values.get("slate", False), place.at("slate"), scope.base)
    inner = scope.inside(given, stream_id=number, stream_name=name)
    if scope.here is not None and inner.running and source is not None and kind is not None:
        scope.here.source(source, kind, place.at("source"))
        if encoder is not None:
            scope.here.encoder(encoder, kind, place.at("encoder"))
    sessions = tuple(_sessions(given, inner))
    if source is None or encoder is None:
        return None
    return StreamConfig(
        stream_id=number,
        name=name,
        enabled=values.get("enabled", True),
        source=source,
        encoder=encoder,
        slate=slate,
        sessions=sessions,
    )


def _sessions(given: Given, scope: Scope) -> Iterator[SessionConfig]:
    sharing = Sharing()
    for name, levels in _outputs(given, scope.levels).items():
        if not all(level.whole for level in levels):
            continue
        output = Output.of(levels)
        built = build(scope.host, output, {**scope.identity, "output": name}, scope.variables, scope.base)
        if built is not None and output.enabled:
            if scope.running:
                _publish(built, scope)
            place = output.origins.get("adapt", output.place.at("adapt"))
            sharing.add(built.session, place)
            scope.uplinked.add(built.session, output.place.with_elsewhere(output.origins), running=scope.running)
            if scope.whole:
                check_others(built.session, scope.streams, place)
                check_tracks(built.session, scope.streams, output.place.with_elsewhere(output.origins).at)
            yield built.session
    sharing.check()


def _outputs(given: Given, default: tuple[Level, ...]) -> Mapping[str, list[Level]]:
    """The levels of each output of a stream, by name. `default`: those of the one that is written as "rtmp"."""
    found: dict[str, list[Level]] = {PRIMARY_OUTPUT: list(default)} if default else {}
    for name, value in given.values.get("outputs", {}).items():
        where = given.place.at("outputs").at(name)
        if name == PRIMARY_OUTPUT and "rtmp" in given.values:
            if value != given.values["rtmp"]:
                given.place.at("rtmp").wrong(f"differs from {where.path}, which is the same output; keep one")
        elif name in FOREIGN_OUTPUTS:
            where.report.foreign(f"cameras[].streams[].outputs.{name}")
        else:
            with where.told():
                found.setdefault(read_output_name(name), []).append(Level.read(value, where))
    return found


def _publish(built: Built, scope: Scope) -> None:
    session, report = built.session, built.places[0].report
    for target, kind, entry, place in zip(session.targets, built.kinds, built.entries, built.places, strict=True):
        if target.insecure:
            report.note(f"{session.label}: insecure: whoever answers at {target.shown} is trusted")
        if scope.whole:
            scope.published.take(session.label, kind, target, place)
        if scope.here is not None:
            scope.here.target(session.label, target, kind, entry, place)


def _ids(blocks: Sequence[Given], key: str) -> list[int]:
    return assigned([given.values.get(key, NOT_SAID) for given in blocks], [given.place.at(key) for given in blocks])
