"""SRT targets: what the URL and the options may say, and what is refused with which words."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.transport_harness import codecs

from camcast.errors import ConfigError
from camcast.kinds import Confidence, Take
from camcast.target import Target
from camcast_srt import camcast_transports
from camcast_srt.options import SrtOptions, SrtSettings, settings_of

PASSPHRASE = "correct horse battery"


def settings(url: str, options: SrtOptions | None = None, **target: Any) -> SrtSettings:
    return settings_of(Target(url=url, **target), options or SrtOptions())


def test_defaults() -> None:
    assert settings("srt://media.example:9000") == SrtSettings(host="media.example", port=9000)


OTHERS = (
    "connect_timeout=3000000&timeout=5000&rcvbuf=1000&recv_buffer_size=1&lossmaxttl=40&ffs=9&listen_timeout=1"
    "&drifttracer=1&poll-timeout=5&auto-reconnect=true&rw_timeout=1&conntimeo=3"
)


def test_how_long_a_key_lasts() -> None:
    found = settings("srt://h:1?passphrase=correct-horse&kmrefreshrate=1000&kmpreannounce=400")
    assert (found.kmrefreshrate, found.kmpreannounce) == (1000, 400)
    assert settings("srt://h:1?kmrefreshrate=0&kmpreannounce=0").ignored == ()
    with pytest.raises(ValueError, match=r"kmpreannounce: expected less than half of kmrefreshrate \(1000\), got 500"):
        settings("srt://h:1?passphrase=correct-horse&kmrefreshrate=1000&kmpreannounce=500")


def test_keys_of_other_tools_that_change_nothing_are_passed_over() -> None:
    """What FFmpeg, OBS, GStreamer and libsrt's own tools know, and people copy along."""
    settings = settings_of(Target(url=f"srt://h:1?{OTHERS}&latency=80"), SrtOptions())
    assert settings.latency == 80
    assert settings.ignored == tuple(pair.partition("=")[0] for pair in OTHERS.split("&"))
    same = "transtype=live&tsbpd=1&tsbpdmode=true&messageapi=1&enforced_encryption=yes&smoother=live&congestion=live"
    assert settings_of(Target(url=f"srt://h:1?{same}"), SrtOptions()).ignored == (), "they say what holds anyway"
    assert settings_of(Target(url="srt://h:1?send_buffer_size=100000"), SrtOptions()).sndbuf == 100_000
    same = "adapter=0.0.0.0&localport=0&cryptomode=1&type=live&maxrexmitbw=-1&mininputbw=0&snddropdelay=0"
    assert settings_of(Target(url=f"srt://h:1?{same}"), SrtOptions()).ignored == ()


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ("mode=client", "mode", "caller"),
        ("mode=Server", "mode", "listener"),
        ("linger=180", "linger", 1.5),
        ("linger=-1", "linger", 1.0),
        ("payload_size=ts_size", "payload_size", 1316),
        ("payload_size=1456", "payload_size", 1316),
        ("tsbpddelay=300", "latency", 300),
        ("key-length=16&passphrase=correct-horse", "pbkeylen", 16),
        ("bandwidth-overhead-limit=30", "oheadbw", 30),
        ("rcvlatency=100&peerlatency=250", "latency", 250),
        ("peerlatency=250&latency=100", "latency", 250),
        ("iptos=0xB8", "iptos", 0xB8),
        ("latency=0120", "latency", 120),
        ("streamId=publish:cam:user:pass", "streamid", "publish:cam:user:pass"),
        ("streamid=live/cam?token=a=b", "streamid", "live/cam?token=a=b"),
        ("passphrase=%20&latency=80", "passphrase", None),
    ],
)
def test_what_other_tools_say_otherwise(query: str, name: str, value: object) -> None:
    assert getattr(settings(f"srt://h:1?{query}"), name) == value


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("transtype=file", "transtype: this transport supports 'live' only"),
        ("tsbpd=0", "tsbpd: this transport supports '1' only"),
        ("adapter=10.0.0.1", "adapter: set `bind` of the output instead"),
        ("cryptomode=2", "cryptomode: this transport supports '0' only"),
        ("localport=5000", "localport: set `bind` of the output instead"),
        ("maxrexmitbw=1000", "maxrexmitbw: this transport supports '-1' only"),
        ("maxbw=0&inputbw=0&mininputbw=250000", "mininputbw: this transport supports '0' only"),
        ("snddropdelay=2000", "snddropdelay: this transport supports '0' only"),
        ("snddropdelay=-1", "snddropdelay: this transport supports '0' only"),
        ("linger=nan", "linger: not a valid value in the URL's query"),
    ],
)
def test_keys_of_other_tools_that_would_change_something_are_errors(query: str, text: str) -> None:
    with pytest.raises(ValueError) as caught:
        settings_of(Target(url=f"srt://h:1?{query}"), SrtOptions())
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("query", "remark"),
    [
        ("linger=180", "linger=180 counts as 1.5"),
        ("linger=inf&latency=80", "linger=inf counts as 1.5"),
        ("payload_size=1456", "payload_size=1456 counts as 1316"),
        ("pkt_size=max_size", "pkt_size=max_size counts as 1316"),
        ("linger=9&rcvbuf=1", "keys of the URL that change nothing here are ignored: rcvbuf; linger=9 counts as 1.5"),
        ("linger=1.5&payload_size=ts_size&pkt_size=1316", ""),
        ("linger=-1", ""),
        ("passphrase=&pbkeylen=0&streamid=", "passphrase is empty, so nothing is encrypted"),
        ("pbkeylen=16", "pbkeylen without a passphrase encrypts nothing"),
        ("latency=&maxbw=", "latency is empty; maxbw is empty"),
        ("enforced_encryption=0", "keys of the URL that change nothing here are ignored: enforced_encryption"),
        ("", ""),
    ],
)
def test_what_is_taken_instead_of_what_cannot_be_had_is_told(query: str, remark: str) -> None:
    assert settings(f"srt://h:1?{query}").remark == remark


