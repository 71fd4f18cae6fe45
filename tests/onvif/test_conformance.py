"""The promises of a discoverer and of a resolver, at a virtual camera."""

from __future__ import annotations

from typing import ClassVar

import pytest

import camcast_onvif
from camcast.testing.conformance import DiscovererConformance, ResolverConformance
from camcast.testing.conformance.hook_bench import HookBench
from tests.onvif.camera import PASSWORD, USER, UUID


class TestOnvif(DiscovererConformance):
    kind = "onvif"

    @pytest.fixture
    def camera(self, place: str) -> str:
        return place


class TestFoundAgain(ResolverConformance):
    plugin: ClassVar = camcast_onvif
    source = f"onvif://{UUID}/main"
    options: ClassVar = {"username": USER, "password": PASSWORD}

    @pytest.fixture
    def bench(self, place: str, nobody_asked: None) -> HookBench:
        return self.hook_bench(source=f"{self.source}?at={place}", options=self.options)
