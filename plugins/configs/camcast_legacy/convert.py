"""The original system's files, turned into a configuration of today. Pure: values in, values and a report out.

The original read three files of one device, its only camera: `net_service.json` (where to push, one switch for
both streams), `venc.json` (the main stream's encoder) and `vi.json` (the sensor). Main is camera 0 stream 0, sub is
camera 0 stream 1. It served both streams over RTSP as well, and that is where the new streams get their media.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from camcast import UrlTemplate
from camcast.errors import ConfigError, Issue
from camcast.kinds import Conversion, Fate, Remark
from camcast.redaction import redact_name
from camcast.url_template import url_fault
from camcast_legacy.media import Encoder, read_encoder, read_sensor, sub_encoder
from camcast_legacy.source import read_source

DEFAULT_PORT = 554
"""The original's RTSP port where the file names none."""
STREAMS = (("main", "main_url", "stream1"), ("sub", "sub_url", "stream2"))
"""Name, key of its URL, path on the device's RTSP server; in the order of stream ids."""

_OLD_KEYS = {"enable", "main_url", "sub_url"}


@attrs.frozen(kw_only=True)
class OldFiles:
    """The root values of the original's files; None = there was no such file."""

    net_service: Any
    venc: Any = None
    vi: Any = None


def is_old(value: object) -> bool:
    """Whether a file's root value is an old `net_service.json`, with or without its wrapper."""
    if not isinstance(value, Mapping) or "cameras" in value:
        return False
    if "net_service" in value or "rtsp" in value:
        return True
    rtmp = value.get("rtmp")
    return isinstance(rtmp, Mapping) and bool(_OLD_KEYS & set(rtmp))


def convert(old: OldFiles, *, sources: Sequence[str] = (), template: str = "") -> Conversion:
    """The configuration that does what the old files did; raises `ConfigError` with paths of the old file.

    `sources`: where main and sub come from instead of the device's RTSP server (one for both, or one each).
    `template`: a URL template to publish to instead of the literal old URLs.
    """
    return _Converter(old, sources, template).convert()


