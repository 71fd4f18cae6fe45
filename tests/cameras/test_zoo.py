"""Every file of the zoo is played to FFmpeg: what comes is decoded and has its times, or it is refused in words."""

from __future__ import annotations

from functools import partial
from itertools import chain, pairwise

import pytest
import pytest_asyncio

from camcast.events import Note
from tests.cameras import clips, kept
from tests.cameras.shared import played_together
from tests.cameras.test_dialogue import ALL
from tests.cameras.test_harmless_oddities import scripts
from tests.cameras.watch import Watched, came_late
from tests.cameras.zoo import NONE, TRANSCODED, ZOO, Animal
from tests.cameras.zoo_page import PAGE, page

WHAT = {animal.what: animal for animals in ZOO.values() for animal in animals}
TONE_SECONDS = 0.6
"""Of the tone are heard at least; 1 s is in most files."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    files = {what: partial(kept.file, ("zoo", what), one.suffix, one.make) for what, one in WHAT.items()}
    return await played_together(tmp_path_factory, "zoo", files)


def differences(animal: Animal, one: Watched) -> list[str]:
    """What is not as the table says."""
    told = [*one.notes, *one.reasons]
    if animal.refused:
        shown = ["something is shown"] if one.seen.pictures or one.seen.sound else []
        # Nothing but the codec's own name: another one that is spelt alike would be wrong.
        shown += [f"it is told {text}" for text in told if "did you mean" in text]
        return shown + ([] if any(animal.told in text for text in told) else [f"it is told {told}"])
    wrong = [f"it ended: {text}" for text in one.reasons]
    if animal.told and not any(animal.told in text for text in told):
        wrong.append(f"it is told {told}")
    wrong += picture_differences(animal, one) if animal.picture != NONE else []
    return wrong + sound_differences(animal, one)


def picture_differences(animal: Animal, one: Watched) -> list[str]:
    expected = list(chain.from_iterable(animal.shown))
    begin = one.numbers.index(expected[0]) if expected[0] in one.numbers else len(one.numbers)
    pictures = one.seen.pictures[begin : begin + len(expected)]
    if [picture.number for picture in pictures] != expected:
        return [f"pictures {one.numbers} are shown instead of {expected}"]
    wrong = []
    steps = {round((after.time - before.time) * 1000) for before, after in pairwise(pictures)}
    # Who came too late each time sees some of them replayed in haste.
    if not steps <= set(animal.steps) | ({1} if came_late(one) else set()):
        wrong.append(f"pictures are {sorted(steps)} ms apart")
    anew = any(isinstance(event, Note) and event.code == "transcoding" for event in one.events)
    if anew != (animal.picture == TRANSCODED):
        wrong.append(f"the picture is {'' if anew else 'not '}encoded anew")
    return wrong


def sound_differences(animal: Animal, one: Watched) -> list[str]:
    if animal.sound == NONE:
        return ["there is sound"] if one.seen.sound else []
    wrong = []
    if one.heard < TONE_SECONDS:
        return [f"the tone is heard for {one.heard:.2f} s"]
    anew = any(note.startswith("aac is encoded by") for note in one.notes)
    if anew != (animal.sound == TRANSCODED):
        wrong.append(f"the sound is {'' if anew else 'not '}encoded anew")
    if animal.picture != NONE:
        begins = next(block.time for block in one.seen.sound if block.loud)
        number = animal.shown[0][-1]
        shown = [picture.time for picture in one.seen.pictures if picture.number == number]
        if not shown:
            return [*wrong, f"nothing tells when the sound should begin: picture {number} is not shown"]
        off = begins - (shown[0] - (number / clips.FPS - animal.tone))
        if abs(off) > animal.beside:
            wrong.append(f"the sound is {off:.3f} s off its picture")
    return wrong


@pytest.mark.parametrize("group", ZOO)
def test_each_file_is_shown_or_refused_as_the_table_says(group: str, watched: dict[str, Watched]) -> None:
    found = {animal.what: differences(animal, watched[animal.what]) for animal in ZOO[group]}
    assert not {what: wrong for what, wrong in found.items() if wrong}


def test_there_are_as_many_as_were_promised() -> None:
    assert sum(map(len, ZOO.values())) >= 60
    assert len(ALL) + len(scripts()) >= 40


def test_no_two_have_one_name() -> None:
    assert len(WHAT) == sum(map(len, ZOO.values()))


def test_the_page_is_that_of_the_table() -> None:
    assert PAGE.read_text() == page(), "write it anew: python -m tests.cameras.zoo_page"
