"""Passing over the parts of an SPS that a track does not need, to reach the VUI behind them (ITU-T H.265 §7.3)."""

from __future__ import annotations

from camcast.bitstream.bits import BitReader
from camcast.errors import MediaError


def skip_scaling_lists(bits: BitReader) -> None:
    """scaling_list_data (§7.3.4)."""
    for size in range(4):
        for _ in range(0, 6, 3 if size == 3 else 1):
            if not bits.flag():
                bits.ue()
                continue
            if size > 1:
                bits.se()
            for _ in range(min(64, 1 << (4 + (size << 1)))):
                bits.se()


def skip_short_term_sets(bits: BitReader) -> None:
    """num_short_term_ref_pic_sets and st_ref_pic_set (§7.3.7)."""
    counts: list[int] = []
    for index in range(bits.ue(64)):
        if index and bits.flag():
            bits.skip(1)
            bits.ue()
            # A picture of the set before is left out when it is neither used now nor kept for later.
            counts.append(sum(bits.flag() or bits.flag() for _ in range(counts[-1] + 1)))
        else:
            pictures = bits.ue(16) + bits.ue(16)
            for _ in range(pictures):
                bits.ue()
                bits.skip(1)
            counts.append(pictures)
        if counts[-1] > 32:
            raise MediaError(f"short-term reference picture set of {counts[-1]} pictures")
