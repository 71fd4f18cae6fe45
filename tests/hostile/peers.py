"""All hostile peers by name. `url` is what a session or a camera is given, with the peer's port put in."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import attrs

from tests.hostile import callers, cameras, datagrams, servers, srt, whip
from tests.hostile.script import Script


@attrs.frozen
class HostilePeer:
    script: Script | None
    url: str
    says: str = ""
    """A part of the text with which its own session is cut off; "" = it may go on, only slowly."""

    or_says: tuple[str, ...] = ()
    """What it may be cut off for as well, where a slower machine takes in less of it."""

    options: Mapping[str, Any] = attrs.field(factory=dict)
    """Of the camera's source, or of the output. `CERTIFICATE` and `PRIVATE_KEY` are paths."""

    own: Callable[[], Coroutine[Any, Any, None]] | None = None
    """Serves by itself, where that is not a connection over TCP."""

    seconds: float = 0.8
    """Of a short run: for so long it is watched once it has begun to attack, and until its text was told."""

    innocent: bool = False
    """Somebody else attacks it: its own session goes on."""

    tls: str = ""
    """The flood below the application, where it is one of `tests.servers.tls_flood`."""

    def cut_off(self, text: str) -> bool:
        """Whether `text` says so, where it has to be."""
        return any(said in text for said in (self.says, *self.or_says))

    @property
    def camera(self) -> bool:
        return self.url.startswith("rtsp") or "mode" in self.options


_RTMP = "rtmp://127.0.0.1:{port}/live/bad"
_WHIP = "whip://127.0.0.1:{port}/whip"
_RTMPS = "rtmps://127.0.0.1:{port}/live/bad"
_WHIPS = "whips://127.0.0.1:{port}/whip"
_SRT = "srt://127.0.0.1:{port}?streamid=bad"
_RTSPS = "rtsps://user:word@127.0.0.1:{port}/bad"
_RTSP = "rtsp://user:word@127.0.0.1:{port}/bad"
_UDP = {"transport": "udp"}
CERTIFICATE, PRIVATE_KEY = "certificate of this run", "private key of this run"
_LISTENS = {"mode": "listen"}
_LISTENS_SRT = {"mode": "listener"}
_LISTENS_TLS = {"mode": "listen", "certificate": CERTIFICATE, "private_key": PRIVATE_KEY}
_WHEPS = "wheps://127.0.0.1:{port}/bad"
_WATCHED_TLS = {"certificate": CERTIFICATE, "certificate_key": PRIVATE_KEY}


def _stranger(url: str, own: Callable[[], Coroutine[Any, Any, None]], options: Mapping[str, Any]) -> HostilePeer:
    """At a port at which the engine listens; nobody is cut off for it but himself."""
    return HostilePeer(None, url, own=own, options=options, innocent=True, seconds=2.0)


def _publisher(own: Callable[[], Coroutine[Any, Any, None]], says: str = "") -> HostilePeer:
    """One who knows the key."""
    return HostilePeer(None, _RTMP, says, own=own, options=_LISTENS, seconds=2.0)


def _by_udp(script: Script, says: str) -> HostilePeer:
    """A camera whose media comes by datagrams; what is too much is known after three seconds of it."""
    return HostilePeer(script, _RTSP, says, options=_UDP)


def _by_srt(own: Callable[[], Coroutine[Any, Any, None]]) -> HostilePeer:
    """What libsrt's own threads take in; it cuts nobody off for it."""
    return HostilePeer(None, _SRT, own=own, seconds=2.0)


def _webrtc(own: Callable[[], Coroutine[Any, Any, None]], says: str, *, innocent: bool = False) -> HostilePeer:
    """A server of WebRTC; who attacks from elsewhere has the time in which its victim would be cut off."""
    return HostilePeer(
        None, _WHIP, says, ("than is taken in here",), own=own, innocent=innocent, seconds=2.5 if innocent else 0.8
    )


