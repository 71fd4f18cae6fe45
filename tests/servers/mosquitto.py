"""One running mosquitto, with or without a password or TLS."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

from tests.servers.certificates import Certificate
from tests.servers.process import free_port, wait_for


class Mosquitto:
    """A broker in `folder`; `users` by their passwords, none: anybody may do anything."""

    def __init__(
        self, folder: Path, users: dict[str, str] | None = None, certificate: Certificate | None = None
    ) -> None:
        self.port = free_port()
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"listener {self.port} 127.0.0.1", "persistence false"]
        if users:
            passwords = folder / "passwords"
            passwords.touch(mode=0o600)
            for name, password in users.items():
                subprocess.run(["mosquitto_passwd", "-b", passwords, name, password], check=True, capture_output=True)
            passwords.chmod(0o644)
            lines += [f"password_file {passwords}", "allow_anonymous false"]
        else:
            lines.append("allow_anonymous true")
        if certificate is not None:
            lines += [f"certfile {certificate.cert_file}", f"keyfile {certificate.key_file}"]
        self._scheme = "mqtt" if certificate is None else "mqtts"
        (folder / "mosquitto.conf").write_text("\n".join([*lines, "user root", ""]))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        command = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([command, "-c", self._folder / "mosquitto.conf"], stdout=log, stderr=log)
        wait_for(self._answers, timeout=20)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Mosquitto:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        with socket.socket() as sock:
            sock.settimeout(1)
            return sock.connect_ex(("127.0.0.1", self.port)) == 0
