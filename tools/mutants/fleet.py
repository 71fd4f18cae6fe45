"""Faults in what keeps a fleet's cameras on the air while its store refuses, or has lost a record."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

_DRIVER = "core/camcast/fleet/driver.py"
_DRIVEN = "tests/core/fleet/test_driver.py::"
_DEAF = "tests/fleet/test_deaf.py::"
_PURGED = "tests/fleet/test_purged.py::"
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
        "if last or not mark:",
        "if last or not mark or mark:",
        (_DELETED + "test_what_was_deleted_while_nobody_was_there_is_written_anew",),
    ),
    Mutant(
        "whose record was purged is told that another has it",
        "plugins/coordinators/camcast_nats/link.py",
        "if last and mark == 0:",
        "if last and mark == -1:",
        (_PURGED + "test_who_writes_what_is_gone_is_told_so_and_has_it_noticed",),
    ),
    Mutant(
        "records that are gone are not missed",
        "plugins/coordinators/camcast_nats/coordinator.py",
        "                if count < before:\n",
        "                if count < 0:\n",
        (_PURGED + "test_it_is_noticed_by_all_and_what_was_there_can_be_written_again[claim]",),
    ),
    Mutant(
        "what no watch tells is not read",
        "plugins/coordinators/camcast_nats/coordinator.py",
        "                await self._read_on(link)\n                before",
        "                before",
        (_DEAF + "test_who_has_no_watch_reads_on",),
    ),
    Mutant(
        "a store that has gone back is gone on with",
        "plugins/coordinators/camcast_nats/hearing.py",
        "record.revision <= self._heard and not record.deleted and record.revision != known",
        "record.revision <= self._heard and not record.deleted and known == 0",
        (_DEAF + "test_a_store_that_has_gone_back_has_all_told_anew",),
    ),
)
