"""A key never shows: not in a redacted URL, not in free text that quotes it in any spelling, not in a repr."""

from __future__ import annotations

import json
import traceback
from urllib.parse import quote

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast import redaction
from camcast.config import RetryPolicy, SessionConfig, SourceConfig, TargetConfig
from camcast.errors import ConfigError
from camcast.redaction import redact_text, redact_url, url_secrets
from camcast.target import Target
from camcast.url_template import UrlTemplate

HARD = "k?Y/with&all#of%it"

# Letters that stand nowhere else in these tests, so that no key is found by chance.
SIGNS = st.text(alphabet="QXZ?&@#%=:;,'+~!$()[]{}|^-_.", max_size=12)
KEYS = st.builds("{}QXZ{}".format, SIGNS, SIGNS)


def shows(text: str, key: str) -> bool:
    """Whether `text` shows the key or any part of it that one could use."""
    return key in text or any(char in text for char in "QXZ")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtmp://server/live/key", "rtmp://server/live/***"),
        ("rtmp://user:pw@server:1935/live/key?token=1", "rtmp://***@server:1935/live/***"),
        ("rtmps://server/app/inst/key", "rtmps://server/app/inst/***"),
        ("rtmp://server/live/", "rtmp://server/live/***"),
        ("rtmp://server/", "rtmp://server/"),
        ("rtmp://server", "rtmp://server"),
        ("srt://server:9000?streamid=gate", "srt://server:9000/***"),
        ("rtmp://[::1]:1935/live/key", "rtmp://[::1]:1935/live/***"),
        (f"rtmp://server/live/{HARD}", "rtmp://server/live/***"),
        ("rtmp://server/live/k@y", "rtmp://***"),
        ("rtmp://u:p/w@server/live/k", "rtmp://***"),
        ("rtmp://u:p?w#@server/live/k", "rtmp://***"),
        ("rtsp://10.0.0.5/user=admin&password=SECRET/ch1/main", "rtsp://10.0.0.5/***/ch1/***"),
        ("rtsp://10.0.0.5/a/USERNAME=x_pwd%3DSECRET_channel=1_stream=0.sdp/trackID=1", "rtsp://10.0.0.5/a/***/***"),
        ("mykey", "***"),
        ("", ""),
    ],
)
def test_what_of_a_url_is_shown(url: str, shown: str) -> None:
    assert redact_url(url) == shown


def test_a_password_in_a_path_is_hidden_wherever_it_is_said() -> None:
    url = "rtsp://10.0.0.5/user=admin&password=SECRET/ch1/main"
    assert redact_text("SECRET is wrong for /user=admin&password=SECRET/ch1", url_secrets(url)) == (
        "*** is wrong for /***/ch1"
    )


@given(KEYS)
def test_no_url_shows_its_key(key: str) -> None:
    assert not shows(redact_url(f"rtmp://host:1935/live/{key}"), key)
    assert not shows(redact_url(f"rtmp://user:{key}@host/live/{key}?token={key}"), key)


@given(KEYS, KEYS)
def test_no_text_shows_a_key(key: str, password: str) -> None:
    url = f"rtmp://user:{password}@host:1935/live/{key}"
    target = Target(url=url, stream_key=key)
    for said in (key, quote(key), quote(key, safe=""), quote(key).lower(), repr(key), json.dumps(key), url, repr(url)):
        for text in (f"the server says: {said} is refused", f"<{said}>", f'{{"name":"{said}"}}'):
            assert not shows(target.scrub(text), key), text
    assert not shows(target.scrub(f"wrong password {password!r}"), password)
    assert not shows(repr(target) + target.shown, key)


@given(KEYS)
def test_free_text_hides_urls_even_without_being_told_the_key(key: str) -> None:
    for text in (
        f"cannot open rtmp://host/live/{key}",
        f"'rtmp://host/live/{key}'",
        f'"rtmp://host/live/{key}" failed',
    ):
        assert not shows(redact_text(text), key)


def test_what_is_secret_in_a_url() -> None:
    assert url_secrets("rtmp://user:pass@host/live/key?token=abc&x=1#part") >= {"pass", "key", "abc", "part"}
    assert "k@y" in url_secrets("rtmp://host/live/k@y")
    assert url_secrets("rtmp://host/live/k") == frozenset()
    assert url_secrets("no url") == frozenset()


def test_the_rest_of_a_text_stays() -> None:
    text = "connect to rtmp://host/live/key1 failed (refused), then rtmp://host/live/key2; key1 again"
    expected = "connect to rtmp://host/live/*** failed (refused), then rtmp://host/live/*** *** again"
    assert redact_text(text, ["key1"]) == expected


def test_an_explicit_application_leaves_the_whole_rest_as_key() -> None:
    target = Target(url="rtmp://host/live/KEY/7", app="live")
    assert target.shown == "rtmp://host/live/***"
    assert target.scrub("no such name: KEY/7") == "no such name: ***"


@attrs.frozen
class Options:
    latency: int = 120
    passphrase: str = attrs.field(default="", repr=False)


@pytest.mark.parametrize("options", [Options(passphrase="KEYKEYKEY7"), {"passphrase": "KEYKEYKEY7", "latency": 3}])
def test_options_that_hide_themselves_are_secrets_too(options: object) -> None:
    target = Target(url="srt://host:9000", options=options)
    assert "KEYKEYKEY7" in target.secrets
    assert target.scrub("bad passphrase KEYKEYKEY7") == "bad passphrase ***"
    assert "KEY" not in repr(target)


@given(KEYS)
def test_no_configuration_shows_a_key_in_its_repr(key: str) -> None:
    target = TargetConfig(
        url=f"rtmp://user:{key}@host/live/{key}",
        stream_key=key,
        proxy=f"socks5://user:{key}@proxy",
        options={"passphrase": key},
    )
    session = SessionConfig(camera_id=0, targets=(target,), retry_policy=RetryPolicy())
    source = SourceConfig(type="rtsp", url=f"rtsp://user:{key}@camera/main", options={"password": key})
    for value in (target, session, source, target.target(resolve_secret=str)):
        assert not shows(repr(value), key)


@given(KEYS.filter(lambda key: "{" not in key or "}" not in key))
def test_no_template_shows_a_key(key: str) -> None:
    """A key with a brace in it is a template by mistake."""
    for url in (f"rtmp://host/live/{key}{{camera}}", f"rtmp://user:{key}@host/live/{{camera}}", f"host/{key}"):
        try:
            template = UrlTemplate(url)
            text = repr(template)
            text += template.expand({"camera_id": 1})
        except ConfigError as error:
            text = "".join(traceback.format_exception_only(error))
        else:
            raise AssertionError("expected an error")
        assert not shows(text, key)


def test_a_redactor_remembers_its_last_text_and_no_other() -> None:
    hides = redaction.Redactor({"the-key-7"})
    assert [hides.text(text) for text in ("a the-key-7", "a the-key-7", "b", "a the-key-7")] == [
        "a ***",
        "a ***",
        "b",
        "a ***",
    ]
    assert "the-key-7" not in repr(hides)
