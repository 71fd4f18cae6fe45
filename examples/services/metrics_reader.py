"""Read the figures that camcast offers Prometheus, and say which outputs are not well: for a check of one's own.

    python examples/services/metrics_reader.py http://127.0.0.1:9464/metrics

Exit status 1 where one is not well. Needs prometheus-client, which `camcast[prometheus]` brings.
"""

from __future__ import annotations

import sys
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families


def main(address: str) -> int:
    with urlopen(address, timeout=10) as answer:
        text = answer.read().decode()
    bad = 0
    for family in text_string_to_metric_families(text):
        if family.name == "camcast_session_health":
            for sample in family.samples:
                if sample.value:  # one of several words holds at a time
                    bad += sample.labels["is"] == "unhealthy"
                    print(f"{sample.labels['session']}: {sample.labels['is']}")
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
