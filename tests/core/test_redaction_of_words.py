"""A peer that knows our key says it in every way that it can: no text that we show has it, or a useful part of it."""

from __future__ import annotations

import html
import time
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.redaction import HIDDEN, MAX_URL, MAX_WORDS, excerpt, piece, redact_text, words
from camcast.session.redirects import refusal
from camcast.target import Target

KEY = "Zq7-Kx9_Vw3"
HARD = "Zq7?Kx9&Vw3=Zy5"
CASES = [KEY, HARD]


def letters(text: str) -> str:
    return "".join(sign for sign in text.lower() if sign.isalnum())


def shows(text: str, key: str) -> bool:
    """Whether four signs of the key stand in a row, whatever is put between them."""
    said, wanted = letters(text), letters(key)
    return any(wanted[at : at + 4] in said for at in range(len(wanted) - 3))


WAYS = {
    "whole": lambda key: key,
    "in upper case": str.upper,
    "percent": lambda key: quote(key, safe=""),
    "plus": quote_plus,
    "every sign by percent": lambda key: "".join(f"%{ord(sign):02x}" for sign in key),
    "twice by percent": lambda key: quote(quote(key, safe=""), safe=""),
    "every sign twice by percent": lambda key: "".join(f"%25{ord(sign):02X}" for sign in key),
    "HTML": html.escape,
    "HTML twice": lambda key: html.escape(html.escape(key)),
    "every sign by HTML": lambda key: "".join(f"&#{ord(sign)};" for sign in key),
    "every sign by HTML, hex": lambda key: "".join(f"&#x{ord(sign):X};" for sign in key),
    "by turns": lambda key: "".join(f"%{ord(s):02x}" if i % 2 else f"&#{ord(s)};" for i, s in enumerate(key)),
    "Python": lambda key: "".join(f"\\x{ord(sign):02x}" for sign in key),
    "JSON": lambda key: "".join(f"\\u{ord(sign):04x}" for sign in key),
    "spaced": lambda key: " ".join(key),
    "in lines": lambda key: "\n".join(key),
    "with escapes of a terminal": lambda key: "\x1b[1m".join(key[i : i + 2] for i in range(0, len(key), 2)),
    "with dots": lambda key: ".".join(key),
    "hex": lambda key: key.encode().hex(),
    "Base64": lambda key: b64encode(key.encode()).decode(),
    "Base64, behind one": lambda key: b64encode(b"a" + key.encode() + b"b").decode(),
    "Base64, behind two": lambda key: b64encode(b"u:" + key.encode() + b"?").decode(),
    "Base64 for URLs": lambda key: urlsafe_b64encode(key.encode()).decode(),
    "URL": lambda key: f"rtmp://host/live/{key}",
    "URL in HTML": lambda key: html.escape(f"rtmp://host/live/{key}"),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
@pytest.mark.parametrize("key", CASES)
@pytest.mark.parametrize("before", ["", "no such stream: ", "x" * (MAX_WORDS - 8), "<b>a="])
def test_no_way_of_writing_it_shows_a_key(way: object, key: str, before: str) -> None:
    assert callable(way)
    target = Target(url=f"rtmp://host/live/{key}")
    said = way(key)
    for text in (f"{before}{said}", f"{before}{said} is refused", f"{before}'{said}'"):
        for shown in (target.scrub(text), target.words(text)):
            assert not shows(shown, key)
            if "ase64" not in str(said):
                assert said not in shown
    assert len(target.words(before + said)) <= MAX_WORDS


@pytest.mark.parametrize("key", CASES)
def test_split_at_every_position_it_does_not_show(key: str) -> None:
    target = Target(url=f"rtmp://host/live/{key}")
    for at in range(1, len(key)):
        for between in (": ", "\r\n", "\x00", "\u202e", "&amp;", "%20", "'=>\""):
            text = f"NetStream.Failed {key[:at]}{between}{key[at:]} refused"
            assert not shows(target.words(text), key), (at, between)


@pytest.mark.parametrize("key", CASES)
def test_wherever_a_text_is_cut_it_does_not_show(key: str) -> None:
    target = Target(url=f"rtmp://host/live/{key}")
    for length in [*range(MAX_WORDS - 30, MAX_WORDS + 5), *range(4096 - 30, 4096 + 5)]:
        # Keys that are hidden make the text shorter, so what stands far behind comes forward.
        for filling in ("y " * (length // 2), (key + " ") * (length // (len(key) + 1))):
            shown = target.words(filling[:length].ljust(length, "-") + key + " and more" * 100)
            assert not shows(shown, key), length
            assert len(shown) <= MAX_WORDS


def test_words_are_one_printable_line() -> None:
    text = "a\r\nb\x1b[31mred\x1b[0m\t\u202eevil\u0000 \x9b2J" + "ü" * 400
    shown = words(text)
    assert shown.isprintable()
    assert shown.startswith("a b red evil üüü")
    assert shown.endswith("ü…")
    assert len(shown) == MAX_WORDS
    assert words("short") == "short"
    assert words("x" * 50, limit=10) == "x" * 9 + "…"


def test_where_a_server_sends_us_is_shown_without_the_key_that_it_was_told() -> None:
    """A redirect may put the key anywhere: into the host, into the application."""
    here = Target(url=f"rtmp://host/live/{KEY}", stream_key=KEY)
    for url in (f"rtmp://{KEY}.evil.example/live/x", f"rtmp://evil/{KEY}/x", f"rtmp://evil:1935/a{KEY}b/x"):
        there = here.moved(url)
        assert not shows(there.shown, KEY)
        assert not shows(there.words(f"cannot connect to {url.partition('://')[2]}"), KEY)
        assert not shows(there.moved("rtmp://evil/live/y").words(KEY), KEY)
    assert here.moved("rtmp://other/live/x").shown == "rtmp://other/live/***"


@given(st.text(max_size=60), st.text(min_size=3, max_size=20))
def test_any_text_and_any_secret_end_in_one_line(text: str, secret: str) -> None:
    shown = words(text, [secret])
    assert shown.isprintable()
    assert len(shown) <= MAX_WORDS


def test_ordinary_words_stay() -> None:
    text = "the server closed the connection while streaming; 64 KiB & more, 100%, \\x, &nbsp stay"
    assert redact_text(text, ["camera-1", "stream", "live/abc"]) == text


@pytest.mark.parametrize("secret", ["word", "pass", "Word", "fuse", "era", "came"])
def test_what_is_hidden_does_not_tell_the_secret_by_what_is_left(secret: str) -> None:
    """ "pass***" says that the password is "word"."""
    text = "the camera refused user name and password"
    assert redact_text(text, [secret]) == text
    for said in (f"{text} {secret}", f"{text} {secret}s", f"{text} x{secret}", f"{text}={secret}_1"):
        shown = redact_text(said, [secret])
        assert shown == said[: len(text)] + said[len(text) :].replace(secret, "***")


def test_a_whole_word_is_hidden_even_if_it_is_one_of_ours() -> None:
    """Nobody can tell whether it is the peer's."""
    assert redact_text("no such stream: camera, Cameras, password", ["camera", "password"]) == (
        "no such stream: ***, Cameras, ***"
    )


@pytest.mark.parametrize("shape", ["a-", "%", "%25", "&amp;", "&#", "\\x", "A" * 3, "a:// ", "://", "&amp;#", " \n"])
def test_long_repetitive_texts_take_no_time(shape: str) -> None:
    secrets = [KEY, HARD, "aaaaaaaa", "AAAAAAAAAA"]
    text = shape * (64 * 1024 // len(shape))
    began = time.thread_time()
    words(text, secrets)
    assert time.thread_time() - began < 0.25
    began = time.thread_time()
    redact_text(text, secrets)
    assert time.thread_time() - began < 2.0


@pytest.mark.parametrize("key", CASES)
def test_a_piece_of_a_text_that_may_be_one_of_a_secret_does_not_show(key: str) -> None:
    """Where a peer parts it, each piece alone is unknown."""
    for at in range(len(key) - 4):
        part = key[at : at + 5]
        assert len(letters(part)) < 4 or piece(f"x{part}", [key]) == HIDDEN
    assert piece("H264", [key]) == "H264"
    assert piece("Kerberos", [key, ""]) == "Kerberos"
    assert piece("a\x1b[1mb\n" * 100, [key], 20) == "a b a b a b a b a b…"


@pytest.mark.parametrize("shape", ["a?b@", "ab/cd?e=f&gh=i@", "&#65;b@", "a:b@", "@", "a/b@c/"])
def test_an_address_of_a_peers_costs_little_in_each_text_from_there_on(shape: str) -> None:
    """Of as many characters as are taken: each way to read it is looked for, and there is one for each '@'."""
    url = "rtmp://host/" + (shape * MAX_URL)[: MAX_URL - 12]
    here = Target(url=f"rtmp://host/live/{KEY}")
    began = time.thread_time()
    there = here.moved(url)
    for text in ("no such stream", "no such %20stream", shape * 1000):
        assert not shows(there.shown + there.words(text) + there.excerpt(text), KEY)
    assert time.thread_time() - began < 0.25
    assert len(url) == MAX_URL
    assert refusal(here.url, url, (), 0) is None
    assert "longer" in str(refusal(here.url, url + "@", (), 0))


def test_what_is_cut_out_of_a_text_loses_what_may_be_the_rest_of_a_secret() -> None:
    for at in range(4, len(letters(KEY)) - 3):
        assert not shows(excerpt(f"see {KEY[: at + 2]}", [KEY]), KEY)
        assert not shows(excerpt(f"{KEY[-at - 2 :]} was it", [KEY]), KEY)
        assert excerpt(f"see {KEY[: at + 2]}", [KEY]).startswith("see ")
    assert excerpt("x9_Vw3 or Zq7-K", [KEY]) == "*** or ***"
    for url in ("rtmp://Zq7-Kx9/_Vw3", "rtmp://host/Zq7-/Kx9_Vw3", "rtmp://Zq7-K@x9_Vw3/live"):
        assert not shows(redact_text(f"see {url}", [KEY]), KEY)
    assert excerpt("no such stream", ["streams-of-mine", KEY]) == "no such ***"
    assert excerpt("Not Found", [KEY, "abc", "notfoundatall-1"]) == HIDDEN
    assert excerpt("aaaa" * 1000, ["a" * 5000, "b" + "a" * 3999]) == HIDDEN
    assert excerpt("Not Found", []) == "Not Found"
