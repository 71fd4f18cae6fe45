from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.errors import ConfigError
from camcast.url_template import UrlTemplate, url_fault

VALUES = {"camera_id": 0, "stream_id": 1, "stream_name": "main", "camera_name": "gate"}


@pytest.mark.parametrize(
    ("template", "url"),
    [
        ("rtmp://server/live/cam{camera_id}_{stream_name}", "rtmp://server/live/cam0_main"),
        ("rtmp://server/live/fixed", "rtmp://server/live/fixed"),
        ("srt://{camera_name}.example:900{stream_id}?streamid={stream_name}", "srt://gate.example:9001?streamid=main"),
        ("rtmp://server/live/{{{stream_name}}}", "rtmp://server/live/{main}"),
        ("rtmp://server/{stream_name}/{stream_name}", "rtmp://server/main/main"),
        ("rtmp://[::1]:1935/live/{stream_name}", "rtmp://[::1]:1935/live/main"),
        ("rtmp://user:p%40w@server/live/{stream_name}", "rtmp://user:p%40w@server/live/main"),
        ("file:///tmp/{stream_name}.flv", "file:///tmp/main.flv"),
    ],
)
def test_expands(template: str, url: str) -> None:
    assert UrlTemplate(template).expand(VALUES) == url


@pytest.mark.parametrize(
    ("template", "value", "url"),
    [
        ("rtmp://server/live/{x}", "a/b", "rtmp://server/live/a%2Fb"),
        ("rtmp://server/live/{x}", "a b?c#d@e%f", "rtmp://server/live/a%20b%3Fc%23d%40e%25f"),
        ("rtmp://server/live/{x}", "Tür", "rtmp://server/live/T%C3%BCr"),
        ("rtmp://server/live/{x}", "a-b_c.d~e:f=g", "rtmp://server/live/a-b_c.d~e:f=g"),
        ("rtmp://server/live/k?token={x}", "a&b=c/d", "rtmp://server/live/k?token=a%26b%3Dc/d"),
        ("rtmp://{x}/live/k", "10.0.0.1:1936", "rtmp://10.0.0.1:1936/live/k"),
        ("rtmp://{x}/live/k", "[::1]", "rtmp://[::1]/live/k"),
        ("{x}/cam0", "rtmp://server/live", "rtmp://server/live/cam0"),
    ],
)
def test_a_value_keeps_the_structure(template: str, value: str, url: str) -> None:
    assert UrlTemplate(template).expand({"x": value}) == url


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (
            "rtmp://server/live/{camera}",
            (
                "unknown variable {camera} at character 20; known: camera_id, camera_name, stream_id, stream_name; "
                "did you mean {camera_id}?"
            ),
        ),
        (
            "rtmp://server/live/{zzz}",
            "unknown variable {zzz} at character 20; known: camera_id, camera_name, stream_id, stream_name",
        ),
        ("rtmp://server/{stream_name", "unclosed brace at character 15; write {{ for a brace"),
        (
            "rtmp://server/live}/k",
            "closing brace without an opening one at character 19; write }} for a brace",
        ),
        (
            "rtmp://server/{stream name}/k",
            "no variable name in the braces at character 15; a name is letters, digits and _; write {{ for a brace",
        ),
        (
            "rtmp://server/{}/k",
            "no variable name in the braces at character 15; a name is letters, digits and _; write {{ for a brace",
        ),
        (
            "rtmp://server/{stream_name:>9}/k",
            "no variable name in the braces at character 15; a name is letters, digits and _; write {{ for a brace",
        ),
        ("server/live/{stream_name}", "does not give a valid URL: expected scheme://host/…"),
        ("rtmp:///live/{stream_name}", ""),
        ("rtmp://server:0/{stream_name}", "does not give a valid URL: its port is not a number from 1 to 65535"),
        ("rtmp://server:1x/{stream_name}", "does not give a valid URL: its port is not a number from 1 to 65535"),
        ("rtmp://server/li ve/k", "does not give a valid URL: it holds a space or a control character"),
        ('rtmp://server/"k"', 'does not give a valid URL: it holds one of " < > which must be percent-encoded'),
        ("rtmp://[::1/k", "does not give a valid URL: its host is not a name or an address"),
        ("rtmp://user@/k", "does not give a valid URL: it has no host"),
        ("rtmp://", "does not give a valid URL: it has no host"),
    ],
)
def test_says_what_is_wrong_and_where(template: str, text: str) -> None:
    try:
        UrlTemplate(template).expand(VALUES)
        found = ""
    except ConfigError as error:
        found = str(error).partition(": ")[2]
    assert found == text


def test_names_the_template_without_its_key() -> None:
    with pytest.raises(ConfigError) as caught:
        UrlTemplate("rtmp://user:pw@server/live/secret{camera_id}?token=abc{nope}").expand({"camera_id": 1})
    expected = "URL template rtmp://***@server/live/***{camera_id}***{nope}: unknown variable {nope} at character 55; "
    assert str(caught.value) == expected + "known: camera_id"


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_value_is_an_error(value: object) -> None:
    with pytest.raises(ConfigError, match=r"variable \{x\} at character 20 has an empty value"):
        UrlTemplate("rtmp://server/live/{x}").expand({"x": value})


def test_lists_its_variables() -> None:
    template = UrlTemplate("rtmp://server/{b}/{a}{b}")
    assert template.variables == ("b", "a", "b")
    assert template == UrlTemplate("rtmp://server/{b}/{a}{b}")
    assert repr(template) == "UrlTemplate('rtmp://server/{b}/{a}{b}')"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_no_value_changes_what_stands_around_it(value: str) -> None:
    url = UrlTemplate("rtmp://server:1935/live/{x}?t={x}#f").expand({"x": value})
    parts = urlsplit(url)
    assert (parts.netloc, parts.fragment) == ("server:1935", "f")
    assert parts.path.count("/") == 2
    assert parts.path.isascii()
    assert unquote(parts.path.rpartition("/")[2]) == value
    assert unquote(parts.query.partition("=")[2]) == value


@given(st.text(max_size=60))
def test_any_text_expands_to_a_url_or_raises_a_config_error(text: str) -> None:
    try:
        url = UrlTemplate(text).expand(VALUES)
    except ConfigError:
        return
    assert url_fault(url) == ""
