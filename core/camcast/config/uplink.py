"""A link that several outputs share: what it carries, and the network interface that leads there."""

from collections.abc import Mapping
from typing import Annotated, Any

import attrs

from camcast.config.quantities import read_kbps
from camcast.config.rules import LABEL, OptionalText, Rule, checked, named, rate, read_label

HEADROOM = 0.93
"""Of a budget, what is given: the rest is what encoders and cameras exceed their rate by, and the protocols' own."""
MOST_KBPS = 10_000_000
MOST_LETTERS = 64


def _kbps(value: float | str) -> int:
    return read_kbps(value, 64, MOST_KBPS)


@attrs.frozen(kw_only=True, field_transformer=checked)
class UplinkConfig:
    """One of `system.uplinks`, by its name. Outputs say by `uplink` that they send over it."""

    limit: Annotated[int, rate(64, MOST_KBPS)] = attrs.field(default=0, converter=_kbps)
    """The most that its outputs send together; 0: what it is found to bear."""
    interface: OptionalText = None
    """Network interface that its outputs' connections are bound to, where they say no `bind` of their own."""


def read_uplink_name(value: Any) -> str:
    """An uplink's name, which logs and figures show. Raises `ValueError`."""
    name = read_label(value)
    if not name.isprintable() or len(name) > MOST_LETTERS:
        raise ValueError(f"an uplink's name is 1 to {MOST_LETTERS} printable characters")
    return name


UPLINK_NAME = Rule(read_uplink_name, dict(LABEL.schema))
Uplinks = Annotated[Mapping[str, UplinkConfig], named(UplinkConfig, UPLINK_NAME)]
