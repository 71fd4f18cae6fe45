"""A service loads what it uses of a library: others' command lines and resolvers are megabytes beside every stream."""

from __future__ import annotations

import subprocess

from camcast.interpreter import interpreter

EVERYTHING_ON = """
import asyncio, sys
from camcast import Engine
from camcast.config import from_mapping
from camcast.host import PluginHost

SERVICES = {"http": {"port": 0}, "prometheus": {"listen": "127.0.0.1:0"}, "mqtt": {"url": "mqtt://127.0.0.1:9"}}

async def main():
    config = from_mapping({"services": SERVICES}, PluginHost())
    async with asyncio.timeout(30):
        async with Engine(config) as engine:
            wanted = ["broker_away", "listening", "listening"]
            async for event in engine.view().events():
                code = getattr(event, "code", "")
                if code in wanted:
                    wanted.remove(code)
                if not wanted:
                    break
            loaded = {name for name, module in sys.modules.items() if "__getattr__" not in vars(module)}
            known = {"click", "watchfiles", "uvicorn", "uvicorn.main", "uvicorn.server", "dns.resolver", "dns.message",
                     "paho.mqtt.client", "prometheus_client.exposition"}
            print(*sorted(loaded & known))

asyncio.run(main())
from uvicorn import run, Server
print(run.__name__, Server.__name__)
"""


def test_everything_on_loads_what_it_uses_and_a_program_around_it_has_the_rest() -> None:
    run = subprocess.run([*interpreter(), "-c", EVERYTHING_ON], capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout.splitlines() == [
        "paho.mqtt.client prometheus_client.exposition uvicorn.server",
        "run Server",
    ], run.stderr
