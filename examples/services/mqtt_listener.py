"""Hear from a broker how camcast's outputs are, and pause one: the other end of the MQTT service.

    python examples/services/mqtt_listener.py 127.0.0.1 1883 [OUTPUT]

OUTPUT is camera, stream and name, "0/0/rtmp": it is paused, and goes on once the broker has told so. Needs aiomqtt,
which `camcast[mqtt]` brings.
"""

from __future__ import annotations

import asyncio
import json
import sys

import aiomqtt


async def main(host: str, port: int, output: str = "") -> None:
    async with aiomqtt.Client(host, port) as client:
        await client.subscribe("camcast/output/+/+/+/state", qos=1)
        asked = False
        async for message in client.messages:
            if not isinstance(message.payload, bytes) or not message.payload:
                continue  # an empty one takes a topic back
            name = message.topic.value.removeprefix("camcast/output/").removesuffix("/state")
            state = json.loads(message.payload)
            print(f"{name}: {state['state']}, wanted {state['wanted']}", flush=True)
            if name == output and state["wanted"] == "ON" and not asked:
                asked = True
                await client.publish(f"camcast/output/{output}/set", "OFF", qos=1)
            elif name == output and state["wanted"] == "OFF":
                await client.publish(f"camcast/output/{output}/set", "ON", qos=1)
                return


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        asyncio.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:4]))
    except KeyboardInterrupt:
        print("no more")
