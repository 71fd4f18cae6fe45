"""`camcast discover` at a terminal: it asks which cameras tell their streams, and once for a user and a password."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from tests.dialogues import Answer, dialogue
from tests.onvif.camera import PASSWORD, USER, UUID
from tests.onvif.lan import CAMERA, Lan
from tests.onvif.process import VirtualCamera

WHICH = "Which shall tell their streams? Numbers from 1 to 1, all or none [none]:"
WIDE = {**os.environ, "COLUMNS": "200", "TERM": "xterm"}


@pytest.fixture(scope="module")
def lan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lan]:
    with Lan() as found, VirtualCamera(tmp_path_factory.mktemp("camera"), prefix=found.camera, login="token"):
        yield found


def typed(lan: Lan, *answers: Answer) -> tuple[int, str]:
    command = [*lan.home, sys.executable, "-m", "camcast", "discover", CAMERA, "--seconds", "3"]
    return dialogue(command, answers, env=WIDE)


def test_the_chosen_one_tells_its_streams_and_the_password_is_not_shown(lan: Lan) -> None:
    status, seen = typed(lan, Answer(WHICH, "1"), Answer("User", USER), Answer("Password:", PASSWORD, hidden=True))
    assert status == 0, seen
    # It was found first, with a number to choose it by, and asked for nothing.
    assert "Front door" in seen.partition("Which shall")[0]
    assert f"onvif://{UUID}/main?serial=ACCC8E000001" in seen.partition("Password:")[2]
    assert PASSWORD not in seen


def test_none_asks_nobody_anything(lan: Lan) -> None:
    status, seen = typed(lan, Answer(WHICH, ""))
    assert status == 0, seen
    assert "User" not in seen
    assert "onvif://" not in seen.partition("Which shall")[2]


def test_a_number_that_is_not_there_is_asked_for_again_and_a_wrong_password_is_said(lan: Lan) -> None:
    wrong = Answer("Password:", "s3cret-but-wrong", hidden=True)
    status, seen = typed(lan, Answer(WHICH, "2"), Answer(WHICH, "all"), Answer("User", USER), wrong)
    assert status == 1, seen
    assert f'no camera "2" answered; expected all, or an address or UUID of those that did: {CAMERA}' in seen
    assert "refuses the user or the password" in seen
    assert "s3cret" not in seen
