"""What fuzzing has found worth keeping goes through its target in every test run, without the fuzzer."""

from __future__ import annotations

import pytest

from camcast.errors import MediaError
from tests.fuzz import corpus
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS, Fuzzed


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_kept_is_taken_or_refused(name: str) -> None:
    kept = corpus.read(name)
    assert len(kept) <= corpus.MOST
    assert all(len(data) <= corpus.LARGEST for data in kept)
    for data in (b"", b"\0", *kept, *seeds(name)):
        TARGETS[name](data)


def test_no_corpus_is_left_behind() -> None:
    kept = {path.stem for path in corpus.FOLDER.glob("*.txt")}
    assert kept
    assert kept <= set(TARGETS)


def raising(error: Exception) -> Fuzzed:
    def feed(data: bytes) -> None:
        raise error

    return Fuzzed(feed, (MediaError,))


def test_what_is_no_refusal_is_a_finding() -> None:
    raising(MediaError("damaged"))(b"")
    for error in (ValueError("x"), MediaError(""), MediaError("said Zq7-Kx9_Vw3")):
        with pytest.raises((ValueError, AssertionError)):
            raising(error)(b"")
