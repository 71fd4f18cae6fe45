"""What each figure is called, in Prometheus' words: base units, `_total` for counters, names and ids as labels.

Everything in `SessionMetrics` and `StreamMetrics` has a place here. A figure that is not in the tables (a later
version's) is shown as a gauge under its own name. URLs and errors' texts are no labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

import attrs
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric

from camcast.camera.stats import ServiceMetrics, Stats, StreamMetrics
from camcast.events import ServiceState, SessionState, SourceState
from camcast.fleet_report import FleetReport
from camcast.native import form
from camcast.session.health import Health
from camcast.session.metrics import SessionMetrics
from camcast.session.uplinks import UplinkMetrics
from camcast_prometheus import fleets
from camcast_prometheus.monotonic import Monotonic

SESSION = ("camera", "stream", "output", "session")
STREAM = ("camera", "stream", "label")
SERVICE = ("service",)
UPLINK = ("uplink",)


@attrs.frozen
class Shown:
    """How one field is shown."""

    name: str
    about: str
    counter: bool = False
    factor: float = 1.0
    labels: tuple[str, ...] = ()
    """Labels beside those of the whole: fixed ones as "name=value"."""
    by: tuple[str, ...] = ()
    """Labels that a mapping's keys become, split at ": "."""


def _sent(field: str, kind: str, what: str, about: str) -> tuple[str, Shown]:
    return field, Shown(f"units_{what}", about, counter=True, labels=(f"kind={kind}",))


def _time(field: str, mode: str) -> tuple[str, Shown]:
    return field, Shown("time_seconds", "Time by what it went to.", counter=True, labels=(f"mode={mode}",))


SESSION_FIELDS: Mapping[str, Shown] = dict(
    (
        ("target_index", Shown("target_index", "Place in the chain of what is published to; 0 is the primary.")),
        ("bitrate", Shown("send_rate_bytes_per_second", "Over the last five seconds.", factor=1 / 8)),
        ("bitrate_average", Shown("send_rate_average_bytes_per_second", "Over all time on the air.", factor=1 / 8)),
        ("bitrate_peak", Shown("send_rate_peak_bytes_per_second", "Of the best second.", factor=1 / 8)),
        _sent("video_sent", "video", "sent", "Pictures and sounds that were sent."),
        _sent("audio_sent", "audio", "sent", "Pictures and sounds that were sent."),
        _sent("video_offered", "video", "offered", "Pictures and sounds that there were to send."),
        _sent("audio_offered", "audio", "offered", "Pictures and sounds that there were to send."),
        ("replayed", Shown("units_replayed", "Pictures sent again at the beginning of a connection.", counter=True)),
        ("bytes_sent", Shown("sent_bytes", "Of media.", counter=True)),
        ("dropped", Shown("units_dropped", "Left out, by reason.", counter=True, by=("kind", "reason"))),
        ("fps", Shown("pictures_per_second", "Over the last five seconds.")),
        ("pending", Shown("pending_bytes", "Not acknowledged by the server.")),
        ("lag", Shown("lag_seconds", "Of media that has not left this machine.")),
        ("latency", Shown("latency_seconds", "From the source to acknowledgement, moving average.")),
        _time("uptime", "on the air"),
        _time("downtime", "down"),
        _time("waiting", "waiting"),
        ("retries", Shown("retries", "In the present trouble.")),
        ("next_attempt_at", Shown("next_attempt_timestamp_seconds", "When it is tried again.")),
        ("schedule_change_at", Shown("schedule_change_timestamp_seconds", "When its schedule changes it next.")),
        ("attempts", Shown("attempts", "To publish.", counter=True)),
        ("failed_attempts", Shown("attempts_failed", "To publish.", counter=True)),
        ("moves", Shown("moves", "From one target to another.", counter=True)),
        ("errors", Shown("errors", "Failed or lost attempts.", counter=True, by=("class",))),
        ("slow_sends", Shown("slow_sends", "That held up the process.", counter=True)),
        ("bitrate_target", Shown("encoder_target_bytes_per_second", "By what its link bears; 0: any.", factor=1 / 8)),
        ("bitrate_changes", Shown("encoder_target_changes", "Of that rate.", counter=True)),
        ("picture_changes", Shown("picture_changes", "To other pictures of its camera.", counter=True)),
        ("uplink_share", Shown("uplink_share_bytes_per_second", "Of its uplink's budget; 0: any.", factor=1 / 8)),
        (
            "platform_differences",
            Shown("platform_differences", "1: its platform wants this otherwise.", by=("difference",)),
        ),
        ("tracks", Shown("track", "Further pictures and sounds in its connection.", by=("track", "figure"))),
        ("transport", Shown("transport", "Figures of the transport's own.", by=("figure",))),
    )
)
STREAM_FIELDS: Mapping[str, Shown] = dict(
    (
        _sent("video_received", "video", "received", "Pictures and sounds that the source brought."),
        _sent("audio_received", "audio", "received", "Pictures and sounds that the source brought."),
        ("bytes_received", Shown("received_bytes", "From the source.", counter=True)),
        ("dropped", Shown("units_dropped", "Lost before any session saw them.", counter=True, by=("kind", "reason"))),
        ("restarts", Shown("restarts", "Of the source.", counter=True)),
        (
            "refused",
            Shown("publishers_turned_away", "That a listening source did not let in.", counter=True, by=("reason",)),
        ),
        ("clock_jumps", Shown("clock_jumps", "Places where the source's time did not go on.", counter=True)),
        ("renditions", Shown("renditions", "Forms in which it is made now.")),
        ("transcoders", Shown("transcoders", "That run now.")),
        ("next_attempt_at", Shown("next_attempt_timestamp_seconds", "When the source is tried again.")),
    )
)
SERVICE_FIELDS: Mapping[str, Shown] = {
    "starts": Shown("starts", "Of the service.", counter=True),
    "failures": Shown("failures", "Runs that ended by themselves.", counter=True),
    "events_lost": Shown("events_lost", "That it did not read in time.", counter=True),
    "figures": Shown("figures", "Figures of the service's own.", by=("figure",)),
}
UPLINK_FIELDS: Mapping[str, Shown] = {
    "limit": Shown("limit_bytes_per_second", "As configured; 0: none.", factor=1 / 8),
    "budget": Shown("budget_bytes_per_second", "That its outputs may send together.", factor=1 / 8),
    "changes": Shown("budget_changes", "Of that, by what it bears.", counter=True),
    "sent": Shown("send_rate_bytes_per_second", "Over the last five seconds.", factor=1 / 8),
    "least": Shown("least_bytes_per_second", "That its outputs take in any case.", factor=1 / 8),
    "outputs": Shown("outputs", "That send over it now."),
}
NO_FIGURES = (
    "key",
    "label",
    "name",
    "type",
    "camera_id",
    "stream_id",
    "target",
    "last_error",
    "schedule",
    "unconfirmed",
    "platform",
    "platform_reason",
    "bitrate_reason",
    "picture",
    "picture_reason",
    "uplink",
    "interface",
    "reason",
    "waits_for",
    "state",
    "health",
)
"""What says who it is, how it is, and why."""
SUMS = ("frames_sent", "frames_dropped")
"""Sums of what is shown by kind."""