class _Converter:
    def __init__(self, old: OldFiles, sources: Sequence[str], template: str) -> None:
        self.old = old
        self.sources = sources
        self.template = template
        self.remarks: list[Remark] = []
        self.issues: list[Issue] = []

    def convert(self) -> Conversion:
        path, service = self._unwrapped()
        rtmp = self._section(service, "rtmp", path)
        rtsp = self._section(service, "rtsp", path)
        enabled = self._enabled(rtmp, f"{path}rtmp.enable")
        port = self._port(rtsp, f"{path}rtsp.port")
        encoders = self._encoders()
        sensor, found = read_sensor(self.old.vi)
        self._tell(found)
        camera: dict[str, Any] = {"camera_id": 0, **({"name": sensor} if sensor else {}), "streams": []}
        for number, (name, key, device_path) in enumerate(STREAMS):
            stream: dict[str, Any] = {
                "stream_id": number,
                "name": name,
                "source": self._source(number, port, device_path),
            }
            if (encoder := encoders[number]) is not None:
                stream["encoder"] = encoder
            stream["rtmp"] = self._output(rtmp, key, f"{path}rtmp.{key}", number, enabled)
            camera["streams"].append(stream)
        self._leftovers(rtmp, f"{path}rtmp.", _OLD_KEYS)
        self._leftovers(rtsp, f"{path}rtsp.", {"port"})
        self._leftovers(service, path, {"rtmp", "rtsp"})
        if self.issues:
            raise ConfigError(self.issues)
        return Conversion({"rtmp": {"enabled": enabled}, "cameras": [camera]}, tuple(self.remarks))

    def _say(self, fate: Fate, key: str, text: str) -> None:
        self.remarks.append(Remark(fate, key, text))

    def _tell(self, found: Sequence[Remark]) -> None:
        self.remarks += found

    # --- net_service.json ---------------------------------------------------------------------------------

    def _unwrapped(self) -> tuple[str, Mapping[str, Any]]:
        """(path prefix, the service's sections)."""
        root = self.old.net_service
        if not is_old(root):
            text = 'expected an old net_service.json: an object with "net_service", or with "rtmp" and "rtsp"'
            raise ConfigError(text)
        if "net_service" not in root:
            return "", root
        self._leftovers(root, "", {"net_service"})
        service = root["net_service"]
        if not isinstance(service, Mapping):
            raise ConfigError([Issue("net_service", "expected an object")])
        return "net_service.", service

    def _section(self, service: Mapping[str, Any], name: str, path: str) -> Mapping[str, Any]:
        section = service.get(name, {})
        if isinstance(section, Mapping):
            return section
        self.issues.append(Issue(f"{path}{name}", "expected an object"))
        return {}

    def _enabled(self, rtmp: Mapping[str, Any], path: str) -> bool:
        value = rtmp.get("enable")
        if value is None:
            self._say(Fate.CHANGED, path, "is missing, which meant off: rtmp.enabled is false")
            return False
        if not isinstance(value, int | float):
            self.issues.append(Issue(path, "expected 0 or 1"))
            return False
        if not value:
            self._say(Fate.LEFT, path, "0 means that nothing was pushed: rtmp.enabled is false; set it to true to push")
        else:
            self._say(Fate.KEPT, path, "rtmp.enabled is true, for both streams")
        return bool(value)

    def _port(self, rtsp: Mapping[str, Any], path: str) -> int:
        port = rtsp.get("port", DEFAULT_PORT)
        if isinstance(port, bool) or not isinstance(port, int | float) or port != port or not 1 <= port <= 65535:
            self.issues.append(Issue(path, "expected a port from 1 to 65535"))
            return DEFAULT_PORT
        if "port" in rtsp:
            use = "was not needed, since sources are given" if self.sources else "is used in the sources' URLs"
            self._say(Fate.LEFT, path, f"camcast serves no RTSP; the port {use}")
        return int(port)

    def _output(self, rtmp: Mapping[str, Any], key: str, path: str, number: int, enabled: bool) -> dict[str, Any]:
        value = rtmp.get(key)
        if value is None or value == "":
            self._say(Fate.LEFT, path, f"is missing: {STREAMS[number][0]} has nowhere to go and its output is off")
            return {"enabled": False}
        if not isinstance(value, str):
            self.issues.append(Issue(path, "expected a URL as text"))
            return {}
        if fault := url_fault(value):
            self.issues.append(Issue(path, f"is not a valid URL: {fault}"))
            return {}
        if not self.template:
            self._say(Fate.KEPT, path, "published under the same name")
            return {"url": _escaped(value)}
        values = {"camera_id": 0, "stream_id": number, "stream_name": STREAMS[number][0]}
        try:
            new = UrlTemplate(self.template).expand(values)
        except ConfigError as error:
            self.issues.append(Issue("--template", str(error)))
            return {}
        if new == value:
            self._say(Fate.KEPT, path, "the template gives the same name")
        else:
            text = f"the published name changes from {redact_name(value)} to {redact_name(new)}: tell its players"
            self._say(Fate.CHANGED, path, text)
        return {"url_template": self.template}

    def _leftovers(self, section: Mapping[str, Any], path: str, known: set[str]) -> None:
        for key in section:
            if key not in known:
                self._say(Fate.LEFT, f"{path}{_shown_key(key)}", "camcast has nothing like it")

    # --- where media comes from, and what it is -----------------------------------------------------------

    def _source(self, number: int, port: int, device_path: str) -> dict[str, Any]:
        name = STREAMS[number][0]
        if not self.sources:
            if number == 0:
                text = "the device's own RTSP server, taken to be on this machine; elsewhere: --source rtsp://ADDRESS"
                self._say(Fate.CHANGED, "the pictures", text)
            return {"type": "rtsp", "url": f"rtsp://127.0.0.1:{port}/{device_path}"}
        text = self.sources[min(number, len(self.sources) - 1)]
        try:
            return read_source(text, port, device_path)
        except ValueError as error:
            self.issues.append(Issue(f"--source for {name}", str(error)))
            return {}

    def _encoders(self) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
        main: Encoder | None
        main, found = read_encoder(self.old.venc)
        self._tell(found)
        if main is None:
            return None, None
        sub, found = sub_encoder(main)
        self._tell(found)
        return main.written, sub.written


def _shown_key(key: object) -> str:
    """An ordinary word as it is; what may be a key that a service handed out, escaped and cut."""
    text = str(key)
    return text if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,31}", text) else ascii(text[:24])


def _escaped(url: str) -> str:
    """The literal URL as a template."""
    return url.replace("{", "{{").replace("}", "}}")
