"""Pieces of fuzzing of several days add up on one page."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.table import Piece, Table

SAID = """
#2	INITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 30Mb
#8192	DONE   cov: 345 ft: 900 corp: 40/3Kb lim: 4096 exec/s: 800 rss: 60Mb
stat::number_of_executed_units: 8192
stat::average_exec_per_sec:     800
"""


def test_a_run_is_read_by_the_fuzzers_own_words() -> None:
    assert Piece.of(SAID, 60, finding=False) == Piece(60, 8192, 345, finding=False)
    assert Piece.of(SAID + SAID, 60, finding=False) == Piece(60, 16384, 345, finding=False)
    assert Piece.of("killed", 60, finding=True) == Piece(60, 0, 0, finding=True)


def test_pieces_add_up_and_other_rows_stay(tmp_path: Path) -> None:
    page = tmp_path / "fuzz.md"
    Table(tmp_path).add("amf0", Piece(400, 1000, 50, finding=True))
    text = page.read_text()
    assert "With a finding that is not mended: amf0." in text
    assert " 0 of " in text
    assert [Table(tmp_path).lacks(name) for name in ("amf0", "sdp")] == [200, 600]
    Table(tmp_path).add("sdp", Piece(600, 5, 0, finding=False))
    Table(tmp_path).add("amf0", Piece(200, 2000, 70, finding=False))
    text = page.read_text()
    assert "No finding is left." in text
    assert " 2 of " in text
    assert [Table(tmp_path).lacks(name) for name in ("amf0", "sdp")] == [0, 0]
    rows = [row for row in text.splitlines() if row.startswith(("| amf0", "| sdp"))]
    assert [row.split("|")[3:7] for row in rows] == [
        [" 600 ", " 3,000 ", " 70 ", " 1 "],
        [" 600 ", " 5 ", " 0 ", " 0 "],
    ]
    assert "amf0" not in text.partition("Never run: ")[2].partition("\n")[0].split(", ")
