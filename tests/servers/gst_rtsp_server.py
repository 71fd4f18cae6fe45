"""GStreamer's RTSP server, run by the system's python3 (which has `gi`), not by the virtual environment.

    /usr/bin/python3 gst_rtsp_server.py '{"host": "127.0.0.1", "port": 8554, "mounts": {"/cam": {"launch": "…"}}, …}'

Keys of the whole: host, port, mounts, user, password, auth ("basic", "digest").
Keys of a mount: launch; shared (one pipeline for all clients); feed (a file of access units, each behind its size in
4 bytes, fed into the appsrc "feed" for ever at `fps`).
"""

import ctypes
import json
import signal
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

PDEATHSIG = 1


def read_units(path):
    with open(path, "rb") as file:
        data = file.read()
    units, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        units.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return units


class Feed:
    """Pushes access units whenever the pipeline wants some; its sink does the pacing."""

    def __init__(self, source, units, fps) -> None:
        self.units, self.fps, self.number = units, fps, 0
        source.connect("need-data", self.need)

    def need(self, source, _length) -> None:
        unit = self.units[self.number % len(self.units)]
        buffer = Gst.Buffer.new_wrapped(unit)
        buffer.pts = buffer.dts = self.number * Gst.SECOND // self.fps
        buffer.duration = Gst.SECOND // self.fps
        self.number += 1
        source.emit("push-buffer", buffer)


def factory_for(mount, guarded):
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(mount["launch"])
    factory.set_shared(mount.get("shared", False))
    if guarded:
        factory.add_role_from_structure(
            Gst.Structure.from_string(
                "viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
            )[0]
        )
    if "feed" in mount:
        units = read_units(mount["feed"])

        def configure(_factory, media) -> None:
            media.feed = Feed(media.get_element().get_by_name("feed"), units, mount["fps"])

        factory.connect("media-configure", configure)
    return factory


def guard(server, config) -> None:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if config["auth"] == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(config["user"], config["password"], token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(config["user"], config["password"]), token)
    server.set_auth(auth)


def main() -> None:
    ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGKILL)
    config = json.loads(sys.argv[1])
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address(config["host"])
    server.set_service(str(config["port"]))
    if "user" in config:
        guard(server, config)
    for path, mount in config["mounts"].items():
        server.get_mount_points().add_factory(path, factory_for(mount, "user" in config))
    if server.attach(None) == 0:
        sys.exit("cannot listen")
    GLib.MainLoop().run()


main()
