"""ICE, DTLS and SRTP with one server or viewer, by aioice and aiortc's DTLS transport.

aiortc's peer connection is not used: its sender takes about twice the CPU for each packet, does not pace, and tells
nobody of a PLI or of what a report acknowledges; its offer cannot name the stream's own H.264 profile. What of aiortc
begins with an underscore is what its own modules use of each other; `tests/plugins/test_whip_transport.py` notices when
it changes.

Rules: consent is asked for every 4 to 6 s and expires after 30 s without an answer (RFC 7675 §5.1); until then a
disconnect is transient.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
from collections.abc import Callable, Sequence
from typing import Any

from aioice import Candidate, Connection, TransportPolicy
from aioice.ice import CandidatePair, get_host_addresses
from aioice.stun import TransactionError
from aiortc.rtcconfiguration import RTCIceServer
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from aiortc.rtcicetransport import connection_kwargs
from OpenSSL import SSL
from pyee.asyncio import AsyncIOEventEmitter

from camcast.errors import NetworkError
from camcast_whip.gate import Gate
from camcast_whip.offer import Local
from camcast_whip.options import IceServer
from camcast_whip.sdp import Remote
from camcast_whip.transport_wide import separate

CONSENT_INTERVAL = 5.0
CONSENT_EXPIRES = 30.0
SERVERS_WAIT = 2
"""Seconds for STUN and TURN servers to answer; those that do not are done without."""
_NO_RENEGOTIATION = 0x40000000
"""SSL_OP_NO_RENEGOTIATION (SSL_CTX_set_options(3)); pyOpenSSL has no name for it before 24.3."""
_LOOK = 0.02
"""Seconds between two looks, as between two of aioice's checks."""
MAX_WAITING = 512
"""Datagrams from the peer not yet looked at; more are dropped."""


