"""IPv6 addresses with a zone in every URL, in both spellings, at a camera and at servers, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cameras.zones import ADDRESS, FIRST, LINK, SPELLINGS

pytestmark = pytest.mark.xdist_group("cameras-zones")
"""What all tests here share is made once."""

ROOT = Path(__file__).parents[2]
SCHEMES = (*FIRST, "srt")


@pytest.fixture(scope="module")
def said() -> dict[str, str]:
    """What came of each URL, in a network of its own."""
    link = f"ip link set {LINK} up && ip -6 addr add {ADDRESS}/64 dev {LINK} nodad"
    own = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    command = [*own, "sh", "-c", f'{link} && exec "$0" -m tests.cameras.zones', sys.executable]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)
    lines = [line.partition(": ") for line in done.stdout.splitlines()]
    assert lines, done.stderr[-1000:]
    return {name: told for name, _, told in lines}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_zone_is_understood(spelling: str, scheme: str, said: dict[str, str]) -> None:
    assert said[f"{spelling} {scheme}"] == "well"


def test_the_camera_is_not_told_the_zone(said: dict[str, str]) -> None:
    assert int(said["camera"]) == len(SPELLINGS) * len(SCHEMES)
    assert said["it was asked for"].startswith(f"[{ADDRESS}]:")
    assert "," not in said["it was asked for"]
