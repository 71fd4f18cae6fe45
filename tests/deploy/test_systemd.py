"""The unit file, judged by systemd's own tools."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "camcast.service"
EXPOSURE = 20
"""Tenths, of 100, that `systemd-analyze security` may find; above 50 it calls a service exposed."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with this installation's command."""
    command = Path(sys.executable).with_name("camcast")
    text, count = re.subn("^ExecStart=/opt/camcast/bin/camcast", f"ExecStart={command}", UNIT.read_text(), flags=re.M)
    assert count == 1
    path = tmp_path / UNIT.name
    path.write_text(text)
    return path


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60)


def test_systemd_understands_every_line(unit: Path) -> None:
    done = analyze("verify", "--man=no", unit)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_line_that_is_wrong_would_be_noticed(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("WatchdogSec=30", "WatchdogSecs=30"))
    assert "WatchdogSecs" in analyze("verify", "--man=no", unit).stderr


def test_it_is_hardened(unit: Path) -> None:
    done = analyze("security", "--offline=true", "--no-pager", "--json=short", f"--threshold={EXPOSURE}", unit)
    assert done.returncode == 0, done.stdout
    # What is left open is what camcast needs: the network, devices, limits of its own.
    assert {one["json_field"] for one in json.loads(done.stdout) if one["set"] is False} <= {
        "DeviceAllow",
        "IPAddressDeny",
        "MemoryDenyWriteExecute",
        "PrivateDevices",
        "PrivateMounts",
        "PrivateNetwork",
        "PrivateUsers",
        "ProcSubset",
        "RestrictAddressFamilies_AF_INET_INET6",
        "RestrictAddressFamilies_AF_NETLINK",
        "RestrictAddressFamilies_AF_UNIX",
        "RootDirectoryOrRootImage",
        "SupplementaryGroups",
        "SystemCallFilter_resources",
    }
