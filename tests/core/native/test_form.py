"""Which form runs, and how that is chosen."""

from __future__ import annotations

import os
import subprocess
import sys
import types

import pytest

from camcast import native


def asked(value: str, code: str = "from camcast.native import form; print(form())") -> subprocess.CompletedProcess[str]:
    """What a program says that runs with the variable at `value`."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "CAMCAST_NATIVE": value},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_it_can_be_left_out() -> None:
    code = """
from camcast.native import extension, form
from camcast.stream.clock import Line
from camcast.stream.fastpath import FastPath, take_in_python
print(form(), extension, FastPath.take is take_in_python, Line(1, 2, 3, 4))
"""
    said = asked("0", code).stdout.strip()
    assert said == (
        "pure Python (CAMCAST_NATIVE is 0) None True "
        "Line(offset=1, source_dts=2, dts=3, arrival=4, shift=0, step=33000000)"
    )


@pytest.mark.native
def test_it_is_used_where_it_is_there() -> None:
    assert asked("").stdout.strip() == asked("1").stdout.strip() == "native"


def test_a_value_that_is_none_is_told() -> None:
    said = asked("yes")
    assert said.returncode
    assert 'CAMCAST_NATIVE is "yes", expected 0 (never), 1 (always) or nothing (if it was built)' in said.stderr


def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(native, "_fastpath", raising=False)
    monkeypatch.setitem(sys.modules, "camcast.native._fastpath", None)


def test_its_absence_is_no_error_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch)
    assert native.load("") == (None, "it was not built")
    with pytest.raises(native.NativeMissing, match="CAMCAST_NATIVE is 1, but it was not built: install a C compiler"):
        native.load("1")


def test_one_of_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch)
    old = types.ModuleType("camcast.native._fastpath")
    old.FORM = 0  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "camcast.native._fastpath", old)
    assert native.load("") == (None, f"it was built for another version (form 0, expected {native.FORM})")
    with pytest.raises(native.NativeMissing, match="another version"):
        native.load("1")
