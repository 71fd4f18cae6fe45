"""A fleet's figures: the same from each of its members, so whoever scrapes several tells them apart by `instance`, and
fleets by `fleet`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

from camcast.coordinators import Order
from camcast.fleet_report import FleetCameraState, FleetReport

Gauge = Callable[[str, str, Sequence[str], Sequence[str], float], None]
"""Adds a sample: name, what it is, labels' names and values, the number."""
Among = Callable[[str, tuple[str, ...], tuple[str, ...], type[Enum], Enum], None]
"""Adds a sample for each of several, 1 for the one that is so."""

_MEMBER = ("fleet", "member")


def fill(report: FleetReport, gauge: Gauge, among: Among) -> None:
    """All that there is to say of a fleet, under its name: one Prometheus may look at several."""
    name = report.fleet

    def of_all(what: str, about: str, number: float) -> None:
        gauge(f"camcast_fleet_{what}", about, ("fleet",), (name,), number)

    of_all("store_heard", "1: the fleet's store is heard; 0: figures are old.", report.heard)
    of_all("version", "Of what is desired.", report.version)
    of_all("members", "That have not been found dead.", len(report.members))
    for state, count in report.counts.items():
        about = "That are desired, by how they are."
        gauge("camcast_fleet_cameras", about, ("fleet", "is"), (name, state.value), count)
    for one in report.members:
        for what, about, number in (
            ("cameras", "That it has.", one.running),
            ("cameras_on_air", "Of those.", one.on_air),
            ("capacity", "The sum of cameras' weights that it may run.", one.capacity),
            ("lease_seconds", "Of silence, after which others take over.", one.lease),
            ("renewed_seconds", "Since its last renewal was heard of.", one.renewed_ago),
            ("silent", "1: it has missed two renewals.", one.silent),
        ):
            gauge(f"camcast_fleet_member_{what}", about, _MEMBER, (name, one.name), number)
        among("camcast_fleet_member_order", _MEMBER, (name, one.name), Order, one.order)
    for camera in report.cameras:
        gauge(
            "camcast_fleet_camera_on_air",
            "1: on the air; member: who has it, if anybody has.",
            ("fleet", "camera", "member"),
            (name, str(camera.camera_id), camera.member),
            camera.state is FleetCameraState.ON_AIR,
        )
