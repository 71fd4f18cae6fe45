"""A page as text, in the library's words, at a small part of its price.

The labels of a figure rarely change, and many figures have the same: the library writes those once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from camcast_prometheus.families import Family

_figure: Callable[[float], str] = floatToGoString
_ZERO = "0.0\n"
"""How a figure of 0 ends its line."""


Labels = tuple[tuple[str, ...], tuple[str, ...]]
"""Names, and values."""


class Exposition:
    """One of the library's forms of text; keeps what it has written for the pages that follow."""

    def __init__(self, encode: Callable[[Collector], bytes]) -> None:
        self._encode = encode
        self._tops: dict[str, str] = {}
        self._labels: dict[Labels, str] = {}
        self._end = self._written()

    def text(self, families: Iterable[Family]) -> bytes:
        """Just what the library would write."""
        before, labels = self._labels, dict[Labels, str]()
        parts: list[bytes] = []
        for family in families:
            lines, name = [self._top(family)], family.sample
            for keys, values, number in family.rows:
                both = keys, values
                text = labels.get(both)
                if text is None:
                    text = labels[both] = before.get(both) or self._between(family, both)
                lines.append(f"{name}{text}{_figure(number)}\n")
            parts.append("".join(lines).encode())
        self._labels = labels  # of what is not there any more nothing is kept
        parts.append(self._end.encode())
        return b"".join(parts)

    def _top(self, family: Family) -> str:
        """What stands above its figures."""
        top = self._tops.get(family.name)
        if top is None:
            top = self._tops[family.name] = self._open(family.metric([]))
        return top

    def _between(self, family: Family, labels: Labels) -> str:
        """What stands between a figure's name and the figure."""
        whole = self._open(family.metric([(*labels, 0.0)]))
        return whole.removeprefix(self._top(family)).removeprefix(family.sample).removesuffix(_ZERO)

    def _open(self, metric: Metric) -> str:
        """A metric without what ends a page."""
        return self._written(metric).removesuffix(self._end)

    def _written(self, *metrics: Metric) -> str:
        return self._encode(_Page(metrics)).decode()


class _Page(Collector):
    """Metrics, for the library's encoders."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics
