"""A fleet's figures: the same from each of its members, so whoever scrapes several tells them apart by `instance`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

from camcast.coordinators import Order
from camcast.fleet_report import FleetCameraState, FleetReport

Gauge = Callable[[str, str, Sequence[str], Sequence[str], float], None]
"""Adds a sample: name, what it is, labels' names and values, the number."""
Among = Callable[[str, tuple[str, ...], tuple[str, ...], type[Enum], Enum], None]
"""Adds a sample for each of several, 1 for the one that is so."""

_MEMBER = ("member",)


def fill(report: FleetReport, gauge: Gauge, among: Among) -> None:
    """All that there is to say of a fleet."""
    gauge("camcast_fleet_store_heard", "1: the fleet's store is heard; 0: figures are old.", (), (), report.heard)
    gauge("camcast_fleet_version", "Of what is desired.", (), (), report.version)
    gauge("camcast_fleet_members", "That have not been found dead.", (), (), len(report.members))
    for state, count in report.counts.items():
        gauge("camcast_fleet_cameras", "That are desired, by how they are.", ("is",), (state.value,), count)
    for one in report.members:
        for name, about, number in (
            ("cameras", "That it has.", one.running),
            ("cameras_on_air", "Of those.", one.on_air),
            ("capacity", "The sum of cameras' weights that it may run.", one.capacity),
            ("lease_seconds", "Of silence, after which others take over.", one.lease),
            ("renewed_seconds", "Since its last renewal was heard of.", one.renewed_ago),
            ("silent", "1: it has missed two renewals.", one.silent),
        ):
            gauge(f"camcast_fleet_member_{name}", about, _MEMBER, (one.name,), number)
        among("camcast_fleet_member_order", _MEMBER, (one.name,), Order, one.order)
    for camera in report.cameras:
        gauge(
            "camcast_fleet_camera_on_air",
            "1: on the air; member: who has it, if anybody has.",
            ("camera", "member"),
            (str(camera.camera_id), camera.member),
            camera.state is FleetCameraState.ON_AIR,
        )
