"""`python -m tools.sanitize [PYTEST ARGUMENTS]`: the tests of the C form under AddressSanitizer and UBSan.

The C files are built into `.cache/sanitized`, and the tests load them from there: this module is a plugin of pytest's
as well. Leaks are not looked for, since Python keeps much until it ends: `tests/core/native/test_references.py` does.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent.parent
BUILT = ROOT / ".cache" / "sanitized"
VARIABLE = "CAMCAST_SANITIZED"
TESTS = (
    "tests/core/native/test_states.py",
    "tests/core/stream/test_fastpath.py",
    "tests/core/stream/test_marks.py",
    "tests/core/stream/test_ledger.py",
    "tests/plugins/test_aac_forms.py",
    "tests/plugins/test_file_forms.py",
    "tests/plugins/test_nal_fast_path.py",
    "tests/plugins/test_push_forms.py",
    "tests/plugins/test_record_batch.py",
    "tests/plugins/test_rtmp_port.py",
    "tests/plugins/test_rtmp_driver.py",
    "tests/plugins/test_rtmp_positions.py",
    "tests/plugins/test_rtsp_forms.py",
    "tests/plugins/test_rtsp_media.py",
)


class Sanitized:
    """Finds the C modules where they were built for this, before anything else is asked."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        last = name.rpartition(".")[2]
        for file in BUILT.rglob(f"{last}.*.so") if ".native._" in name else ():
            return importlib.util.spec_from_file_location(name, file)
        return None


def runtime(name: str) -> str:
    """Where the compiler has its `name`."""
    return subprocess.run(
        ["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True
    ).stdout.strip()


def main(arguments: Sequence[str]) -> int:
    sys.path.insert(0, str(ROOT))
    from hatch_build import SANITIZED, compiled

    compiled(BUILT, SANITIZED)
    environment = {
        **os.environ,
        VARIABLE: "1",
        "CAMCAST_NATIVE": "1",
        "LD_PRELOAD": f"{runtime('libasan.so')} {runtime('libubsan.so')}",
        # Python's own allocator would hide what is read after it was freed.
        "PYTHONMALLOC": "malloc",
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "tools.sanitize", "--timeout=600"]
    return subprocess.run([*command, *(arguments or TESTS)], cwd=ROOT, env=environment).returncode


if os.environ.get(VARIABLE):
    sys.meta_path.insert(0, Sanitized())

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
