"""An audit that could not look is told from one that found nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tools.audit import FAULTS, NOT_LOOKED, NOTHING, main, verdict

UNKNOWN = "ERROR:pip_audit._cli:attrs: Dependency not found on PyPI and could not be audited: attrs (26.1)\n"


@pytest.mark.parametrize(
    ("code", "said", "expected"),
    [
        (0, "No known vulnerabilities found\n", NOTHING),
        (1, "Found 1 known vulnerability in 1 package\nName Version ID\n", FAULTS),
        (1, "Found 12 known vulnerabilities, ignored 2 in 3 packages\n", FAULTS),
        (1, UNKNOWN, NOT_LOOKED),
        (1, "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed\n", NOT_LOOKED),
        (0, "", NOT_LOOKED),
        (1, "No known vulnerabilities found\n", NOT_LOOKED),
    ],
)
def test_what_a_run_has_found_out(code: int, said: str, expected: int) -> None:
    assert verdict(code, said) == expected


def test_where_it_cannot_look_it_says_so_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "pip-audit"
    program.write_text(f"#!{sys.executable}\nprint({UNKNOWN!r})\nraise SystemExit(1)\n")
    program.chmod(0o755)
    assert main([str(program), "a.lock"]) == NOT_LOOKED
    said = capsys.readouterr().out
    assert "attrs (26.1)" in said
    assert said.splitlines()[-1].startswith("COULD NOT LOOK")
