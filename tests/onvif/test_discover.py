"""`camcast discover` among devices that answer as others do, and plugins that fail: nobody is hidden, nobody chosen."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import attrs
import pytest

import camcast.hooks
from camcast.cli.discover import Found, _ask, _look, _once
from camcast.discovery import CameraLogin, DiscovererKind, DiscoveryContext, FoundCamera, FoundStream
from camcast.host import PluginHost
from camcast.session.resolver import NameResolver
from camcast_onvif.discoverer import OnvifDiscoverer
from camcast_onvif.wsd import Match
from tests.onvif.camera import UUID, OnvifCamera

LOGIN = CameraLogin(username="operator", password="s3cret")


def context(*addresses: str) -> DiscoveryContext:
    return DiscoveryContext(
        addresses=addresses,
        everybody=not addresses,
        seconds=0.2,
        resolver=NameResolver(),
        log=logging.getLogger("test"),
    )


async def looked(monkeypatch: pytest.MonkeyPatch, matches: Sequence[Match], *addresses: str) -> list[tuple[str, str]]:
    """(identity, service) of what is found where these answer the probes."""

    async def answers(*arguments: Any, **settings: Any) -> AsyncIterator[Match]:
        for match in matches:
            yield match

    monkeypatch.setattr("camcast_onvif.discoverer.answers", answers)
    return [(one.identity, one.service) for one in await OnvifDiscoverer(context(*addresses)).look()]


async def test_who_answers_first_as_another_hides_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    pretender = Match(uuid=UUID, host="10.0.0.66", service="http://10.0.0.66/x")
    camera = Match(uuid=UUID, host="10.0.0.7", service="http://10.0.0.7/x")
    beside = Match(uuid=UUID, host="10.0.0.7", service="http://10.0.0.7:8080/x")
    found = await looked(monkeypatch, [pretender, camera, beside, pretender, camera])
    assert found == [(UUID, "http://10.0.0.66/x"), (UUID, "http://10.0.0.7/x"), (UUID, "http://10.0.0.7:8080/x")]


async def test_two_devices_at_one_address_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """One answers the probe, the other its door only, as behind a router that forwards ports."""
    other = Match(uuid=UUID, host="127.0.0.1", service="http://127.0.0.1:1/x")
    async with OnvifCamera() as camera:
        found = await looked(monkeypatch, [other], f"127.0.0.1:{camera.port}")
        assert found == [(UUID, other.service), ("", camera.service)]
        itself = attrs.evolve(other, others=(f"http://127.0.0.1:{camera.port}/elsewhere",))
        assert await looked(monkeypatch, [itself], f"127.0.0.1:{camera.port}") == [(UUID, other.service)]


class Failing:
    """A discoverer that finds two cameras and has a bug."""

    asked: Sequence[tuple[str, bool]] = ()

    async def look(self) -> Sequence[FoundCamera]:
        raise KeyError("s3cret")

    async def ask(self, camera: FoundCamera, login: CameraLogin | None) -> FoundCamera:
        self.asked = (*self.asked, (camera.service, login is not None))
        if camera.name == "odd":
            raise ValueError("year 10000 is out of range, s3cret")
        stream = FoundStream(name="main", url="onvif://x/main", address="rtsp://10.0.0.7/")
        return attrs.evolve(camera, streams=(stream,))


async def test_a_bug_with_one_camera_costs_no_other_and_only_the_chosen_are_asked() -> None:
    failing = Failing()
    kind = DiscovererKind(name="failing", title="Fails", build=lambda context: failing, source="rtsp")
    cameras = [
        FoundCamera(identity=UUID, host="10.0.0.7", service=f"http://10.0.0.7:{port}/", name=name)
        for port, name in ((1, "odd"), (2, "good"), (3, "not chosen"), (4, "good"))
    ]
    found, well = await _ask([Found(kind=kind, camera=one) for one in cameras], {0, 1, 3}, LOGIN, context())
    assert not well
    odd, good, left, _ = [one.camera for one in found]
    assert odd.notes == ("discoverer failing failed in ask, by a bug of its own: ValueError",)
    assert good.streams
    assert left == cameras[2]
    assert failing.asked == tuple((f"http://10.0.0.7:{port}/", True) for port in (1, 2, 4))
    # One camera at two addresses is one in a configuration.
    assert [camera.service for _, camera in _once(found)] == ["http://10.0.0.7:2/"]


class Quiet(Failing):
    """One without the bug."""

    async def look(self) -> Sequence[FoundCamera]:
        return [FoundCamera(identity=UUID, host="10.0.0.7", service="http://10.0.0.7/")]


class Plugin:
    """Brings both."""

    @camcast.hooks.hookimpl
    def camcast_discoverers(self) -> Sequence[DiscovererKind]:
        return [
            DiscovererKind(name="failing", title="Fails", build=lambda context: Failing(), source="rtsp"),
            DiscovererKind(name="quiet", title="Does not", build=lambda context: Quiet(), source="rtsp"),
        ]


async def test_a_bug_of_a_plugin_keeps_no_other_from_looking(capsys: pytest.CaptureFixture[str]) -> None:
    host = PluginHost(entry_points=False)
    host.register(Plugin(), "both")
    assert [one.kind.name for one in await _look(host, (), (), 0.5)] == ["quiet"]
    assert capsys.readouterr().err == "note: discoverer failing failed in look, by a bug of its own: KeyError\n"
