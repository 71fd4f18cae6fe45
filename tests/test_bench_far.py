"""The table of far servers can be made in pieces."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import far, report


def test_lines_of_earlier_days_stay_and_all_are_in_the_same_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    first, second, third = list(far.cases(quick=False))[:3]
    whole = {"transport": "rtmp", "sender": "camcast", "first picture s": 0.5, "lost before": 0}
    far.Results(tmp_path / "far.json").add(third, whole)
    far.Results(tmp_path / "far.json").add(first, {"transport": "rtmp", "first picture s": "nothing came"})
    path = far.Results(tmp_path / "far.json").add(second, {**whole, "lost before": 7})
    assert list(far.Results(tmp_path / "far.json").rows) == [str(first), str(second), str(third)]
    lines = [line for line in path.read_text().splitlines() if line.startswith("| rtmp")]
    assert ["nothing came" in line for line in lines] == [True, False, False]
    assert "| 7 " in lines[1]
    assert f"3 of the {len(list(far.cases(quick=False)))} cases" in path.read_text()


def test_the_quick_cases_are_some_of_all_with_both_senders() -> None:
    quick, whole = list(far.cases(quick=True)), list(far.cases(quick=False))
    assert set(quick) < set(whole)
    assert {case.sender for case in quick} == {"camcast", "ffmpeg"}
    brief = list(far.cases(quick=False, brief=True))
    assert set(brief) < set(quick)
    assert {(case.transport, case.sender) for case in brief} == {(case.transport, case.sender) for case in quick}
    longest = far.FLOW + sum(far.CUTS) + len(far.CUTS) * far.RECOVERY + 10
    assert len(brief) * longest < 600, "seconds"
    assert len({str(case) for case in whole}) == len(whole)
