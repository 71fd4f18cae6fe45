"""A `Config` that a program made, checked as a file is: the same rules, with places in the object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from camcast.config.hosted import canonical_encoder, check_encoder, check_service, check_source, check_target
from camcast.config.ids import check_names
from camcast.config.model import CameraConfig, Config, StreamConfig
from camcast.config.place import Place, Report
from camcast.config.published import Published
from camcast.config.session import PRIMARY_OUTPUT, SessionConfig
from camcast.config.sharing import Sharing, check_others
from camcast.config.shown_names import without_keys
from camcast.config.tracks import check_tracks
from camcast.config.uplinked import Uplinked

if TYPE_CHECKING:
    from camcast.host import PluginHost


def check(config: Config, host: PluginHost) -> Config:
    """The configuration with its encoders' types as the plugins spell them.

    Raises `ConfigError` with everything that is wrong, each with its place, `cameras[0].streams[1].source.options.fps`.
    """
    report, published = Report(), Published(host)
    place = report.root().at("cameras")
    uplinked = Uplinked(host, config.system.uplinks)
    cameras = tuple(
        _camera(camera, host, place.item(index), published, uplinked) for index, camera in enumerate(config.cameras)
    )
    uplinked.check(report.root().at("system").at("uplinks"))
    enabled = sum(camera.enabled for camera in cameras)
    if enabled > config.system.max_cameras:
        place.wrong(f"{enabled} cameras are enabled, system.max_cameras is {config.system.max_cameras}")
    for index, service in enumerate(config.services):
        where = report.root().at("services").item(index)
        check_service(host, service, where.at("options"), where.at("type"))
    report.raise_if_wrong()
    return config if cameras == config.cameras else attrs.evolve(config, cameras=cameras)


def check_camera(camera: CameraConfig, host: PluginHost) -> CameraConfig:
    """The same for one camera, but for what its sessions publish; places are below the camera."""
    report = Report()
    checked = _camera(camera, host, report.root(), None, None)
    report.raise_if_wrong()
    return checked


def canonical(config: Config, host: PluginHost) -> Config:
    """The same configuration in one spelling, so that it can be compared; what is wrong stays as it is."""
    cameras = tuple(
        attrs.evolve(camera, streams=tuple(_canonical(stream, host) for stream in camera.streams))
        for camera in config.cameras
    )
    return config if cameras == config.cameras else attrs.evolve(config, cameras=cameras)


def _canonical(stream: StreamConfig, host: PluginHost) -> StreamConfig:
    kind = host.sources.get(stream.source.type)
    return attrs.evolve(stream, encoder=canonical_encoder(host, stream.encoder, kind))


def _camera(
    camera: CameraConfig, host: PluginHost, place: Place, published: Published | None, uplinked: Uplinked | None
) -> CameraConfig:
    streams, names = [], [stream.name for stream in camera.streams]
    on = [(index, stream.name) for index, stream in enumerate(camera.streams) if stream.enabled]
    check_names([name for _, name in on], [place.at("streams").item(index).at("name") for index, _ in on])
    for index, stream in enumerate(camera.streams):
        where = place.at("streams").item(index)
        kind = check_source(host, stream.source, where.at("source"))
        encoder = check_encoder(host, stream.encoder, kind, where.at("encoder"))
        running = published if camera.enabled and stream.enabled else None
        sharing = Sharing()
        taken = {PRIMARY_OUTPUT}  # of which each further one gets a number
        sessions = []
        for number, session in enumerate(stream.sessions):
            place_of_session = where.at("sessions").item(number)
            sessions.append(_session(session, host, place_of_session, running))
            if session.output in taken and session.output != PRIMARY_OUTPUT:
                place_of_session.at("output").wrong(f'"{session.output}" is taken by another session of this stream')
            taken.add(session.output)
            sharing.add(session, place_of_session.at("adapt"))
            check_others(session, names, place_of_session.at("adapt"))
            check_tracks(session, names, place_of_session.at)
            if uplinked is not None:
                uplinked.add(session, place_of_session, running=running is not None)
        sharing.check()
        streams.append(attrs.evolve(stream, encoder=encoder or stream.encoder, sessions=tuple(sessions)))
    return camera if tuple(streams) == camera.streams else attrs.evolve(camera, streams=tuple(streams))


def _session(session: SessionConfig, host: PluginHost, place: Place, published: Published | None) -> SessionConfig:
    for index, target in enumerate(session.targets):
        where = place.at("targets").item(index)
        kind = check_target(host, target, where, where.at("url"))
        if published is not None:
            published.take(session.label, kind, target, where.at("url"))
    return without_keys(session, host)
