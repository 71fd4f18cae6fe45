"""`camcast_resolve_source` as the core asks it: what an answer changes, and what a plugin's fault becomes."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

import camcast
from camcast.config import SourceConfig
from camcast.discovery import Discoverer, DiscovererKind, DiscoveryContext, SourceAddress
from camcast.errors import ErrorClass, MissingDependency, SourceError, SourceFault
from camcast.host import PluginHost
from camcast.session.environment import Environment
from camcast.session.hosts import Hosts

SECRET = "s3cret-word"
WANTED = SourceConfig(
    type="testsrc", url="beacon://gate/main", options={"username": "a", "password": SECRET, "login": "any"}
)


def _never(context: DiscoveryContext) -> Discoverer:
    raise AssertionError("nobody looks for cameras here")


def environment(answer: Any) -> Environment:
    """With a plugin that answers so; an exception is raised."""

    @camcast.hookimpl
    def camcast_resolve_source(url: str, options: Mapping[str, Any]) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    @camcast.hookimpl
    def camcast_discoverers() -> list[DiscovererKind]:
        return [DiscovererKind(name="b", title="", source="testsrc", schemes=("beacon",), build=_never)]

    plugin = SimpleNamespace(camcast_resolve_source=camcast_resolve_source, camcast_discoverers=camcast_discoverers)
    host = PluginHost(entry_points=False)
    host.register(plugin, "beacon")
    assert not host.problems
    return Environment(host=host, handover=Any, resolver=Any, hosts=Hosts(10), emit=lambda event: None)  # type: ignore[arg-type]


async def test_an_answer_counts_and_the_configuration_goes_before_it() -> None:
    answer = SourceAddress(url="rtsp://10.0.0.5/x", options={"login": "digest", "audio": False})
    found = await environment(answer).source(WANTED)
    assert found.url == "rtsp://10.0.0.5/x"
    assert found.options == {"username": "a", "password": SECRET, "login": "any", "audio": False}
    assert await environment(None).source(WANTED) == WANTED


async def test_what_keeps_a_camera_from_being_found_is_told_without_secrets() -> None:
    error = SourceError(f"gate refuses {SECRET}: check main", refused=True)
    with pytest.raises(SourceError) as caught:
        await environment(error).source(WANTED)
    assert str(caught.value) == "gate refuses ***: check main"
    assert caught.value.error_class is ErrorClass.REFUSED


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (KeyError(SECRET), "plugin beacon failed in camcast_resolve_source with KeyError"),
        ("rtsp://10.0.0.5/x", "plugin beacon failed in camcast_resolve_source: it gave str, not SourceAddress or None"),
    ],
)
async def test_a_bug_is_its_plugins(answer: Any, said: str) -> None:
    with pytest.raises(SourceFault) as caught:
        await environment(answer).source(WANTED)
    assert str(caught.value) == said
    assert caught.value.error_class is ErrorClass.PLUGIN


async def test_a_library_that_is_missing_is_said_as_it_is() -> None:
    with pytest.raises(MissingDependency, match="pip install"):
        await environment(MissingDependency("it needs x: pip install x")).source(WANTED)
