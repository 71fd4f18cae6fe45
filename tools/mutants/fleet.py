"""Faults in what keeps a fleet's cameras on the air while its store refuses, or has lost a record."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

_DRIVER = "core/camcast/fleet/driver.py"
_DRIVEN = "tests/core/fleet/test_driver.py::"
_DELETED = "tests/fleet/test_deleted.py::"

MUTANTS = (
    Mutant(
        "a renewal that failed is tried again no sooner",
        "core/camcast/fleet/lease.py",
        "wait = AGAIN if self._failed and self.holds(now) else RENEW",
        "wait = RENEW",
        ("tests/core/fleet/test_member.py::test_a_renewal_that_fails_is_tried_again_sooner",),
    ),
    Mutant(
        "who leaves says so without pause",
        "core/camcast/fleet/lease.py",
        "return self.due(now) or not (self.asking or self._failed)",
        "return self.due(now) or not self.asking",
        (_DRIVEN + "test_who_leaves_says_so_again_and_again_but_not_without_pause",),
    ),
    Mutant(
        "a claim that is refused is made again at once",
        _DRIVER,
        'log.debug("Fleet: camera %d not taken: %s", camera_id, error)\n            await asyncio.sleep(TICK)\n',
        'log.debug("Fleet: camera %d not taken: %s", camera_id, error)\n',
        (_DRIVEN + "test_what_the_store_refuses_is_not_asked_for_without_pause",),
    ),
    Mutant(
        "a record that somebody deleted stays deleted",
        "plugins/coordinators/camcast_nats/coordinator.py",
        "                await self._write(key, there, revision)\n",
        "                pass\n",
        (_DELETED + "test_a_claim_that_is_deleted_is_written_back_and_keeps_nobody_out[False]",),
    ),
    Mutant(
        "the mark of a deleted record keeps all out",
        "plugins/coordinators/camcast_nats/link.py",
        "if last or (mark := await self._mark(key)) is None:",
        "if last or (mark := await self._mark(key)) is None or mark:",
        (_DELETED + "test_what_was_deleted_while_nobody_was_there_is_written_anew",),
    ),
)
