"""A page as text, in the library's words, at a small part of its price.

What stands before a figure, its name and its labels, rarely changes, and there are thousands of them: the library
writes it once, and then only the figures are written anew.
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


class Exposition:
    """One of the library's forms of text; keeps what it has written for the pages that follow."""

    def __init__(self, encode: Callable[[Collector], bytes]) -> None:
        self._encode = encode
        self._tops: dict[str, str] = {}
        self._heads: dict[tuple[str, tuple[str, ...]], str] = {}
        self._end = self._written()

    def text(self, families: Iterable[Family]) -> bytes:
        """Just what the library would write."""
        before, heads = self._heads, dict[tuple[str, tuple[str, ...]], str]()
        parts: list[str] = []
        for family in families:
            name = family.name
            top = self._tops.get(name)
            if top is None:
                top = self._tops[name] = self._open(family.metric([]))
            parts.append(top)
            for row in family.rows:
                key = (name, row[1])
                head = before.get(key)
                if head is None:
                    head = self._head(family, row, top)
                heads[key] = head
                parts.append(f"{head}{_figure(row[2])}\n")
        self._heads = heads  # of what is not there any more nothing is kept
        parts.append(self._end)
        return "".join(parts).encode()

    def _head(self, family: Family, row: tuple[tuple[str, ...], tuple[str, ...], float], top: str) -> str:
        keys, values, _ = row
        return self._open(family.metric([(keys, values, 0.0)])).removeprefix(top).removesuffix(_ZERO)

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
