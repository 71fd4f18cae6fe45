"""One fault: a text of one file replaced by another, and the tests that must fail then."""

from __future__ import annotations

from pathlib import Path

import attrs


class Stale(Exception):
    """A mutant that no longer fits the code."""


@attrs.frozen
class Mutant:
    name: str
    """What is wrong with the code then, in a few words."""
    file: str
    """From the project's root."""
    old: str
    """Stands in the file exactly once."""
    new: str
    tests: tuple[str, ...]
    """As pytest takes them; the first failure is enough."""

    def apply(self, root: Path) -> str:
        """Change the file below `root`; the text it had before. Raises `Stale`."""
        path = root / self.file
        text = self.check(root)
        path.write_text(text.replace(self.old, self.new))
        return text

    def check(self, root: Path) -> str:
        """The file's text. Raises `Stale` where the mutant does not fit it, or names tests that are not there."""
        path = root / self.file
        if not path.is_file():
            raise Stale(f"{self.name}: there is no {self.file}")
        text = path.read_text()
        if (count := text.count(self.old)) != 1:
            raise Stale(f"{self.name}: its text stands {count} times in {self.file}, expected once:\n{self.old}")
        try:
            compile(text.replace(self.old, self.new), self.file, "exec")
        except SyntaxError as error:
            raise Stale(f"{self.name}: not Python any more with it: {error}") from error
        for test in self.tests:
            place, *names = test.partition("[")[0].split("::")
            tests = root / place
            if not tests.is_file() or any(f" {name}(" not in tests.read_text() for name in names):
                raise Stale(f"{self.name}: there is no test {test}")
        return text

    @property
    def change(self) -> tuple[str, str]:
        """What was there and what is there now, on one line each, without what both share."""
        old, new = " ".join(self.old.split()), " ".join(self.new.split())
        return old, new or "(nothing)"
