"""Texts from peers, cameras and files, before a terminal sees them: no control character acts there."""

from __future__ import annotations


def printable(text: str, keep: str = "") -> str:
    """`text` with every character that is not printable written as its escape, but for those in `keep`.

    So an ESC of a server's error text moves no cursor, and a line break in it begins no log line.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else one.encode("unicode_escape").decode() for one in text)
