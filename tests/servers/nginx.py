"""nginx with the RTMP module, recording all that is published."""

from __future__ import annotations

import os
import shutil
import threading
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode

from tests.servers.certificates import Certificate
from tests.servers.process import ServerProcess, free_port, wait_for

MODULES = Path("/usr/lib/nginx/modules")

_CONFIG = """
load_module {modules}/ngx_rtmp_module.so;
load_module {modules}/ngx_stream_module.so;
{user}
daemon off;
master_process off;
error_log stderr info;
pid {directory}/nginx.pid;
events {{ worker_connections 1024; }}
rtmp {{
  server {{
    listen {listen};
    chunk_size {chunk_size};
    max_message {max_message};
    {server_extra}
    application live {{ live on; {extra} }}
    application record {{
      live on;
      record all; record_path {recordings}; record_unique {unique}; record_append {append};
      {extra}
    }}
    application denied {{ live on; deny publish all; }}
    application hooked {{ live on; on_publish http://127.0.0.1:{hook}/on_publish; }}
    {applications}
  }}
}}
{tls}
http {{
  access_log off;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  server {{
    listen {http_listen};
    location /stat {{ rtmp_stat all; }}
    location /control {{ rtmp_control all; }}
  }}
}}
"""


_TLS = """
stream {{
  server {{
    listen {listen} ssl;
    ssl_certificate {certificate.cert_file};
    ssl_certificate_key {certificate.key_file};
    proxy_pass {backend};
    proxy_timeout 1h;
  }}
}}
"""


class Nginx(ServerProcess):
    """Applications: "live", "record" (all to `recordings(name)`), "denied" (deny publish), "hooked" (asks a hook
    that answers `hook_status`, 403 at first; `hook_calls` holds the forms it was sent). With a `certificate` the same
    applications are served over TLS on `tls_port` (`tls_url`).

    `max_message` as nginx writes it ("1M" is its own default; "16M" here); `applications`, `extra` (for live and
    record) and `server_extra` are more configuration text. `kill`, `freeze`, `thaw`, `restart` as for all servers.
    """

    # In its single-process mode a signal just before it goes to sleep is seen only when something else wakes it.
    signal_every = 0.2

    def __init__(
        self,
        directory: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        prefix: Sequence[str] = (),
        max_message: str = "16M",
        chunk_size: int = 4096,
        applications: str = "",
        extra: str = "",
        server_extra: str = "",
        append: bool = False,
        certificate: Certificate | None = None,
    ) -> None:
        super().__init__(directory, host=host, port=port, prefix=prefix)
        self.http_port = free_port()
        self.tls_port = free_port() if certificate else 0
        self._recordings = directory / "recordings"
        self._recordings.mkdir(exist_ok=True)
        self._hook = _Hook()
        bracketed = f"[{host}]" if ":" in host else host
        self._text = _CONFIG.format(
            modules=MODULES,
            user="user root;" if os.geteuid() == 0 else "",
            directory=directory,
            listen=f"{bracketed}:{self.port}",
            http_listen=f"{bracketed}:{self.http_port}",
            max_message=max_message,
            chunk_size=chunk_size,
            recordings=self._recordings,
            unique="off" if append else "on",
            append="on" if append else "off",
            hook=self._hook.server_port,
            applications=applications,
            extra=extra,
            tls=_TLS.format(
                listen=f"{bracketed}:{self.tls_port}", certificate=certificate, backend=f"{bracketed}:{self.port}"
            )
            if certificate
            else "",
            server_extra=server_extra,
        )

    @property
    def hook_calls(self) -> list[dict[str, str]]:
        return self._hook.calls

    @property
    def hook_status(self) -> int:
        return self._hook.status

    @hook_status.setter
    def hook_status(self, status: int) -> None:
        self._hook.status = status

    def command(self) -> Sequence[str]:
        config = self.directory / "nginx.conf"
        config.write_text(self._text)
        return (shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(config), "-p", str(self.directory))

    def ports(self) -> Sequence[int]:
        return (self.port, self.http_port, self.tls_port) if self.tls_port else (self.port, self.http_port)

    def url(self, name: str, app: str = "record") -> str:
        return f"rtmp://{self.address}/{app}/{name}"

    def tls_url(self, name: str, app: str = "record", *, host: str = "localhost") -> str:
        """By name, as certificates want it."""
        return f"rtmps://{host}:{self.tls_port}/{app}/{name}"

    def recordings(self, name: str) -> list[Path]:
        """Files recorded of this name, oldest first: one a publish (nginx names them by the second)."""
        return sorted(
            [*self._recordings.glob(f"{name}.flv"), *self._recordings.glob(f"{name}-[0-9]*.flv")],
            key=lambda path: path.stat().st_mtime_ns,
        )

    def recording(self, name: str, *, timeout: float = 10.0) -> Path:
        """The newest complete recording of `name`: waits until nobody publishes it any more."""
        wait_for(lambda: name not in self.publishing("record"), timeout=timeout, why=f"{name} is unpublished")
        found = self.recordings(name)
        assert found, f"nginx recorded nothing of {name}:\n{self.log_text[-2000:]}"
        return found[-1]

    def statistics(self) -> ElementTree.Element:
        """nginx's own statistics (rtmp_stat)."""
        return ElementTree.fromstring(self._get("/stat"))

    def publishing(self, app: str = "live") -> dict[str, int]:
        """Names being published to `app` now, and the bytes received of each."""
        found = {}
        for application in self.statistics().iter("application"):
            if application.findtext("name") == app:
                for stream in application.iter("stream"):
                    if stream.find("publishing") is not None:
                        found[stream.findtext("name") or ""] = int(stream.findtext("bytes_in") or 0)
        return found

    def wait_publishing(self, name: str, app: str = "live", *, least: int = 1, timeout: float = 10.0) -> None:
        """Until at least so many bytes of `name`, those of the handshake included, have come in."""
        why = f"{least} bytes of {app}/{name} have come in"
        wait_for(lambda: self.publishing(app).get(name, 0) >= least, timeout=timeout, why=why)

    def drop(self, name: str, app: str = "live") -> None:
        """Close the publisher's connection from the server's side (rtmp_control)."""
        self._get(f"/control/drop/publisher?{urlencode({'app': app, 'name': name})}")

    def close(self) -> None:
        """Stop, and end the hook's server as well; not to be started again."""
        self.stop()
        self._hook.close()

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _get(self, path: str) -> bytes:
        host = f"[{self.host}]" if ":" in self.host else self.host
        with urllib.request.urlopen(f"http://{host}:{self.http_port}{path}", timeout=5) as answer:
            return bytes(answer.read())


class _Hook(ThreadingHTTPServer):
    """Answers nginx's on_publish."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _HookRequest)
        self.status = 403
        self.calls: list[dict[str, str]] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.shutdown()
        self._thread.join(5)
        self.server_close()


class _HookRequest(BaseHTTPRequestHandler):
    server: _Hook

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.server.calls.append({key: values[0] for key, values in parse_qs(form).items()})
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""
