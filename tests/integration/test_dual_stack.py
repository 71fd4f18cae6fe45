"""Names with an IPv6 and an IPv4 address, one of them dead, at a camera and at servers: the live one is found soon."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.dual_stack import LIVE, PATHS

pytestmark = pytest.mark.xdist_group("integration-dual_stack")
"""What all tests here share is made once."""

ROOT = Path(__file__).parents[2]
DEAD6, DEAD4 = "fd00:dead::1", "10.99.0.1"
NOBODY = "02:00:00:00:00:01"
"""A neighbour's hardware address that nobody has: packets leave, and nothing says that they do not arrive."""
NETWORK = f"""set -e
ip link set lo up
ip link add near type veth peer name far
ip link set near up
ip link set far up
ip -6 addr add fd00:dead::2/64 dev near nodad
ip addr add 10.99.0.2/24 dev near
ip neigh add {DEAD4} lladdr {NOBODY} dev near
ip -6 neigh add {DEAD6} lladdr {NOBODY} dev near
mount --bind "$1" /etc/hosts
exec "$0" -m tests.integration.dual_stack
"""
HOSTS = f"127.0.0.1 localhost dead6\n::1 localhost dead4\n{DEAD6} dead6\n{DEAD4} dead4\n"


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What came of each URL, in a network of its own."""
    hosts = tmp_path_factory.mktemp("dual") / "hosts"
    hosts.write_text(HOSTS)
    own = ["unshare", "-nm"] if os.geteuid() == 0 else ["unshare", "-rnm"]
    command = [*own, "sh", "-c", NETWORK, sys.executable, str(hosts)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    lines = [line.partition(": ") for line in done.stdout.splitlines()]
    assert lines, done.stderr[-1000:]
    return {name: told for name, _, told in lines}


@pytest.mark.parametrize("scheme", PATHS)
@pytest.mark.parametrize("name", LIVE)
def test_the_live_address_is_found(name: str, scheme: str, said: dict[str, str]) -> None:
    """With that of the camera before it, which is named likewise."""
    found = re.fullmatch(r"well in ([\d.]+) s", said[f"{name} {scheme}"])
    assert found, said
    # Waiting for a dead address takes ten.
    assert float(found[1]) < 9.5
