"""The last part of a URL is shown where a template made it of a camera and a stream alone, and nowhere else.

What is looked at is all that shows a target: the configuration, its repr, an attempt and its texts.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from camcast.config import SessionConfig, TargetConfig, from_mapping, shown
from camcast.host import PluginHost
from camcast.redaction import redact_text, redact_url, url_secrets
from camcast.target import Target

NAME = "cam3_main"
HIDDEN = "rtmp://server/live/***"


@pytest.fixture(scope="module")
def host() -> PluginHost:
    return PluginHost()


def written(output: dict[str, Any], **root: Any) -> dict[str, Any]:
    stream = {"source": {"type": "testsrc"}, "rtmp": output}
    return {"cameras": [{"camera_id": 3, "name": "Gate", "streams": [stream]}], **root}


def first_target(host: PluginHost, output: dict[str, Any], **root: Any) -> TargetConfig:
    (session,) = from_mapping(written(output, **root), host).sessions()
    return session.targets[0]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("rtmp://server/live/cam{camera_id}_{stream_name}", "rtmp://server/live/cam3_main"),
        ("rtmp://server/live/{camera_id}-{stream_id}", "rtmp://server/live/3-0"),
        ("rtmp://server/live/{camera_name}.{stream_name}", "rtmp://server/live/Gate.main"),
        ("rtmp://user:pw@server/live/cam{camera_id}?token=t", "rtmp://***@server/live/cam3?***"),
        ("rtmp://server/{where}/cam{camera_id}", "rtmp://server/yard/cam3"),
    ],
)
def test_a_name_of_camera_and_stream_is_shown(host: PluginHost, template: str, expected: str) -> None:
    target = first_target(host, {"url_template": template, "variables": {"where": "yard"}})
    assert target.shown == expected
    assert target.target(resolve_secret=str).shown == expected


@pytest.mark.parametrize(
    "output",
    [
        {"url": f"rtmp://server/live/{NAME}"},
        {"url_template": "rtmp://server/live/{key}", "variables": {"key": NAME}},
        {"url_template": "rtmp://server/live/{key}{camera_id}", "variables": {"key": "cam"}},
        {"url_template": "rtmp://server/live/s3cr3t{camera_id}"},
        {"url_template": "rtmp://server/live/gate{camera_id}"},
        {"url_template": "rtmp://server/live/x{{{camera_id}"},
        {"url": f"rtmp://server/live/{NAME}", "options": {"flash_version": "FMLE/3.0"}},
        {"urls": [f"rtmp://server/live/{NAME}"]},
    ],
    ids=["as it is", "variable", "variable in part", "key in part", "unknown word", "brace", "options", "urls"],
)
def test_anything_else_stays_hidden(host: PluginHost, output: dict[str, Any]) -> None:
    assert first_target(host, output).shown == HIDDEN


@pytest.mark.parametrize(
    "where",
    [
        {"url_template": "rtmp://a.rtmp.youtube.com/live2/cam{camera_id}"},
        {"url_template": "rtmp://fra02.contribute.live-video.net/app/cam{camera_id}"},
        {"url_template": "rtmps://live-api-s.facebook.com:443/rtmp/cam{camera_id}"},
        {"url_template": "rtmp://TWITCH.tv./app/cam{camera_id}"},
        {"url_template": "rtmp://relay/live2/cam{camera_id}", "server": "youtube"},
        {"urls": [{"url": "rtmp://relay/app/cam{camera_id}", "server": "twitch"}]},
    ],
)
@pytest.mark.parametrize("more", [{}, {"audio": "none"}, {"connect_timeout": 3}, {"options": {"flash_version": "x"}}])
def test_a_platforms_keys_stay_hidden_with_any_option(
    host: PluginHost, where: dict[str, Any], more: dict[str, Any]
) -> None:
    target = first_target(host, {**where, **more})
    assert "cam3" not in target.shown + repr(target) + target.target(resolve_secret=str).shown


def test_what_came_from_a_reference_stays_hidden(host: PluginHost) -> None:
    target = first_target(host, {"url": "env:WHERE"})
    resolved = target.target(resolve_secret=lambda _: f"rtmp://server/live/{NAME}")
    assert (target.shown, resolved.shown) == ("env:WHERE", HIDDEN)


def test_a_key_beside_a_shown_name_is_hidden_everywhere(host: PluginHost) -> None:
    template = "rtmp://server/live/cam{camera_id}_{stream_name}"
    target = first_target(host, {"url_template": template, "stream_key": "k-e-y"}).target(resolve_secret=str)
    said = "refused rtmp://server/live/cam3_main: k-e-y is not known to rtmp://other/app/secret"
    assert target.scrub(said) == "refused rtmp://server/live/cam3_main: *** is not known to rtmp://other/app/***"
    assert target.words(said) == target.scrub(said)


def test_what_a_server_or_a_plugin_makes_of_it_is_hidden_again(host: PluginHost) -> None:
    template = "rtmp://server/live/cam{camera_id}_{stream_name}"
    target = first_target(host, {"url_template": template}).target(resolve_secret=str)
    assert target.moved(f"rtmp://elsewhere/live/{NAME}").shown == "rtmp://elsewhere/live/***"


def test_the_configuration_as_anybody_sees_it_has_the_names(host: PluginHost) -> None:
    template = "rtmp://u:pw@server/live/cam{camera_id}_{stream_name}"
    output = {"urls": [template, "rtmp://backup/live/secret", {"url": "rtmp://third/live/cam{camera_id}"}]}
    (camera,) = shown(from_mapping(written(output), host))["cameras"]
    urls = camera["streams"][0]["outputs"]["rtmp"]["urls"]
    assert urls == ["rtmp://***@server/live/cam3_main", "rtmp://backup/live/***", "rtmp://third/live/cam3"]


def test_a_session_made_in_python_obeys_the_same_rule() -> None:
    template = "rtmp://server/live/cam{camera_id}_{stream_name}"
    known = SessionConfig(camera_id=3, url_template=template)
    own = SessionConfig(camera_id=3, url_template="rtmp://server/live/{stream_name}", variables={"stream_name": "key"})
    literal = SessionConfig(camera_id=3, url=f"rtmp://server/live/{NAME}")
    assert [one.targets[0].shown for one in (known, own, literal)] == ["rtmp://server/live/cam3_main", HIDDEN, HIDDEN]
    # Whose it is, is not known yet: the template has been filled in with nothing.
    assert SessionConfig(url_template=template).targets[0].shown == HIDDEN


def test_a_name_is_one_configuration_with_or_without_being_shown() -> None:
    plain = TargetConfig(url=f"rtmp://server/live/{NAME}")
    assert plain == TargetConfig(url=f"rtmp://server/live/{NAME}", shown_name=NAME)


@given(st.text(alphabet="QXZ?&@#%=:;,'+~!$()[]{}|^-_.", min_size=3, max_size=12))
@example(";;;")
def test_no_key_shows_beside_a_name(key: str) -> None:
    for url in (f"rtmp://u:Q{key}@host/live/{NAME}?Q{key}", f"rtmp://host/live/Q{key}", f"rtmp://host/Q{key}/Q{key}@x"):
        said = redact_url(url, NAME) + redact_text(f"it was {url}: no", url_secrets(url, NAME), NAME)
        assert not any(sign in said.replace("***", "") for sign in "QXZ"), said


def test_a_name_that_is_also_the_password_is_hidden() -> None:
    target = Target(url=f"rtmp://user:{NAME}@server/live/{NAME}", shown_name=NAME)
    assert NAME not in target.scrub(f"no {NAME} at {target.url}")