PEERS = {
    "server: empty messages": HostilePeer(servers.EMPTY, _RTMP, "messages"),
    "server: empty data messages": HostilePeer(servers.EMPTY_DATA, _RTMP, "messages"),
    "server: small commands": HostilePeer(servers.COMMANDS, _RTMP, "messages"),
    "server: statuses": HostilePeer(servers.STATUS, _RTMP, "messages"),
    "server: results nobody asked for": HostilePeer(servers.RESULTS, _RTMP, "messages"),
    "server: pings": HostilePeer(servers.PINGS, _RTMP, "messages"),
    "server: acknowledgements": HostilePeer(servers.ACKNOWLEDGEMENTS, _RTMP, "messages"),
    "server: chunk sizes": HostilePeer(servers.CHUNK_SIZES, _RTMP, "messages"),
    "server: peer bandwidths": HostilePeer(servers.BANDWIDTHS, _RTMP, "messages"),
    "server: wants every byte acknowledged": HostilePeer(servers.EVERY_BYTE, _RTMP, seconds=2.0),
    "server: chunks of one byte": HostilePeer(servers.SMALL_CHUNKS, _RTMP, "messages"),
    "server: come back at once": HostilePeer(servers.come_back_at_once, _WHIP, "503", seconds=2.0),
    "server: values within values": HostilePeer(servers.AMF_BOMB, _RTMP, "cut off"),
    "server: values that grow": HostilePeer(servers.GROWING, _RTMP, "cut off", seconds=2.0),
    "server: long texts": HostilePeer(servers.LONG_TEXTS, _RTMP, "cut off"),
    "server: messages without an end": HostilePeer(servers.UNFINISHED, _RTMP, "unfinished messages are not accepted"),
    "server: messages of 16 MB": HostilePeer(servers.TOO_LARGE, _RTMP, "is not accepted"),
    "server: a handshake byte by byte": HostilePeer(servers.byte_by_byte, _RTMP),
    "server: redirects to itself": HostilePeer(servers.redirecting, _RTMP, "redirect number 6 in a row"),
    "server: TLS key updates instead of HTTP": HostilePeer(None, _WHIPS, "goes on and on", tls="at_once"),
    "server: redirects over HTTP": HostilePeer(servers.whip_redirecting, _WHIP, "redirects in a row"),
    "server: datagrams of any bytes": HostilePeer(None, _SRT, own=servers.datagrams),
    "server: endless answer": HostilePeer(servers.endless_answer, _WHIP),
    "server: endless headers": HostilePeer(servers.endless_headers, _WHIP),
    "server: endless interim answers": HostilePeer(servers.endless_interim, _WHIP, "that was not asked for"),
    "server: TLS key updates": HostilePeer(None, _RTMPS, "bytes", tls="key_updates"),
    "server: TLS tickets": HostilePeer(None, _RTMPS, "bytes", tls="tickets"),
    "server: endless TLS handshake": HostilePeer(None, _RTMPS, "TLS", tls="handshake"),
    "server, SRT: keepalives": _by_srt(srt.KEEPALIVES),
    "server, SRT: acknowledgements": _by_srt(srt.ACKS),
    "server, SRT: acknowledgements at random": HostilePeer(
        None,
        _SRT,
        "libsrt crashed",
        ("the peer closed the connection", "stalled"),  # by which of them libsrt is hit is chance
        own=srt.ACKS_AT_RANDOM,
        seconds=2.0,
    ),
    "server, SRT: acknowledgements of any length": HostilePeer(None, _SRT, own=srt.ACKS_OF_ANY_LENGTH, seconds=2.0),
    "server, SRT: misses everything": _by_srt(srt.MISSES),
    "server, SRT: control packets of every kind": _by_srt(srt.EVERY_KIND),
    "server, SRT: handshakes": _by_srt(srt.HANDSHAKES),
    "server, WebRTC: asks for keyframes": _webrtc(whip.PLI, "500 datagrams"),
    "server, WebRTC: misses everything": _webrtc(whip.NACK, "in a second again"),
    "server, WebRTC: reports": _webrtc(whip.REPORTS, "500 datagrams"),
    "server, WebRTC: rubbish": _webrtc(whip.RUBBISH, "500 datagrams"),
    "server, WebRTC: TLS records": _webrtc(whip.DTLS, "500 datagrams"),
    "server, WebRTC: checks of the path": _webrtc(whip.CHECKS, "500 datagrams"),
    "server, WebRTC: checks from many ports": _webrtc(whip.FROM_MANY_PORTS, "", innocent=True),
    "server, WebRTC: a flood from elsewhere": _webrtc(whip.FROM_ELSEWHERE, "", innocent=True),
    "stranger, RTMPS: says nothing": _stranger(_RTMPS, callers.SILENCE, _LISTENS_TLS),
    "stranger, RTMPS: handshakes": _stranger(_RTMPS, callers.HANDSHAKES, _LISTENS_TLS),
    "stranger, RTMPS: TLS key updates": _stranger(_RTMPS, callers.KEY_UPDATES, _LISTENS_TLS),
    "stranger, RTMPS: TLS key updates between words": _stranger(_RTMPS, callers.KEY_UPDATES_BETWEEN, _LISTENS_TLS),
    "stranger, RTMP: commands": _stranger(_RTMP, callers.COMMANDS, _LISTENS),
    "stranger, SRT: first handshakes": _stranger(_SRT, srt.STRANGERS_INDUCTIONS, _LISTENS_SRT),
    "stranger, SRT: last handshakes": _stranger(_SRT, srt.STRANGERS_CONCLUSIONS, _LISTENS_SRT),
    "stranger, SRT: rubbish": _stranger(_SRT, srt.STRANGERS_RUBBISH, _LISTENS_SRT),
    "stranger, WHEP: says nothing": _stranger(_WHEPS, callers.SILENCE, _WATCHED_TLS),
    "stranger, WHEP: handshakes": _stranger(_WHEPS, callers.HANDSHAKES, _WATCHED_TLS),
    "stranger, WHEP: TLS key updates": _stranger(_WHEPS, callers.KEY_UPDATES, _WATCHED_TLS),
    "stranger, WHEP: TLS key updates between words": _stranger(_WHEPS, callers.KEY_UPDATES_BETWEEN, _WATCHED_TLS),
    "stranger, WHEP: requests": _stranger(_WHEPS, callers.REQUESTS, _WATCHED_TLS),
    "stranger, WHEP: offers": _stranger(_WHEPS, callers.OFFERS, _WATCHED_TLS),
    "publisher: a new size each picture": _publisher(callers.SIZES, "parameters all the time"),
    "publisher: sixty parameter sets each picture": _publisher(callers.SETS, "parameters all the time"),
    "publisher: tracks without number": _publisher(callers.TRACKS),
    "publisher: units without number": _publisher(callers.UNITS),
    "publisher: messages without number": _publisher(callers.MESSAGES),
    "camera: requests": HostilePeer(cameras.REQUESTS, _RTSP, "50 RTSP messages in a second"),
    "camera: answers": HostilePeer(cameras.ANSWERS, _RTSP, "50 RTSP messages in a second"),
    "camera: stray marks": HostilePeer(cameras.MARKS, _RTSP, "the camera sends more than", ("of a processor",)),
    "camera: marks between pictures": HostilePeer(
        cameras.MARKS_BETWEEN, _RTSP, "rubbish between its media", ("carry nothing of its media",)
    ),
    "camera: long lines": HostilePeer(cameras.LONG_LINES, _RTSP, "50 RTSP messages in a second"),
    "camera: tiny pictures": HostilePeer(cameras.TINY, _RTSP, "the camera sends more than", ("of a processor",)),
    "camera: a new size each picture": HostilePeer(cameras.SIZES, _RTSP, "parameters all the time"),
    "camera: SDP of 60 KB": HostilePeer(cameras.BIG_SDP, _RTSP, "the camera sends more than", ("of a processor",)),
    "camera: reports": HostilePeer(cameras.REPORTS, _RTSP, "the camera sends more than", ("of a processor",)),
    "camera: goodbyes": HostilePeer(cameras.GOODBYES, _RTSP, "the camera sends more than", ("of a processor",)),
    # These three are cut off for the processor that they take, and on a busy machine they get no half of one.
    "camera: media of one byte": HostilePeer(cameras.SHORT_MEDIA, _RTSP),
    "camera: pictures of 1,800 units": HostilePeer(cameras.MANY_UNITS, _RTSP),
    "camera: a unit without an end": HostilePeer(cameras.ENDLESS_UNIT, _RTSP),
    "camera: redirects to itself": HostilePeer(cameras.redirecting, _RTSP, "redirects"),
    "camera: TLS key updates": HostilePeer(
        None, _RTSPS, "of TLS that carry nothing", options={"insecure": True}, tls="at_once"
    ),
    "camera: TLS key updates between its words": HostilePeer(
        None, _RTSPS, "of TLS that carry nothing", options={"insecure": True}, tls="between"
    ),
    "camera: challenges that are stale": HostilePeer(cameras.stale, _RTSP, "refuses the user name", seconds=2.0),
    "camera: a session of no seconds": HostilePeer(cameras.HURRIED, _RTSP, seconds=2.0),
    "camera: 1,500 tracks": HostilePeer(cameras.MANY_TRACKS, _RTSP, "the camera sends more than", ("of a processor",)),
    "camera: challenge of 16 KB": HostilePeer(cameras.CHALLENGE, _RTSP, "refuses the user name"),
    "camera: challenge of commas": HostilePeer(cameras.CHALLENGE_COMMAS, _RTSP, "in a way that is not supported"),
    "camera: status of 16 KB": HostilePeer(cameras.STATUS, _RTSP, "without a way to log in"),
    "camera: byte by byte": HostilePeer(cameras.bytes_one_by_one, _RTSP),
    "camera, UDP: many senders": _by_udp(datagrams.STRANGERS_MEDIA, "carry nothing of its media"),
    "camera, UDP: two senders by turns": _by_udp(datagrams.TWO_SENDERS, "1000 pictures"),
    "camera, UDP: one packet again and again": _by_udp(datagrams.REPEATS, "carry nothing of its media"),
    "camera, UDP: leaps": _by_udp(datagrams.LEAPS, "carry nothing"),
    "camera, UDP: tiny pictures": _by_udp(datagrams.TINY, "1000 pictures"),
    "camera, UDP: empty packets": _by_udp(datagrams.EMPTY, "empty"),
    "camera, UDP: rubbish": _by_udp(datagrams.RUBBISH, "damaged"),
    "camera, UDP: sender reports": _by_udp(datagrams.SENDER_REPORTS, "500 RTCP reports"),
    "camera, UDP: goodbyes of others": _by_udp(datagrams.GOODBYES, "500 RTCP reports"),
    "camera, UDP: empty reports": _by_udp(datagrams.EMPTY_REPORTS, "500 RTCP reports"),
    "camera, UDP: a flood from elsewhere": HostilePeer(
        datagrams.FROM_ELSEWHERE, _RTSP, options=_UDP, innocent=True, seconds=3.5
    ),
}
