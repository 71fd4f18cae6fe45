"""What is promised of servers that are odd, and which fault breaks each promise.

Each row names faults of `tools/mutants`, most of them of `servers.py` there: with one of them in the code, the tests
that it names fail, which `make mutants` tries. Here it is held that every fault still fits the code and has its tests,
that each promise has one, and that what the tables of those tests need to be is what they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from tools.mutants.servers import MUTANTS
from tools.mutants.table import ROOMS

from camcast.errors import MediaError
from camcast.flv import amf0
from camcast_kit_rtmp.status import Status, status
from tests.integration import test_odd_dialogues as dialogues
from tests.integration import test_odd_servers as odd

ROOT = Path(__file__).parent.parent.parent

PROMISES: Mapping[str, tuple[str, ...]] = {
    # Strict where ignoring is right.
    "a user control of two bytes": ("a control message that is too short ends it",),
    "AMF3 and references in what nobody waits for; values up to the first that cannot be read": (
        "a value that cannot be read ends it",
    ),
    "a command of length 0": ("a command without a name ends it",),
    "only a command that is waited for may raise": ("an answer without what is waited for is good enough",),
    "closing or rejecting at Enhanced properties: once without": ("Enhanced RTMP's properties are not left out",),
    "that it helped is remembered": ("what helped at a server is forgotten",),
    "errors about what is optional": ("an error about something else ends it",),
    "versions of the handshake": ("a server's version has to be ours",),
    # Connected, well, and nothing to see.
    "onFCUnpublish": ("onFCUnpublish is a remark",),
    "NetStream.Unpublish.*": ("NetStream.Unpublish is a remark",),
    "StreamEOF": ("StreamEOF is a remark",),
    "other words for an end": ("words for an end count as errors only",),
    "intra refresh without IDR, after a reconnect": ("a stream without keyframes waits for one",),
    "while a keyframe is waited for: an event, sound": ("a keyframe that is long in coming is not told of",),
    "no session is healthy whose picture is dropped": ("sound alone is healthy",),
    # A track that never parses.
    "ADTS with channel configuration 0": ("channels that a frame describes are not read",),
    "a track whose units are all refused is told": (
        "a track of which nothing can be read is not told of",
        "a track of which nothing can be read is counted only",
    ),
    # A transport stream that hardware decoders take.
    "PCR with a lead": ("the clock of a programme has no lead",),
    "PCR every 40 ms": ("the clock of a programme comes with pictures only",),
    "SDT": ("a programme has no description of its service",),
    # Optional steps.
    "OPTIONS hung up on or unanswered": ("OPTIONS has to be answered",),
    "host names in candidates": ("a candidate that names a host is passed over",),
    "Retry-After": ("Retry-After is ignored",),
    "ReconnectRequest without tcUrl": ("a request to connect anew is a move to where it is",),
    "ReconnectRequest elsewhere": (
        "a move to what is no address is passed over in silence",
        "a key with slashes is taken apart anew where a server sends it",
    ),
    "answers as servers give them": (
        "an answer has as many sections as the offer, in its order",
        "candidates of no use are all that there will be",
    ),
    # One track's late packet.
    "a few packets with wrong times move no others": ("a jump of one track's times is final at its first packet",),
    "a track that pauses holds up no other": ("a file's track that pauses is waited for",),
    "a picture that pauses stays beside its sound": (
        "the last picture before a pause comes behind it",
        "the last picture without a mark before a pause comes behind it",
    ),
    # Words and defaults.
    "keys are trimmed wherever they come from": ("what stands around a key is sent",),
    "a slash too few": ("a slash too few passes",),
    "a URL without a key": ("a URL without an application is not told",),
    "harmless keys of other tools": ("harmless keys of other tools are errors",),
    "a source slower than idle_timeout": ("a source slower than idle_timeout is not told of",),
    "a demanded client certificate, and showing one": ("a demanded certificate is told in OpenSSL's words",),
    "a latency of SRT above 1.5 s": ("a receiver's latency is not waited for at the end",),
    "all-intra pictures of 4 MB": ("a keyframe above the bound in bytes never fits",),
    # H.265 where nobody can say.
    "the commonest server is recognised": ("nginx-rtmp is not recognised",),
    "where it stays unknown it cannot be overlooked": ("what nobody can confirm is healthy",),
}
FAULTS = {mutant.name: mutant for room in ROOMS.values() for mutant in room}


def test_every_promise_has_a_fault_and_every_fault_a_promise() -> None:
    named = [name for names in PROMISES.values() for name in names]
    assert len(named) == len(set(named))
    assert {mutant.name for mutant in MUTANTS} <= set(named) <= set(FAULTS)


@pytest.mark.parametrize("promise", PROMISES)
def test_what_keeps_a_promise_is_there_and_watched(promise: str) -> None:
    """Raises where the fault no longer fits, or a test of it is not there."""
    for name in PROMISES[promise]:
        assert FAULTS[name].tests
        FAULTS[name].check(ROOT)


UNREADABLE = {name for name in odd.REMARKS if "AMF3" in name or "reference" in name or "breaks off" in name} - {
    "a command of AMF3 of nothing"
}


@pytest.mark.parametrize("name", sorted(UNREADABLE))
def test_a_remark_that_is_said_to_be_unreadable_is(name: str) -> None:
    """Else it would show nothing that it is passed over."""
    payload = odd.REMARKS[name][1]
    with pytest.raises(MediaError):
        amf0.decode(payload[1:] if payload[:1] == b"\0" else payload)


def test_what_dialogues_call_harmless_is_of_level_error() -> None:
    """Else it would show nothing that it ends nothing."""
    assert dialogues.CALL_FAILED["level"] == "error"
    assert status({"code": "Something.Else", "level": "error"}) is Status.BAD
    assert status(dialogues.CALL_FAILED) is Status.REMARK
