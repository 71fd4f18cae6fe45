"""What regulators cost: sixteen outputs that follow their links, and the same sixteen without, at the same time.

One small encoded picture goes to one local server sixteen times. Reach: 2 % more.

    python -m bench.adapt_cost [--pairs 8] [--seconds 20]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bench.in_pairs import OUTPUTS, compare
from bench.peers import Peer

MOST = 2.0
"""% more."""


def configuration(peer: Peer, folder: Path, adapts: bool) -> dict[str, Any]:
    adapt = {"adapt": {"min": 200, "max": 1000, "together": True}} if adapts else {}
    return {
        "cameras": [
            {
                "streams": [
                    {
                        "source": {"type": "testsrc"},
                        "encoder": {"type": "H264_CBR", "width": 320, "height": 180, "framerate": 30, "bitrate": 1000},
                        "outputs": {f"out{n}": {"url": peer.url(f"{n}"), **adapt} for n in range(OUTPUTS)},
                    }
                ]
            }
        ]
    }


def main() -> int:
    return compare(
        __doc__,
        "adapt-cost",
        f"{OUTPUTS} outputs with and without a regulator",
        configuration,
        reach=f"at most {MOST:g} % more",
        reached=lambda costs: costs.more <= MOST,
    )


if __name__ == "__main__":
    sys.exit(main())
