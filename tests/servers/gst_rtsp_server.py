"""An RTSP server of GStreamer's, run by the system's python3 (which has `gi`), not by the virtual environment.

    /usr/bin/python3 gst_rtsp_server.py '{"mounts": {"/cam": {"launch": "( … )"}}, "port": 0, …}'

The first line on stdout is {"port": N}. Ends with its stdin, so no server outlives its test.
Keys of a mount: launch, shared (one pipeline for all clients), looping (start over at the end of the file).
Keys of the server: port, user, password, auth ("basic", "digest"), timeout (s, RTSP session), retransmit.
"""

import json
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402


def factory_for(mount: dict, guarded: bool) -> GstRtspServer.RTSPMediaFactory:
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(mount["launch"])
    factory.set_shared(bool(mount.get("shared", False)))
    factory.set_latency(0)
    if mount.get("keep", False):
        factory.set_suspend_mode(GstRtspServer.RTSPSuspendMode.NONE)
    if guarded:
        permissions = GstRtspServer.RTSPPermissions()
        factory.add_role_from_structure(
            Gst.Structure.from_string(
                "viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
            )[0]
        )
        del permissions
    return factory


def guard(server: GstRtspServer.RTSPServer, config: dict) -> None:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if config.get("auth", "basic") == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(config["user"], config["password"], token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(config["user"], config["password"]), token)
    server.set_auth(auth)


def main() -> None:
    config = json.loads(sys.argv[1])
    Gst.init(None)
    loop = GLib.MainLoop()
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(config.get("port", 0)))
    guarded = "user" in config
    if guarded:
        guard(server, config)
    mounts = server.get_mount_points()
    for path, mount in config["mounts"].items():
        mounts.add_factory(path, factory_for(mount, guarded))
    if server.attach(None) == 0:
        sys.exit("cannot listen")
    print(json.dumps({"port": server.get_bound_port()}), flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    loop.run()


main()
