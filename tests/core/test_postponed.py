"""A module that a library imports and hardly ever uses is executed when something of it is asked for, and only then."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from camcast.postponed import postponed

RESOLVER = "import library.told\nlibrary.told.EXECUTED.append(1)\ndef ask(): return 'an answer'\n"
LIBRARY = {
    "__init__": "",
    "told": "EXECUTED = []\n",
    "resolver": RESOLVER,
    "broken": "import library.told\nlibrary.told.EXECUTED.append(1)\nraise OSError('not here')\n",
    "client": "import library.resolver\ndef connect(): return library.resolver.ask()\n",
}


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "library").mkdir()
    for name, text in LIBRARY.items():
        (tmp_path / "library" / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "library"]:
        del sys.modules[name]


def executed() -> int:
    from library.told import EXECUTED  # type: ignore[import-not-found]

    return len(EXECUTED)


def test_it_is_executed_when_the_library_uses_it() -> None:
    with postponed("library.resolver"):
        import library.client  # type: ignore[import-not-found]
    import library.resolver  # type: ignore[import-not-found]  # by somebody else, who does not use it yet either

    assert executed() == 0
    assert library.client.connect() == "an answer"
    assert library.client.connect() == "an answer"
    assert library.resolver is sys.modules["library.resolver"]
    assert executed() == 1


def test_whoever_takes_something_of_it_has_it_at_once() -> None:
    with postponed("library.resolver"):
        import library.client  # noqa: F401
    from library.resolver import ask

    assert ask() == "an answer"
    with pytest.raises(AttributeError, match=r"module 'library\.resolver' has no attribute 'tell'"):
        sys.modules["library.resolver"].tell  # noqa: B018
    assert executed() == 1


def test_threads_that_ask_at_once_get_the_whole_of_it() -> None:
    with postponed("library.resolver"):
        import library.client
    answers: list[str] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait(10)
        answers.append(library.client.connect())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert answers == ["an answer"] * 8
    assert executed() == 1


def test_why_it_cannot_be_executed_is_raised_each_time() -> None:
    with postponed("library.broken"):
        import library.broken  # type: ignore[import-not-found]
    for times in (1, 2):
        with pytest.raises(OSError, match="not here"):
            library.broken.ask()
        assert executed() == times


def test_what_is_not_there_or_imported_already_stays_as_it_is() -> None:
    import library.resolver

    with postponed("library.resolver"), postponed("library.nothing"), postponed("nothing.at.all"):
        assert library.resolver.ask() == "an answer"
    assert "library.nothing" not in sys.modules
    assert executed() == 1


def test_a_package_has_its_modules_without_being_executed() -> None:
    """As the interface's server is used without its library's command line."""
    with postponed("library"):
        from library.resolver import ask
    assert ask() == "an answer"
    assert "__getattr__" in vars(sys.modules["library"])
