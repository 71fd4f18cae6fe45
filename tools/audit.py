"""`python -m tools.audit PIP-AUDIT LOCK…`: known faults of what the locks name, or that nobody could look.

pip-audit asks the public index about every version. Where that cannot be reached, or does not know one of them, nothing
was looked up, and that must not pass for "nothing found": the last line says which of the three it was, and so does the
exit code: 0 nothing known, 1 known faults, 2 could not look.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence

_FOUND = re.compile(r"^Found \d+ known vulnerabilit", re.MULTILINE)
_NONE = "No known vulnerabilities found"
NOTHING, FAULTS, NOT_LOOKED = 0, 1, 2


def verdict(code: int, said: str) -> int:
    """What a run of pip-audit that ended with `code` and `said` this has found out."""
    if code == 0 and _NONE in said:
        return NOTHING
    return FAULTS if code and _FOUND.search(said) else NOT_LOOKED


def _words(found: int, locks: Sequence[str]) -> str:
    if found == NOTHING:
        return f"Nothing is known against what {' and '.join(locks)} name."
    if found == FAULTS:
        return "There are known faults: raise what is named above (pyproject.toml, then `make lock`)."
    return (
        "COULD NOT LOOK: pip-audit got no answer about what is named above, so nothing is known of any version. "
        "It asks https://pypi.org; run this where that can be reached."
    )


def main(arguments: Sequence[str]) -> int:
    program, *locks = arguments
    asked = [part for lock in locks for part in ("-r", lock)]
    # --strict: one that cannot be looked up ends the run, instead of being left out.
    command = [program, "--strict", "--require-hashes", "--disable-pip", "--progress-spinner", "off", *asked]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    found = verdict(done.returncode, done.stdout)
    print(done.stdout, end="")
    print(_words(found, locks))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
