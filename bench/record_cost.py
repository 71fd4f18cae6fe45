"""What recording costs: sixteen streams that go to a server, and the same sixteen that are recorded too, at the
same time.

Each is the main clip (4 Mbit/s, 1080p, AAC), played in a loop and sent as it is. Reach: 0.1 % of a core for each
recording, and no frame lost.

    python -m bench.record_cost [--pairs 8] [--seconds 20]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.media import made

from bench.clips import MAIN
from bench.in_pairs import OUTPUTS, compare
from bench.peers import Peer

MOST = 0.1
"""% of one core for each."""


def configuration(peer: Peer, folder: Path, records: bool) -> dict[str, Any]:
    def outputs(number: int) -> dict[str, Any]:
        live = {"live": {"url": peer.url(f"{number}")}}
        record = {"record": {"url": f"record://{folder}/%Y%m%d-%H%M%S-{number}.mp4"}}
        return {**live, **(record if records else {})}

    source = {"type": "file", "url": str(made(MAIN)), "options": {"loop": True}}
    return {
        "cameras": [
            {"camera_id": number, "streams": [{"source": source, "outputs": outputs(number)}]}
            for number in range(OUTPUTS)
        ]
    }


def main() -> int:
    return compare(
        __doc__,
        "record-cost",
        f"{OUTPUTS} streams with and without a recording of each",
        configuration,
        reach=f"at most {MOST:g} % of a core for each recording, no frame lost",
        reached=lambda costs: costs.points / OUTPUTS <= MOST,
        more=OUTPUTS,
    )


if __name__ == "__main__":
    sys.exit(main())
