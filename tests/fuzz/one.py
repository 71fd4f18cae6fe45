"""One target in a process of its own: `python -m tests.fuzz.one NAME` and libFuzzer's own arguments.

atheris measures by which branches an input goes; so it has to be there before what it measures is imported.
"""

from __future__ import annotations

import sys

import atheris


def main() -> None:
    from tests.fuzz.packages import INSTRUMENTED

    _, name, *arguments = sys.argv
    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        from tests.fuzz.targets import TARGETS

        # Plugins import much of theirs when it is first used; that is no input's time, and has to be measured too.
        TARGETS[name](b"")
    # By this libFuzzer starts itself again, through a shell, where it makes a corpus smaller.
    itself = f"{sys.executable} -m tests.fuzz.one {name}"
    atheris.Setup([itself, *arguments], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
