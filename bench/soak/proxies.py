"""The fault proxies in a process of their own, so that the one that is measured holds camcast only.

The child is given backends, answers with its ports, and then obeys lines of JSON: {"do": "freeze", "name": "nginx", …}.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any, Self

from tests.faults.proxy import FaultProxy, Greeting

Backends = Mapping[str, tuple[str, int]]


class Proxies:
    """All of them. May be used from any thread."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self.addresses: dict[str, str] = {}

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def ask(self, do: str, name: str = "", **how: Any) -> Any:
        """Obey: a method of `FaultProxy` by its name; "set" with attributes; "open": names that carry something."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps({"do": do, "name": name, "how": how}) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", __name__, json.dumps(dict(self._backends))]
        # In a session of its own, as all that is around: an interrupt from the terminal is for the run.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.addresses = self.ask("addresses")
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


def _obey(proxies: Mapping[str, FaultProxy], command: Mapping[str, Any]) -> Any:
    how = dict(command["how"])
    match command["do"]:
        case "addresses":
            return {name: proxy.address for name, proxy in proxies.items()}
        case "open":
            return [name for name, proxy in proxies.items() if proxy.open]
        case "set":
            if "greeting" in how:
                how["greeting"] = Greeting(how["greeting"])
            for name, value in how.items():
                setattr(proxies[command["name"]], name, value)
        case "inject":
            proxies[command["name"]].inject(bytes.fromhex(how["data"]))
        case method:
            getattr(proxies[command["name"]], method)(**how)
    return None


def main() -> None:
    backends = json.loads(sys.argv[1])
    proxies = {name: FaultProxy((host, port)).start() for name, (host, port) in backends.items()}
    for line in sys.stdin:
        print(json.dumps(_obey(proxies, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