_Kind = type[CounterMetricFamily] | type[GaugeMetricFamily] | type[InfoMetricFamily]


@attrs.define(eq=False)
class Family:
    """A name, and the figures under it."""

    kind: _Kind
    name: str
    about: str
    counter: bool
    rows: list[tuple[tuple[str, ...], tuple[str, ...], float]] = attrs.field(factory=list)
    """Labels' names, their values, the number."""

    @property
    def sample(self) -> str:
        """What its figures are called."""
        return f"{self.name}{_SUFFIXES.get(self.kind, '')}"

    def metric(self, rows: Iterable[tuple[tuple[str, ...], tuple[str, ...], float]] | None = None) -> Metric:
        """As the library's; with these rows, None = its own."""
        metric = self.kind(self.name, self.about)
        for keys, values, number in self.rows if rows is None else rows:
            metric.add_sample(self.sample, dict(zip(keys, values, strict=True)), number)
        return metric


_SUFFIXES: Mapping[_Kind, str] = {CounterMetricFamily: "_total", InfoMetricFamily: "_info"}


@attrs.frozen
class _Column:
    """One field of all snapshots of a kind."""

    field: str
    shown: Shown | None
    """None = of a later version."""
    keys: tuple[str, ...]
    fixed: tuple[str, ...]


