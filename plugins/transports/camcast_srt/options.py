"""What an SRT target may be told, in its options or in its URL's query, and the settings that follow from both.

`srt://host:port?streamid=…&passphrase=…&latency=200` is how everybody writes SRT targets; the names are those of
libsrt's own tools. FFmpeg counts latencies in microseconds there; here they are milliseconds, as in libsrt.
The same thing said twice and differently is an error, as is an unknown key.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from hashlib import sha256
from math import isnan
from typing import Any
from urllib.parse import unquote

import attrs

from camcast.net.host import canonical, is_address
from camcast.target import Target

MODES = ("caller", "listener", "rendezvous")
_MODES = {"client": "caller", "server": "listener"}
"""libsrt's tools know the first two by these names as well."""
MAX_PAYLOAD = 1456
"""An Ethernet frame without IP, UDP and SRT headers."""
_TS_PACKET = 188
_MAX_LATENCY = 30_000
_MAX_STREAMID = 512
_MAX_LINGER = 1.5


def _only(*values: object) -> Callable[[Any, Any, Any], None]:
    def check(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value is not None and value not in values:
            raise ValueError(f"{attribute.name}: expected one of {', '.join(map(str, values))}, got {value!r}")

    return check


def _between(low: float, high: float, hint: str = "") -> Callable[[Any, Any, Any], None]:
    def check(_instance: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
        if value is not None and not low <= value <= high:
            raise ValueError(f"{attribute.name}: expected {low:g} to {high:g}, got {value}{hint}")

    return check


def _passphrase(_instance: object, _attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None and not 10 <= len(value.encode()) <= 79:
        raise ValueError(f"passphrase: expected 10 to 79 bytes, got {len(value.encode())}")


def _streamid(_instance: object, _attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None and len(value.encode()) > _MAX_STREAMID:
        raise ValueError(f"streamid: expected at most {_MAX_STREAMID} bytes, got {len(value.encode())}")


def _payload(_instance: object, _attribute: attrs.Attribute[Any], value: int | None) -> None:
    if value is not None and (value % _TS_PACKET or not _TS_PACKET <= value <= MAX_PAYLOAD):
        raise ValueError(f"payload_size: expected a multiple of {_TS_PACKET} up to {MAX_PAYLOAD}, got {value}")


_MICROSECONDS = "; it is in ms (FFmpeg's URLs count microseconds)"


@attrs.frozen(kw_only=True)
class SrtOptions:
    """An SRT output's `options`. What is not given is libsrt's default, unless another is named."""

    mode: str | None = attrs.field(default=None, validator=_only(*MODES))
    """"caller" (default), "listener" (waits for the server to call) or "rendezvous"."""
    streamid: str | None = attrs.field(default=None, repr=False, validator=_streamid)
    """Names the stream at the server; often holds a key, so it is treated as a secret."""
    passphrase: str | None = attrs.field(default=None, repr=False, validator=_passphrase)
    """10 to 79 bytes; turns encryption on."""
    pbkeylen: int | None = attrs.field(default=None, validator=_only(0, 16, 24, 32))
    """Key length in bytes (AES-128, -192, -256); 0 or none: as the peer has it, or 16."""
    kmrefreshrate: int | None = attrs.field(default=None, validator=_between(0, (1 << 31) - 1))
    """Packets that are sent with one key before another takes its place; 0 or none: 16,777,216."""
    kmpreannounce: int | None = attrs.field(default=None, validator=_between(0, (1 << 30) - 1))
    """By how many packets the next key is told in advance: less than half of `kmrefreshrate`; 0 or none: 4096."""
    latency: int | None = attrs.field(default=None, validator=_between(0, _MAX_LATENCY, _MICROSECONDS))
    """ms that the receiver holds packets back so that losses can be repaired; the greater of both sides'
    values counts. libsrt's default is 120; four round trips is a good rule."""
    maxbw: int | None = attrs.field(default=None, validator=_between(-1, 1 << 40))
    """Upper limit of the sending rate in bytes per second, repeats included; -1 = none, 0 = from `inputbw`."""
    inputbw: int | None = attrs.field(default=None, validator=_between(0, 1 << 40))
    """With `maxbw` 0: the stream's rate in bytes per second; 0 = measured."""
    oheadbw: int | None = attrs.field(default=None, validator=_between(5, 100))
    """With `maxbw` 0: percent above the stream's rate that repeats may take; 25."""
    linger: float | None = attrs.field(default=None, validator=_between(0, _MAX_LINGER))
    """Seconds that closing waits for what is under way to arrive; 1, at most 1.5."""
    payload_size: int | None = attrs.field(default=None, validator=_payload)
    """Bytes per SRT packet: 7 TS packets (1316) unless said otherwise."""
    tlpktdrop: bool | None = None
    """Give up packets that come too late to be shown (default); without it a bad link delays everything."""
    nakreport: bool | None = None
    peeridletimeo: int | None = attrs.field(default=None, validator=_between(500, 60_000))
    """ms of silence after which the peer counts as gone; 5000."""
    packetfilter: str | None = None
    """Forward error correction, in libsrt's words: "fec,cols:10,rows:5"."""
    mss: int | None = attrs.field(default=None, validator=_between(76, 65_535))
    fc: int | None = attrs.field(default=None, validator=_between(32, 1 << 24))
    """Packets that may be under way."""
    sndbuf: int | None = attrs.field(default=None, validator=_between(1 << 16, 1 << 30))
    """Bytes of libsrt's send buffer."""
    iptos: int | None = attrs.field(default=None, validator=_between(0, 255))
    ipttl: int | None = attrs.field(default=None, validator=_between(1, 255))
    minversion: int | None = attrs.field(default=None, validator=_between(0, 0xFFFFFF))


@attrs.frozen(kw_only=True)
class SrtSettings(SrtOptions):
    """Options and URL together, with defaults filled in where this plugin (not libsrt) chooses them."""

    host: str
    port: int
    mode: str = attrs.field(default="caller", validator=_only(*MODES))
    streamid: str = attrs.field(default="", repr=False, validator=_streamid)
    linger: float = attrs.field(default=1.0, validator=_between(0, _MAX_LINGER))
    payload_size: int = attrs.field(default=1316, validator=_payload)
    ignored: tuple[str, ...] = ()
    """Keys of the URL that are other tools' and change nothing here."""
    clamped: tuple[str, ...] = ()
    """What the URL asks for beyond what can be had, and what is taken instead: "linger=180 counts as 1.5"."""

    @property
    def remark(self) -> str:
        """What of the URL is not done as it stands, in words; "" when all is."""
        ignored = f"keys of the URL that change nothing here are ignored: {', '.join(self.ignored)}"
        return "; ".join([*([ignored] if self.ignored else []), *self.clamped])

    @property
    def publish_name(self) -> str:
        """What is published, fit to be compared and shown: the stream id is often a key."""
        digest = sha256(self.streamid.encode()).hexdigest()[:16]
        return f"{canonical(self.host)}:{self.port}/{digest}"


_ALIASES = {
    "pkt_size": "payload_size",
    "payloadsize": "payload_size",
    "srt_streamid": "streamid",
    "rcvlatency": "latency",
    "peerlatency": "latency",
    "tsbpddelay": "latency",
    "key-length": "pbkeylen",
    "payload-size": "payload_size",
    "bandwidth-overhead-limit": "oheadbw",
    "send_buffer_size": "sndbuf",
    "enforced_encryption": "enforcedencryption",
    "smoother": "congestion",
}
_ANY = ()
_KEY_LASTS = 1 << 24
"""libsrt's `kmrefreshrate`."""
_YES = ("1", "true", "yes", "on")
_HARMLESS: dict[str, tuple[str, ...]] = {
    "transtype": ("live",),
    "enforcedencryption": _YES,
    "congestion": ("live",),
    **dict.fromkeys(("messageapi", "tsbpd", "tsbpdmode"), _YES),
    "cryptomode": ("0", "1", "auto", "aes-ctr"),
    "maxrexmitbw": ("-1",),
    "mininputbw": ("0",),
    "snddropdelay": ("0",),
    "type": ("live",),
    **dict.fromkeys(
        (
            *("connect_timeout", "conntimeo", "timeout", "listen_timeout", "rw_timeout", "poll-timeout"),
            *("rcvbuf", "recv_buffer_size", "udp_rcvbuf", "udp_sndbuf", "buffer_size", "ffs", "blocking"),
            *("lossmaxttl", "drifttracer", "retransmitalgo"),
            *("wait-for-connection", "auto-reconnect", "keep-listening", "groupconnect", "groupminstabletimeo"),
            *("authentication", "ipv6only", "sndsyn", "rcvsyn", "statsout", "stats"),
        ),
        _ANY,
    ),
}
"""Keys of FFmpeg, OBS, GStreamer and libsrt's own tools that change nothing for a sender of live media, or say what
holds here anyway (then the values that do)."""


_WILDCARDS = ("", "0.0.0.0", "::", "[::]", "0", "any")
"""Local addresses and ports that leave the choice to the kernel, as it is without them."""
_ELSEWHERE = {"adapter": "`bind`", "localaddress": "`bind`", "localport": "`bind`", "bindtodevice": "`bind`"}
"""Keys of other tools for which there is a key of every output's."""


def settings_of(target: Target, options: SrtOptions) -> SrtSettings:
    """What a target's URL and options ask for. Raises `ValueError` with a text that holds no secret."""
    if target.proxy:
        raise ValueError("SRT runs on UDP and cannot go through a proxy: remove `proxy`")
    if target.app is not None or target.stream_key is not None:
        raise ValueError("SRT has no app or stream_key: put the stream's name into `streamid`")
    host, port, query = _split(target.url)
    given = {field.name: getattr(options, field.name) for field in attrs.fields(SrtOptions)}
    asked, ignored, clamped = _parse_query(query)
    if asked.get("pbkeylen") and "passphrase" not in asked and options.passphrase is None:
        clamped = (*clamped, "pbkeylen without a passphrase encrypts nothing")
    for name, value in asked.items():
        if given[name] is not None and given[name] != value:
            raise ValueError(f"{name} is set both in the options and in the URL's query, and differs: remove one")
        given[name] = value
    chosen = {name: value for name, value in given.items() if value is not None}
    settings = SrtSettings(host=host, port=port, ignored=ignored, clamped=clamped, **chosen)
    if settings.mode != "listener" and target.bind and not is_address(target.bind):
        raise ValueError("bind: SRT sends from an IP address, not by a network interface's name")
    if settings.mode != "listener" and not host:
        raise ValueError(f"an SRT {settings.mode} needs a host: srt://host:port")
    if settings.mode == "rendezvous" and settings.streamid:
        raise ValueError("a rendezvous carries no streamid: remove it, or use mode=caller")
    if options.pbkeylen and settings.passphrase is None:
        raise ValueError("pbkeylen is set without a passphrase, so nothing would be encrypted: add one or remove it")
    if settings.kmpreannounce is not None and 2 * settings.kmpreannounce >= (settings.kmrefreshrate or _KEY_LASTS):
        raise ValueError(
            f"kmpreannounce: expected less than half of kmrefreshrate ({settings.kmrefreshrate or _KEY_LASTS}), got "
            f"{settings.kmpreannounce}"
        )
    return settings


def _split(url: str) -> tuple[str, int, str]:
    """Host, port and query. A '#' is no fragment here: stream ids begin with "#!::" (SRT access control)."""
    _, _, rest = url.partition("://")
    place, _, query = rest.partition("?")
    authority, _, path = place.partition("/")
    authority = authority.removeprefix("@")  # as VLC and FFmpeg write a listener
    if path:
        raise ValueError("an SRT URL has no path: put the stream's name into the query, ?streamid=…")
    if "@" in authority:
        raise ValueError("an SRT URL has no user or password: use ?passphrase=… or ?streamid=…")
    host, colon, digits = authority.rpartition(":")
    if not colon or not digits.isascii() or not digits.isdigit() or not 0 < int(digits) < 65_536:
        raise ValueError("an SRT URL needs a port: srt://host:port")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        try:
            ipaddress.IPv6Address(host.partition("%")[0])
        except ValueError:
            raise ValueError("what stands in brackets is not an IPv6 address") from None
    elif ":" in host:
        raise ValueError("an IPv6 address in a URL stands in brackets: srt://[2001:db8::1]:port")
    return host, int(digits), query


def _parse_query(query: str) -> tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]:
    """Values by the name of their option, the keys that change nothing, and what was clamped."""
    found: dict[str, Any] = {}
    keys: set[str] = set()
    ignored: list[str] = []
    clamped: list[str] = []
    for pair in filter(None, query.split("&")):
        key, equals, raw = pair.partition("=")
        key, text = key.lower(), unquote(raw)
        name = _ALIASES.get(key, key)
        if name in _PARSERS and not text.strip() and name != "streamid":
            clamped.append(f"{key} is empty{', so nothing is encrypted' if name == 'passphrase' else ''}")
            continue
        if name in _HARMLESS:
            values = _HARMLESS[name]
            if name == "enforcedencryption" and text.lower() not in values:
                values = _ANY  # to ask for less than is done
            if values and text.lower() not in values:
                raise ValueError(f"{key}: this transport supports {values[0]!r} only")
            if not values:
                ignored.append(key)
            continue
        if key in _ELSEWHERE and text.lower() in _WILDCARDS:
            continue
        if key in _ELSEWHERE:
            raise ValueError(f"{key}: set {_ELSEWHERE[key]} of the output instead")
        if name not in _PARSERS:
            # What is not "word=value" may be a token that lost its key.
            what = f"unknown key {key!r}" if equals and key.isalpha() and len(key) <= 20 else "an unknown key"
            raise ValueError(f"{what} in the URL's query; known: {', '.join(sorted(_PARSERS))}")
        try:
            value = _PARSERS[name](text)
        except ValueError:
            raise ValueError(f"{key}: not a valid value in the URL's query") from None
        if value is None:
            continue
        if name in _CLAMPED and _CLAMPED[name](text):
            clamped.append(f"{key}={text.strip()} counts as {value:g}")
        if name == "latency" and name in found and key not in keys:
            found[name] = value = max(value, found[name])  # the greater of both ends' counts
        keys.add(key)
        if found.setdefault(name, value) != value:
            raise ValueError(f"{name} stands twice in the URL's query, and differs")
    return found, tuple(dict.fromkeys(ignored)), tuple(dict.fromkeys(clamped))


def _whole(text: str) -> int:
    """In hexadecimal too, as libsrt's tools take them."""
    return int(text, 16) if text.strip().lower().startswith("0x") else int(text)


def _mode(text: str) -> str:
    return _MODES.get(text.lower(), text.lower())


def _linger(text: str) -> float | None:
    """Other tools take minutes (libsrt's own default is three) or -1 for the default; what can be had of that is given:
    whatever the receiver still holds for its latency is waited for anyway."""
    seconds = float(text)
    if isnan(seconds):
        raise ValueError(text)
    return min(seconds, _MAX_LINGER) if seconds >= 0 else None


def _payload_size(text: str) -> int:
    """FFmpeg has words for two sizes, of which one holds no whole number of TS packets."""
    return 1316 if text.lower() in ("ts_size", *_OTHER_SIZES) else int(text)


_OTHER_SIZES = ("max_size", str(MAX_PAYLOAD))
_CLAMPED: dict[str, Callable[[str], bool]] = {
    "linger": lambda text: float(text) > _MAX_LINGER,
    "payload_size": lambda text: text.lower() in _OTHER_SIZES,
}
"""Options of which a URL may ask for more than can be had, and whether a text that was parsed does."""


def _flag(text: str) -> bool:
    try:
        return {
            "1": True,
            "true": True,
            "yes": True,
            "on": True,
            "0": False,
            "false": False,
            "no": False,
            "off": False,
        }[text.lower()]
    except KeyError:
        raise ValueError(text) from None


_PARSERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("streamid", "passphrase", "packetfilter"), str),
    **dict.fromkeys(
        ("pbkeylen", "kmrefreshrate", "kmpreannounce", "latency", "maxbw", "inputbw", "oheadbw", "peeridletimeo"),
        _whole,
    ),
    **dict.fromkeys(("mss", "fc", "sndbuf", "iptos", "ipttl", "minversion"), _whole),
    "mode": _mode,
    "payload_size": _payload_size,
    "linger": _linger,
    "tlpktdrop": _flag,
    "nakreport": _flag,
}
