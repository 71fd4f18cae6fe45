"""Which files a configuration may name that comes over HTTP, by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from camcast import Config, PluginHost
from camcast.config import from_mapping, shown
from camcast_http import changes
from camcast_http.changes import Limits
from camcast_http.problems import Problem

URL = "rtmp://127.0.0.1:9/live/x"
SECRET = "/etc/shadow"
ROOT = "/srv/certificates"


class View:
    """An engine that has a configuration."""

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        self._host = PluginHost()
        self.config = self.read(mapping)

    def read(self, mapping: Mapping[str, Any]) -> Config:
        return from_mapping(mapping, self._host)


def config(source: Mapping[str, Any], *, name: str = "gate", **output: Any) -> dict[str, Any]:
    stream = {"source": dict(source), "outputs": {"out": {"url": URL, **output}}}
    return {"cameras": [{"name": name, "streams": [stream]}]}


DRAWN = {"type": "testsrc"}
PLAYED = {"type": "file", "url": SECRET}


def refused(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Where something is that may not be said."""
    view: Any = View(current)
    try:
        changes.read(view, wanted, Limits(roots=[ROOT]))
    except Problem as problem:
        return [issue.path.rpartition("streams[0].")[2] for issue in problem.issues]
    return []


def test_a_camera_called_as_a_file_makes_it_none_that_is_in_use() -> None:
    """Whoever may change a configuration gives a camera any name: that would be all files in two steps."""
    assert refused(config(DRAWN), config(DRAWN, name=SECRET)) == []
    assert refused(config(DRAWN, name=SECRET), config(PLAYED, name=SECRET)) == ["source.url"]
    assert refused(config(PLAYED), config(PLAYED, name="another")) == [], "it is in use"


@pytest.mark.parametrize("key", ["certificate", "certificate_key"])
def test_certificates_of_those_who_wait_for_viewers_are_files(key: str) -> None:
    """Also where their paths are no whole ones."""
    options = {"certificate": f"{ROOT}/a.pem", "certificate_key": f"{ROOT}/a.key"}
    assert refused(config(DRAWN), config(DRAWN, url="wheps://127.0.0.1/a", options=options)) == []
    options[key] = "keys/other.pem"
    assert refused(config(DRAWN), config(DRAWN, url="wheps://127.0.0.1/a", options=options)) == [
        f"outputs.out.options.{key}"
    ]


SERVICES = {"http": {"port": 18080, "change_token": "env:TOKEN", "allow_references": {"env": ["KEY"]}}}


def test_what_was_shown_may_be_sent_back_with_the_parts_that_only_the_file_decides() -> None:
    """Whoever reads the configuration, changes one thing in it and sends it all; one port more is another thing."""
    current = {**config(DRAWN), "services": SERVICES}
    view: Any = View(current)
    given = shown(view.config)
    assert "***" in str(given["services"])
    given["cameras"] = config(DRAWN, name="front")["cameras"]
    assert changes.read(view, given, Limits()).cameras[0].name == "front"
    given["services"]["http"]["port"] += 1
    assert set(refused(current, given)) == {"services", "services.http.allow_references.env[0]"}
