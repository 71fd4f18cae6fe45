"""Hours of faults: python -m bench.soak --hours 2 [--seed S]. Status 1 when one is not survived or anything grows."""

from __future__ import annotations

import sys

from bench import long
from bench.soak.run import Soak

_NOTE = """Off air counts seconds without a publishing attempt, of all sessions together; a silent server counts from
when that was noticed."""


def main() -> int:
    parser = long.arguments(__doc__, hours=2.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return long.go("soak-faults", "Faults", Soak(long.seconds(options), options.seed), _NOTE)


if __name__ == "__main__":
    sys.exit(main())
