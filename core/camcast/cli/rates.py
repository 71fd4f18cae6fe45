"""How rates are written, and what outputs share of them: for tables of a run, and of one that is asked from outside."""

from __future__ import annotations

from rich.text import Text

from camcast.printable import printable


def show_rate(bits: float) -> str:
    return f"{bits / 1e6:.2f} Mbit/s" if bits >= 1e6 else f"{bits / 1e3:.0f} kbit/s"


def uplink_line(name: str, sent: float, budget: int, why: str, outputs: int) -> Text:
    """How an uplink stands. `why`: the reason of its budget, if that was ever changed; rates are bit/s."""
    reason = f" ({printable(why)})" if why else ""
    of = f"of {show_rate(budget)}{reason}" if budget else "of what it bears"
    return Text(f"uplink {printable(name)}: {show_rate(sent)} {of}, {outputs} outputs")