class Path(Connection):
    """An ICE agent that binds where it is told, bounds what it is sent, and tells of signs of life."""

    def __init__(self, addresses: Sequence[str], heard: Callable[[], None], gate: Gate, **settings: Any) -> None:
        super().__init__(**settings)
        self._gate = gate
        self.dropped = 0
        self._addresses = list(addresses)
        self._heard = heard

    async def get_component_candidates(self, component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:
        # `addresses` are all of the machine's, or none for the policy "relay".
        chosen = self._addresses if self._transport_policy is TransportPolicy.ALL else []
        found = await super().get_component_candidates(component, chosen, min(timeout, SERVERS_WAIT))
        for protocol in self._protocols:
            self._gate.guard(protocol)
        return found

    def data_received(self, data: bytes, component: int) -> None:
        if self._queue.qsize() >= MAX_WAITING:
            self.dropped += 1
        else:
            super().data_received(data, component)

    async def query_consent(self) -> None:
        assert self.remote_password is not None
        loop = asyncio.get_running_loop()
        answered = loop.time()
        while loop.time() - answered < CONSENT_EXPIRES:
            await asyncio.sleep(CONSENT_INTERVAL * random.uniform(0.8, 1.2))
            for pair in list(self._nominated.values()):
                request = self.build_request(pair, nominate=False)
                key = self.remote_password.encode()
                try:
                    await pair.protocol.request(request, pair.remote_addr, integrity_key=key, retransmissions=2)
                except TransactionError:
                    continue
                answered = loop.time()
                self._heard()
        self._query_consent_task = None
        await self.close()

    async def called(self) -> None:
        """Wait until there is somebody to try: aioice before 0.11 gives up at once where nobody is known, and browsers
        keep their own addresses to themselves and come to us."""
        while not self._remote_candidates and not self._early_checks:  # noqa: ASYNC110  aioice tells nobody
            await asyncio.sleep(_LOOK)

    def break_off(self) -> None:
        """Whoever waits for a datagram is told that none will come."""
        self._queue.put_nowait(None)

    def settle(self) -> None:
        """A path is found. The server may answer by another one of its addresses (RFC 8445 §8.1.1), strangers not."""
        nominated = [pair.remote_addr for pair in self._nominated.values()]
        succeeded = [pair.remote_addr for pair in self._check_list if pair.state is CandidatePair.State.SUCCEEDED]
        announced = [(candidate.host, candidate.port) for candidate in self._remote_candidates]
        self._gate.settle(list(dict.fromkeys((*nominated, *succeeded, *announced))))

    def way(self) -> tuple[Any, tuple[str, int]]:
        """Socket and address for what is sent; `LookupError` when the path is closed."""
        pair = self._nominated[1]
        return pair.protocol.transport, pair.remote_addr


class _IceTransport(AsyncIOEventEmitter):
    """What aiortc's DTLS transport wants to see of an ICE transport."""

    role = "controlling"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._recv = path.recv
        self._send = path.send


class _Certificate(RTCCertificate):
    """Shakes hands once: a server that asks for it again and again would cost us a millisecond each time."""

    def _create_ssl_context(self, srtp_profiles: Any) -> SSL.Context:
        context = super()._create_ssl_context(srtp_profiles)
        context.set_options(_NO_RENEGOTIATION)
        return context


class _Dtls(RTCDtlsTransport):
    """Reads answers itself that aiortc does not know: padded, they would cost it all that comes along with them."""

    answered: Callable[[bytes], None] | None = None

    async def _handle_rtcp_data(self, data: bytes) -> None:
        rest, bodies = separate(data)
        if self.answered is not None:
            for body in bodies:
                self.answered(body)
        if rest:
            await super()._handle_rtcp_data(rest)


class Peer:
    """One transport to one server or viewer. `ended` is called once when it is over, `heard` at each sign of life."""

    def __init__(
        self,
        addresses: Sequence[str],
        servers: Sequence[IceServer],
        *,
        relay_only: bool,
        ended: Callable[[str], None],
        heard: Callable[[], None],
        controlling: bool = True,
    ) -> None:
        """`controlling`: the offer is ours (RFC 8445 §6.1.1)."""
        known = [RTCIceServer(server.url, server.username, server.credential) for server in servers]
        policy = TransportPolicy.RELAY if relay_only else TransportPolicy.ALL
        self.gate = Gate(self._refuse)
        self._path = Path(
            addresses,
            heard,
            self.gate,
            ice_controlling=controlling,
            transport_policy=policy,
            **connection_kwargs(known),
        )
        self._dtls = _Dtls(_IceTransport(self._path), [_Certificate.generateCertificate()])  # type: ignore[arg-type]
        self._dtls.on("statechange", self._changed)
        self._ended = ended
        self._up = False
        self._closing = False
        self._refused = ""
        """What the server has done that nothing more of it is heard."""

    async def gather(self) -> Local:
        """Open the sockets and ask the ICE servers; what an offer says of it."""
        await self._path.gather_candidates()
        (fingerprint,) = [f for f in self._dtls.getLocalParameters().fingerprints if f.algorithm == "sha-256"]
        return Local(
            username=self._path.local_username,
            password=self._path.local_password,
            fingerprint=f"{fingerprint.algorithm} {fingerprint.value}",
            candidates=tuple(candidate.to_sdp() for candidate in self._path.local_candidates),
        )

    async def connect(self, remote: Remote, candidates: Sequence[str], *, more: bool = False) -> None:
        """Find a path by `candidates` and shake hands. Raises `NetworkError`; the caller sets the deadline.

        `more`: further ones may come by `learn`, or by themselves.
        """
        path, dtls = self._path, self._dtls
        path.remote_username, path.remote_password = remote.username, remote.password
        path.remote_is_lite = remote.lite
        for candidate in candidates:
            await path.add_remote_candidate(Candidate.from_sdp(candidate))
        if more:
            await path.called()
        elif remote.complete:
            await path.add_remote_candidate(None)
        try:
            await path.connect()
        except ConnectionError:
            raise NetworkError(
                f"no path for the media ({len(candidates)} addresses of the server tried): is UDP blocked?",
                stage="publish",
            ) from None
        path.settle()
        dtls._set_role("server" if remote.active else "client")
        fingerprints = [RTCDtlsFingerprint(name, value) for name, value in remote.fingerprints]
        await dtls.start(RTCDtlsParameters(fingerprints))
        if dtls.state != "connected":
            raise NetworkError(
                self._refused
                or "the DTLS handshake failed: the server's certificate is not that of its answer, or no common cipher",
                stage="publish",
            )
        self._up = True

    async def learn(self, candidates: Sequence[str]) -> None:
        """Further candidates (RFC 8838)."""
        for candidate in candidates:
            await self._path.add_remote_candidate(Candidate.from_sdp(candidate))

    def listen(self, ssrc: int, receiver: Any) -> None:
        """Hand RTCP that concerns `ssrc` to `receiver._handle_rtcp_packet`."""
        self._dtls._rtp_router.register_sender(receiver, ssrc)

    def hear(self, answered: Callable[[bytes], None]) -> None:
        """Hand the bodies of transport-wide feedback to `answered`."""
        self._dtls.answered = answered

    def send(self, packet: bytes) -> None:
        """Encrypt and send one RTP packet. Raises `LookupError` when the path is closed."""
        socket, address = self._path.way()
        socket.sendto(self._dtls._tx_srtp.protect(packet), address)

    def send_rtcp(self, packet: bytes) -> None:
        socket, address = self._path.way()
        socket.sendto(self._dtls._tx_srtp.protect_rtcp(packet), address)

    @property
    def unsent(self) -> int:
        """Bytes that the socket has not taken."""
        try:
            return int(self._path.way()[0].get_write_buffer_size())
        except (LookupError, AttributeError):
            return 0  # closed, or through a relay, which has no buffer of its own

    @property
    def dropped(self) -> int:
        return self._path.dropped + self.gate.dropped

    async def close(self) -> None:
        """Say goodbye and close the sockets."""
        self._closing = True
        self._up = False
        try:
            await self._dtls.stop()
        finally:
            await self._path.close()

    def _refuse(self, text: str) -> None:
        self._refused = text
        up, self._up = self._up, False
        if not up:
            # Whoever waits for the handshake waits in vain.
            self._path.break_off()
        elif not self._closing:
            self._ended(text)

    def _changed(self) -> None:
        if self._up and not self._closing and self._dtls.state in ("closed", "failed"):
            self._up = False
            self._ended("the server ended the connection, or was silent for 30 s")


def local_addresses(bind: str | None, family: str, server: str) -> list[str]:
    """Addresses to send from: `bind`, or all of the machine's; the loopback's only towards a server behind it."""
    if bind:
        return [bind]
    ipv4, ipv6 = family != "ipv6", family != "ipv4"
    found = list(dict.fromkeys(get_host_addresses(use_ipv4=ipv4, use_ipv6=ipv6)))
    address = ipaddress.ip_address(server.partition("%")[0])
    if address.is_loopback or not found:
        loopback = "::1" if address.version == 6 else "127.0.0.1"
        found.insert(0, loopback)
    return found
