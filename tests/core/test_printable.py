"""No character of a peer's acts in a terminal."""

from __future__ import annotations

from camcast.printable import printable


def test_what_is_printable_stays() -> None:
    assert printable("Tür → 門 ☺ [/x] \\n") == "Tür → 門 ☺ [/x] \\n"


def test_what_acts_is_shown_instead() -> None:
    assert printable("\x1b[2J\r\nSession cam0: fine\x00\x9b\u202e\u2028") == (
        "\\x1b[2J\\r\\nSession cam0: fine\\x00\\x9b\\u202e\\u2028"
    )
    assert printable("a\nb\tc\x1b", keep="\n\t") == "a\nb\tc\\x1b"
