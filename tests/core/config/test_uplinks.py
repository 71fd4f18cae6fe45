"""`system.uplinks` and who shares them, as written and checked."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from camcast import PluginHost
from camcast.config import Config, SystemConfig, UplinkConfig, dump, from_mapping
from camcast.config.check import check
from camcast.engine.differences import adopted, places
from camcast.engine.plan import Running, plan, sessions_of
from camcast.errors import ConfigError


@pytest.fixture(scope="module")
def host() -> PluginHost:
    return PluginHost()


def mapping(*outputs: dict[str, Any], **uplinks: Any) -> dict[str, Any]:
    """Each output is a camera's only one."""
    cameras = [
        {
            "streams": [
                {
                    "source": {"type": "testsrc"},
                    "outputs": {"tv": {"url": f"rtmp://127.0.0.1/live/{number}", **output}},
                }
            ]
        }
        for number, output in enumerate(outputs)
    ]
    return {"system": {"uplinks": uplinks}, "cameras": cameras}


def faults(host: PluginHost, *outputs: dict[str, Any], **uplinks: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        from_mapping(mapping(*outputs, **uplinks), host)
    return [str(issue) for issue in caught.value.issues]


OVER = {"uplink": "lte", "adapt": {"max": 4000}}


def test_what_is_written_is_read_and_written_again(host: PluginHost) -> None:
    written = mapping({**OVER, "priority": 50}, lte={"limit": "8 Mbit/s", "interface": "lo"}, dsl={})
    config = from_mapping(written, host)
    assert config.system.uplinks == {"lte": UplinkConfig(limit=8000, interface="lo"), "dsl": UplinkConfig()}
    (session,) = config.sessions()
    assert (session.uplink, session.priority) == ("lte", 50)
    assert from_mapping(dump(config), host) == config


@pytest.mark.parametrize(
    ("output", "uplinks", "text"),
    [
        (OVER, {}, 'cameras[0].streams[0].outputs.tv.uplink: "lte" is not among system.uplinks; known: none'),
        (OVER, {"dsl": {}}, 'uplink: "lte" is not among system.uplinks; known: "dsl"'),
        ({}, {"lte": {"limit": "fast"}}, "system.uplinks.lte.limit: expected kbit/s or a rate"),
        ({}, {"lte": {"limits": 5}}, "system.uplinks.lte.limits: unknown key"),
        ({}, {"lte": 8000}, "system.uplinks.lte: expected an object"),
        ({}, {"rtmp://x": {}}, "system.uplinks.rtmp://x: expected a name, got what looks like a URL"),
        ({}, {"x" * 65: {}}, "an uplink's name is 1 to 64 printable characters"),
        ({"priority": 0}, {}, "outputs.tv.priority: expected 1 to 100, got 0"),
        (
            OVER,
            {"lte": {"limit": 300}},
            "system.uplinks.lte.limit: 300 kbit/s is less than the outputs on it take at le",
        ),
        (OVER, {"lte": {"limit": 530}}, "without sound, which 93% of the limit must hold; give 538 or more, or sma"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(
    output: dict[str, Any], uplinks: dict[str, Any], text: str, host: PluginHost
) -> None:
    (fault,) = faults(host, output, **uplinks)
    assert text in fault


def test_second_places_count_where_the_least_of_all_is_added_up(host: PluginHost) -> None:
    both = {"urls": ["rtmp://127.0.0.1/live/a", "rtmp://127.0.0.1/live/b"], "standby": "hot"}
    (fault,) = faults(host, OVER, {**{key: OVER[key] for key in OVER}, "adapt": {"max": 900}}, lte={"limit": 900})
    assert "1000 kbit/s in all" in fault
    hot = mapping(OVER, lte={"limit": 900})
    tv = hot["cameras"][0]["streams"][0]["outputs"]["tv"]
    del tv["url"]
    with pytest.raises(ConfigError, match="1000 kbit/s in all"):
        from_mapping(
            {**hot, "cameras": [{"streams": [{"source": {"type": "testsrc"}, "outputs": {"tv": tv | both}}]}]}, host
        )


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("srt://127.0.0.1:9000", "SRT sends from an IP address"),
        ("whip://127.0.0.1/live", "expected an IP address for WHIP"),
    ],
)
def test_transports_that_cannot_be_bound_to_an_interface_say_so(url: str, why: str, host: PluginHost) -> None:
    (fault,) = faults(host, {**OVER, "url": url}, lte={"interface": "lo"})
    assert f'outputs.tv.uplink: "lte" binds to the interface "lo", which cannot be done for {url[:7]}' in fault
    assert why in fault
    assert "say which address to send from by `bind`" in fault
    from_mapping(mapping({**OVER, "url": url, "bind": "127.0.0.1"}, lte={"interface": "lo"}), host)


def test_where_nothing_can_be_bound_no_address_is_asked_for(host: PluginHost) -> None:
    (fault,) = faults(host, {**OVER, "transport": "librtmp"}, lte={"interface": "lo"})
    assert "librtmp takes neither proxy nor bind" in fault
    assert fault.endswith("; name no interface, or send to it otherwise")


def test_who_cannot_give_way_is_told_what_that_means(host: PluginHost) -> None:
    config = from_mapping(mapping({"uplink": "lte"}, OVER, lte={"limit": 8000}), host)
    (note,) = config.notes
    assert note.startswith(
        'cam0_main/tv: shares uplink "lte" but does not adapt: all of it is sent, whatever the budget'
    )


def test_an_interface_that_is_not_there_now_is_no_error(host: PluginHost) -> None:
    written = mapping(OVER, lte={"interface": "wwan77"})
    assert from_mapping(written, host).notes == ()
    config = from_mapping(written, host, here=True)
    assert config.notes == ('uplink "lte": there is no network interface "wwan77" now; its outputs wait for it',)


def test_a_configuration_made_in_python_is_checked_alike(host: PluginHost) -> None:
    config = from_mapping(mapping(OVER, lte={"limit": 8000}), host)
    without = attrs.evolve(config, system=SystemConfig())
    with pytest.raises(ConfigError, match=r'sessions\[0\]\.uplink: "lte" is not among system\.uplinks'):
        check(without, host)
    less = attrs.evolve(config, system=SystemConfig(uplinks={"lte": UplinkConfig(limit=100)}))
    with pytest.raises(ConfigError, match=r"system\.uplinks\.lte\.limit: 100 kbit/s is less"):
        check(less, host)
    with pytest.raises(ConfigError, match=r"uplinks: .*expected a UplinkConfig"):
        SystemConfig(uplinks={"lte": 5})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("before", "after", "bind", "text"),
    [
        ("lte", "dsl", None, "session cam0_main/tv restarted (uplink)"),
        ("lte", "", None, "session cam0_main/tv restarted (uplink)"),
        ("lte", "too", None, "session cam0_main/tv goes on with another uplink"),
        ("any", "", None, "session cam0_main/tv goes on with another uplink"),
        ("lte", "dsl", "127.0.0.1", "session cam0_main/tv goes on with another uplink"),
    ],
)
def test_another_uplink_is_gone_over_anew_where_it_is_another_interface(
    before: str, after: str, bind: str | None, text: str, host: PluginHost
) -> None:
    uplinks: dict[str, Any] = {
        "lte": {"interface": "lo"},
        "too": {"interface": "lo"},
        "dsl": {"interface": "eth7"},
        "any": {},
    }

    def config(uplink: str) -> Config:
        output = {"adapt": {"max": 4000}} | ({"uplink": uplink} if uplink else {}) | ({"bind": bind} if bind else {})
        return from_mapping(mapping(output, **uplinks), host)

    old = config(before)
    (camera,) = old.cameras
    running = Running(system=old.system, cameras={camera.camera_id: camera}, sessions=sessions_of(camera))
    assert [step.text for step in plan(running, config(after))] == [text]


def test_a_reload_changes_limits_and_weights_while_all_goes_on(host: PluginHost) -> None:
    old = from_mapping(mapping(OVER, lte={"limit": 8000}), host)
    new = from_mapping(mapping({**OVER, "priority": 20}, lte={"limit": 4000}), host)
    (before,), (after,) = old.sessions(), new.sessions()
    assert list(places(before, after)) == ["priority"]
    assert adopted("priority")
    assert adopted("uplink")
    steps = plan(Running(system=old.system), Config(system=new.system))
    assert [step.text for step in steps] == ["system.uplinks goes on with another lte.limit"]
