"""What is sent over each uplink, as far as the configuration says: whether it can fit, and who cannot give way."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING

import attrs

from camcast.config.hosted import check_target
from camcast.config.place import Place, Report
from camcast.config.session import SessionConfig
from camcast.config.target import TargetConfig
from camcast.config.uplink import HEADROOM, UplinkConfig

if TYPE_CHECKING:
    from camcast.host import PluginHost


@attrs.define
class Uplinked:
    """The outputs that are on, as they are read."""

    _host: PluginHost
    _uplinks: Mapping[str, UplinkConfig]
    _here: bool = False
    """Whether it is asked what there is on this machine."""
    _least: dict[str, int] = attrs.field(factory=dict, init=False)
    """kbit/s that pictures get at least on each uplink, as far as that is said."""

    def add(self, session: SessionConfig, place: Place, *, running: bool) -> None:
        """One more, to be told what is wrong with it; `place` is the output's, `running`: it is to run."""
        if not session.uplink:
            return
        uplink = self._uplinks.get(session.uplink)
        if uplink is None:
            known = ", ".join(f'"{name}"' for name in self._uplinks) or "none"
            place.at("uplink").wrong(f'"{session.uplink}" is not among system.uplinks; known: {known}')
            return
        if uplink.interface is not None:
            self._check_interface(session, uplink.interface, place)
        if not running:
            return
        if session.adapt.max:
            twice = 2 if session.standby == "hot" else 1
            self._least[session.uplink] = self._least.get(session.uplink, 0) + twice * session.adapt.least
        elif not session.adapt.chooses:
            place.report.note(
                f'{session.label}: shares uplink "{session.uplink}" but does not adapt: all of it is sent, whatever '
                "the budget, and the others have what it leaves; give it `adapt`"
            )

    def check(self, place: Place) -> None:
        """Tell which limits cannot hold, and which interfaces are not there; `place` is that of `system.uplinks`."""
        there = {name for _, name in socket.if_nameindex()} if self._here else None
        for name, uplink in self._uplinks.items():
            least = self._least.get(name, 0)
            needed = ceil(least / HEADROOM)
            if uplink.limit and needed > uplink.limit:
                place.at(name).at("limit").wrong(
                    f"{uplink.limit} kbit/s is less than the outputs on it take at least, {least} kbit/s in all "
                    f"without sound, which {HEADROOM:.0%} of the limit must hold; give {needed} or more, or smaller "
                    "adapt.min there"
                )
            if there is not None and uplink.interface is not None and uplink.interface not in there:
                place.report.note(
                    f'uplink "{name}": there is no network interface "{uplink.interface}" now; its outputs wait for it'
                )

    def _check_interface(self, session: SessionConfig, interface: str, place: Place) -> None:
        for target in session.targets:
            if target.bind is not None:
                continue
            trial = Report()
            check_target(self._host, attrs.evolve(target, bind=interface), trial.root(), trial.root())
            remedy = "say which address to send from by `bind`, or name no interface"
            if trial.issues and not self._takes_an_address(target):
                remedy = "name no interface, or send to it otherwise"
            for issue in trial.issues:
                place.at("uplink").wrong(
                    f'"{session.uplink}" binds to the interface "{interface}", which cannot be done for '
                    f"{target.shown}: {issue.message}; {remedy}"
                )

    def _takes_an_address(self, target: TargetConfig) -> bool:
        trial = Report()
        check_target(self._host, attrs.evolve(target, bind="127.0.0.1"), trial.root(), trial.root())
        return not trial.issues
