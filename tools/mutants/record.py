"""What is promised of recordings, one fault for each clause."""

from __future__ import annotations

from collections.abc import Sequence

from tools.mutants.mutant import Mutant

_RECORD = "plugins/transports/camcast_record"
_POWER = ("tests/plugins/test_record_disk.py::test_whatever_the_disk_lost_all_but_the_last_fragment_plays[mp4]",)
_TIMES = ("tests/plugins/test_record_times.py",)
_CODECS = ("tests/plugins/test_record.py::test_each_codec_comes_back_as_it_was_sent",)

MUTANTS: Sequence[Mutant] = (
    Mutant(
        "the disk is not asked for what was written",
        f"{_RECORD}/durable.py",
        "        os.fdatasync(self._descriptor)\n",
        "        os.fstat(self._descriptor)\n",
        _POWER,
    ),
    Mutant(
        "a fragment says when it was written, not when its first unit came",
        f"{_RECORD}/mp4.py",
        "came(first, self._offset)",
        "__import__('time').time()",
        _TIMES,
    ),
    Mutant(
        "pictures are shown when they are decoded",
        f"{_RECORD}/mp4.py",
        "if p.pts > p.dts else 0",
        "if p.pts < p.dts else 0",
        _TIMES,
    ),
    Mutant(
        "a track's data begins where the one before it does",
        f"{_RECORD}/boxes.py",
        "    offsets = [length + 8 + sum(sizes[:index]) for index in range(len(runs))]\n",
        "    offsets = [length + 8 for index in range(len(runs))]\n",
        _CODECS,
    ),
)
