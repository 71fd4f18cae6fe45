"""Faults in what the HTTP interface keeps and hands out."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

_HAPPENINGS = "plugins/services/camcast_http/happenings.py"
_LOOKS = "plugins/services/camcast_http/looks.py"
_TEXTS = "plugins/services/camcast_http/texts.py"
_UNREAD = "plugins/kits/camcast_kit_http/unread.py"
_TAKING = "tests/kits/test_http_unread.py"
_VALUES = "tests/plugins/test_http_values.py"

MUTANTS = (
    Mutant("few events are kept", _HAPPENINGS, "KEPT = 1000", "KEPT = 10", (_VALUES,)),
    Mutant(
        "the oldest events are given instead of the newest",
        _HAPPENINGS,
        "found[-limit:] if limit else []",
        "found[:limit] if limit else []",
        (_VALUES,),
    ),
    Mutant(
        "who wants no events gets all", _HAPPENINGS, "found[-limit:] if limit else []", "found[-limit:]", (_VALUES,)
    ),
    Mutant(
        "an event that is known is given again",
        _HAPPENINGS,
        "lambda one: one.number > number",
        "lambda one: one.number >= number",
        (_VALUES,),
    ),
    Mutant(
        "one listener too many is let in",
        _HAPPENINGS,
        "if self._listening_now >= self._most:",
        "if self._listening_now > self._most:",
        (_VALUES,),
    ),
    Mutant(
        "a listener that goes keeps its place",
        _HAPPENINGS,
        "            self._listening_now -= 1",
        "            pass",
        (_VALUES,),
    ),
    Mutant(
        "a listener is not told what is missing",
        _HAPPENINGS,
        "if one.number > last + 1:",
        "if False:",
        (_VALUES,),
    ),
    Mutant("a number that nobody had is believed", _HAPPENINGS, "elif after > self._number or (", "elif (", (_VALUES,)),
    Mutant("a number of another run is believed", _HAPPENINGS, "(run and run != self.run)", "False", (_VALUES,)),
    Mutant("events that were lost are not missing", _HAPPENINGS, "+= 1 + queue.lost - lost", "+= 1", (_VALUES,)),
    Mutant(
        "a burst of events leaves nobody a turn",
        _HAPPENINGS,
        "if not self._number % TURN:",
        "if False:",
        (_VALUES,),
    ),
    Mutant("who takes what is written again is deaf", _UNREAD, " or taken > self._taken", "", (_TAKING,)),
    Mutant("who took something once is never deaf", _UNREAD, "else self.looks + 1", "else 0", (_TAKING,)),
    Mutant("no sign of life", _HAPPENINGS, "KEEP_ALIVE = 15.0", "KEEP_ALIVE = 1500.0", (_VALUES,)),
    Mutant("who goes away ends everybody's look", _LOOKS, "await asyncio.shield(made)", "await made", (_VALUES,)),
    Mutant(
        "a slow look is taken again and again",
        _LOOKS,
        "made is None or (made.done() and self._now()",
        "made is None or (self._now()",
        (_VALUES,),
    ),
    Mutant(
        "what is shown is written for each who asks",
        _LOOKS,
        "body = self._written[what] = written(make())",
        "body = written(make())",
        (_VALUES,),
    ),
    Mutant("answers are no JSON", _LOOKS, "media_type=JSON", 'media_type="text/plain"', (_VALUES,)),
    Mutant("other letters are escaped", _TEXTS, "ensure_ascii=False", "ensure_ascii=True", (_VALUES,)),
    Mutant("what is no number is written as one", _TEXTS, "allow_nan=False", "allow_nan=True", (_VALUES,)),
)