def test_a_listener_as_others_write_it() -> None:
    found = settings("srt://@:9000?mode=listener")
    assert (found.host, found.port, found.mode) == ("", 9000, "listener")


def test_what_is_no_number_is_no_option() -> None:
    with pytest.raises(ValueError, match=r"linger: expected 0 to 1\.5, got nan"):
        SrtOptions(linger=float("nan"))


def test_the_urls_query() -> None:
    found = settings(
        "srt://[2001:db8::7]:9000?mode=caller&streamid=%23!::r=live/gate%2Bnorth,m=publish&passphrase=correct%20horse"
        "%20battery&pbkeylen=32&latency=250&maxbw=0&inputbw=500000&oheadbw=30&linger=0.5&pkt_size=1128&tlpktdrop=0"
        "&transtype=live"
    )
    assert found == SrtSettings(
        host="2001:db8::7",
        port=9000,
        streamid="#!::r=live/gate+north,m=publish",
        passphrase=PASSPHRASE,
        pbkeylen=32,
        latency=250,
        maxbw=0,
        inputbw=500_000,
        oheadbw=30,
        linger=0.5,
        payload_size=1128,
        tlpktdrop=False,
    )


def test_a_stream_id_may_be_written_as_it_is() -> None:
    assert settings("srt://h:1?streamid=#!::r=live/a,m=publish&latency=80").streamid == "#!::r=live/a,m=publish"


def test_options_fill_in_and_agree() -> None:
    found = settings("srt://h:1?streamid=a&latency=80", SrtOptions(latency=80, passphrase=PASSPHRASE))
    assert (found.streamid, found.latency, found.passphrase) == ("a", 80, PASSPHRASE)


@pytest.mark.parametrize(
    ("url", "options", "words"),
    [
        ("srt://h", {}, "needs a port: srt://host:port"),
        ("srt://h:0", {}, "needs a port"),
        ("srt://h:99999", {}, "needs a port"),
        ("srt://:9000", {}, "an SRT caller needs a host"),
        ("srt://h:1/live/key", {}, "has no path"),
        ("srt://user:secretword@h:1", {}, "no user or password"),
        ("srt://2001:db8::7:9000", {}, "stands in brackets"),
        ("srt://[nonsense]:9000", {}, "not an IPv6 address"),
        ("srt://h:1?latencyy=5", {}, "unknown key 'latencyy' in the URL's query; known: fc, inputbw, ipt"),
        ("srt://h:1?tokenthatlostitskey", {}, "an unknown key in the URL's query"),
        ("srt://h:1?latency=fast", {}, "latency: not a valid value"),
        ("srt://h:1?latency=200000", {}, "it is in ms (FFmpeg's URLs count microseconds)"),
        ("srt://h:1?latency=5&latency=6", {}, "stands twice"),
        ("srt://h:1?mode=push", {}, "mode: expected one of caller, listener, rendezvous"),
        ("srt://h:1?transtype=file", {}, "supports 'live' only"),
        ("srt://h:1?passphrase=short", {}, "passphrase: expected 10 to 79 bytes, got 5"),
        ("srt://h:1", {"pbkeylen": 32}, "without a passphrase"),
        ("srt://h:1?pkt_size=1500", {}, "multiple of 188 up to 1456"),
        ("srt://h:1?mode=rendezvous&streamid=a", {}, "a rendezvous carries no streamid"),
        ("srt://h:1?latency=80", {"latency": 90}, "latency is set both in the options and in the URL's query"),
        ("srt://h:1?streamid=" + "x" * 600, {}, "at most 512 bytes"),
    ],
)
def test_what_cannot_work(url: str, options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError) as caught:
        settings(url, SrtOptions(**options))  # type: ignore[arg-type]
    assert words in str(caught.value)
    assert "secretword" not in str(caught.value)


def test_what_srt_does_not_have() -> None:
    with pytest.raises(ValueError, match="cannot go through a proxy"):
        settings("srt://h:1", proxy="http://p:1")
    with pytest.raises(ValueError, match="put the stream's name into `streamid`"):
        settings("srt://h:1", stream_key="k")


@given(st.text(max_size=60), st.text(max_size=30))
def test_any_url_is_taken_or_refused_without_its_secret(place: str, secret: str) -> None:
    hidden = f"PASS{secret}PHRASE"
    try:
        shown = repr(settings(f"srt://{place}?passphrase={hidden}"))
    except ValueError as error:
        shown = str(error)
    assert hidden not in shown


def test_no_secret_in_any_repr() -> None:
    options = SrtOptions(passphrase=PASSPHRASE, streamid="the-stream-key")
    found = settings("srt://h:1", options)
    for shown in (repr(options), repr(found), str(options)):
        assert PASSPHRASE not in shown
        assert "the-stream-key" not in shown


def test_options_are_structured_with_paths() -> None:
    (kind,) = camcast_transports()
    made = codecs().structure_options(kind, {"latency": 200, "streamid": "a"}, "options")
    assert made == SrtOptions(latency=200, streamid="a")
    with pytest.raises(ConfigError) as caught:
        codecs().structure_options(kind, {"latancy": 200}, "options")
    assert 'options.latancy: unknown key; did you mean "latency"?' in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        codecs().structure_options(kind, {"pbkeylen": 7}, "options")
    assert "pbkeylen: expected one of 0, 16, 24, 32, got 7" in str(caught.value)


def test_the_kind() -> None:
    (kind,) = camcast_transports()
    target = Target(url="srt://h:9000?streamid=a&latency=80")
    kind.check(target)
    accepted = kind.accepts(target)
    assert {name for name in ("h264", "h265", "aac", "opus", "av1", "vp9", "mp3") if _yes(accepted.take(name))} == {
        "h264",
        "h265",
        "aac",
        "opus",
    }
    # The same stream is the same name however it is written, and another latency does not make it another.
    assert kind.publish_name(target) == kind.publish_name(Target(url="srt://h:9000?latency=99&streamid=a"))
    assert kind.publish_name(target) != kind.publish_name(Target(url="srt://h:9000?streamid=b"))


def _yes(take: Take) -> bool:
    return take.confidence is Confidence.YES


def test_listing_imports_nothing_heavy() -> None:
    program = """
import sys, camcast_srt
(kind,) = camcast_srt.camcast_transports()
from camcast.errors import ConfigError
from camcast.kinds import Confidence, Take
from camcast.target import Target
kind.check(Target(url="srt://h:9000")); kind.accepts(Target(url="srt://h:9000"))
print(*[name for name in ("av", "cffi", "_cffi_backend", "numpy", "asyncio") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("breakage", "line"),
    [
        ("sys.modules['cffi'] = None", "needs the Python package cffi: pip install 'camcast[srt]'"),
        (
            "import camcast_srt.library; camcast_srt.library.NAMES = ('libnosuch.so.9',)",
            "apt-get install libsrt1.5-ope",
        ),
    ],
)
def test_a_missing_library_names_the_line_that_installs_it(breakage: str, line: str) -> None:
    program = f"""
import sys
{breakage}
import camcast_srt
(kind,) = camcast_srt.camcast_transports()
try:
    kind.available()
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("MissingDependency")
    assert line in done.stdout