class Page:
    """One scrape. As a collector of the library's it may be registered or encoded like any other."""

    def __init__(
        self,
        stats: Stats,
        names: Mapping[int, str],
        version: str,
        counts: Monotonic,
        fleet: FleetReport | None = None,
    ) -> None:
        """`names` of cameras by their ids. `fleet`: the one of which the engine is a member."""
        self._stats = stats
        self._names = names
        self._version = version
        self._counts = counts
        self._fleet = fleet
        self._found: dict[str, Family] = {}

    def collect(self) -> Iterable[Metric]:
        """The families, in order."""
        return [family.metric() for family in self.families()]

    def families(self) -> Iterable[Family]:
        """The same, at a small part of the price."""
        if not self._found:
            self._fill(self._stats)
        return self._found.values()

    def _fill(self, stats: Stats) -> None:
        self._gauge("camcast_uptime_seconds", "Since the engine was started.", (), (), stats.uptime)
        self._gauge("camcast_sessions", "That there are.", (), (), stats.totals.sessions)
        for number, name in sorted(self._names.items()):
            self._info("camcast_camera", "What a camera is called.", {"camera": str(number), "name": name})
        columns = _columns(SessionMetrics, SESSION, SESSION_FIELDS)
        for session in stats.sessions:
            key = session.key
            labels = (str(key.camera_id), str(key.stream_id), key.output, session.label)
            self._one("camcast_session_", columns, labels, session)
            self._among("camcast_session_state", SESSION, labels, SessionState, session.state)
            self._among("camcast_session_health", SESSION, labels, Health, session.health)
        columns = _columns(StreamMetrics, STREAM, STREAM_FIELDS)
        for stream in stats.streams:
            source = (str(stream.camera_id), str(stream.stream_id), stream.label)
            self._one("camcast_stream_", columns, source, stream)
            self._among("camcast_stream_state", STREAM, source, SourceState, stream.state)
        columns = _columns(ServiceMetrics, SERVICE, SERVICE_FIELDS)
        for service in stats.services:
            self._one("camcast_service_", columns, (service.name,), service)
            self._among("camcast_service_state", SERVICE, (service.name,), ServiceState, service.state)
        columns = _columns(UplinkMetrics, UPLINK, UPLINK_FIELDS)
        for uplink in stats.uplinks:
            self._one("camcast_uplink_", columns, (uplink.name,), uplink)
        if self._fleet is not None:
            fleets.fill(self._fleet, self._gauge, self._among)
        self._info("camcast_build", "What runs.", {"version": self._version, "fast_path": form()})
        self._counts.end()

    def _one(self, prefix: str, columns: Iterable[_Column], labels: tuple[str, ...], snapshot: object) -> None:
        for column in columns:
            value = getattr(snapshot, column.field)
            if not isinstance(value, _FIGURES):
                continue
            if (shown := column.shown) is None:
                shown = _unknown(column.field, value)
            # Also where nothing has been counted yet, so that those who write rules see what there is.
            family = self._family(f"{prefix}{shown.name}", shown.about, counter=shown.counter)
            if isinstance(value, Mapping):
                keys = (*column.keys, *shown.by)
                for more, number in _numbers(value, shown):
                    self._add(family, keys, (*labels, *column.fixed, *more), number * shown.factor)
            else:
                self._add(family, column.keys, labels + column.fixed, value * shown.factor)

    def _among(
        self, name: str, names: tuple[str, ...], labels: tuple[str, ...], among: type[Enum], state: Enum
    ) -> None:
        rows, keys = self._family(name, "1 for what it is, 0 for all else.").rows, (*names, "is")
        for one in among:
            rows.append((keys, (*labels, str(one.value)), float(one is state)))

    def _gauge(self, name: str, about: str, keys: Sequence[str], values: Sequence[str], number: float) -> None:
        self._add(self._family(name, about), tuple(keys), tuple(values), number)

    def _family(self, name: str, about: str, *, counter: bool = False) -> Family:
        family = self._found.get(name)
        if family is None:
            kind = CounterMetricFamily if counter else GaugeMetricFamily
            family = self._found[name] = Family(kind, name, about, counter)
        return family

    def _add(self, family: Family, keys: tuple[str, ...], values: tuple[str, ...], number: float) -> None:
        if family.counter:
            number = self._counts.value((family.name, *values), number)
        family.rows.append((keys, values, number))

    def _info(self, name: str, about: str, labels: Mapping[str, str]) -> None:
        family = self._found.get(name)
        if family is None:
            family = self._found[name] = Family(InfoMetricFamily, name, about, counter=False)
        family.rows.append((tuple(labels), tuple(labels.values()), 1))


_FIGURES = (float, int, Mapping)


def _columns(model: type, names: tuple[str, ...], table: Mapping[str, Shown]) -> list[_Column]:
    """What is shown of a model's snapshots, field by field: the same for all, so it is found out once."""
    found = []
    for field in attrs.fields(model):
        if field.name not in NO_FIGURES and field.name not in SUMS:
            shown = table.get(field.name)
            fixed = [label.partition("=") for label in shown.labels] if shown is not None else []
            keys = (*names, *(name for name, _, _ in fixed))
            found.append(_Column(field.name, shown, keys, tuple(text for _, _, text in fixed)))
    return found


def _numbers(value: Mapping[Any, Any], shown: Shown) -> Iterator[tuple[tuple[str, ...], float]]:
    """Each figure of a mapping with the labels that its key makes."""
    for key, number in value.items():
        if isinstance(number, int | float):
            parts = str(key).split(": ", len(shown.by) - 1)
            yield (*parts, *[""] * (len(shown.by) - len(parts))), float(number)


def _unknown(name: str, value: object) -> Shown:
    return Shown(name, "Not described yet.", by=("of",) if isinstance(value, Mapping) else ())
