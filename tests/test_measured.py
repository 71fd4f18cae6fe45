"""The coverage of a run is that of this tree: copies that tests install elsewhere and run do not thin it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from coverage import Coverage, CoverageData
from coverage.exceptions import NoDataError

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "pyproject.toml"
OWN = ROOT / "core" / "camcast" / "errors.py"


def test_a_copy_that_a_test_installs_is_not_measured(tmp_path: Path) -> None:
    (tmp_path / "there" / "camcast").mkdir(parents=True)
    copy = tmp_path / "there" / "camcast" / "__init__.py"
    copy.write_text("import pathlib\npathlib.Path('ran').touch()\n")
    (tmp_path / "script.py").write_text("import camcast\n")
    measure = ["-m", "coverage", "run", f"--rcfile={CONFIG}", f"--data-file={tmp_path / 'data'}", "script.py"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    subprocess.run(
        [sys.executable, *measure],
        env={**environment, "PYTHONPATH": str(copy.parent.parent)},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=100,
    )
    assert (tmp_path / "ran").exists()
    for file in tmp_path.glob("data*"):
        data = CoverageData(str(file))
        data.read()
        assert not data.measured_files()


@pytest.mark.parametrize("own", [True, False])
def test_one_that_lies_anywhere_is_not_in_the_report(own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with TemporaryDirectory() as elsewhere:
        copy = Path(elsewhere, "camcast", "errors.py")
        copy.parent.mkdir()
        copy.write_text("x = 1\n")
        file = str(Path(elsewhere, "data"))
        data = CoverageData(file)
        data.add_arcs({str(path): [(-1, 1), (1, -1)] for path in ((copy, OWN) if own else (copy,))})
        told = io.StringIO()
        report = Coverage(data_file=file, config_file=str(CONFIG))
        report.load()
        if own:
            report.report(file=told)
            assert [line.split()[0] for line in told.getvalue().splitlines() if ".py" in line] == [
                "core/camcast/errors.py"
            ]
        else:
            with pytest.raises(NoDataError):
                report.report(file=told)
