"""From tracks to a media path: gather, offer, POST, read the answer, connect. Once more where ICE servers came late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import attrs

from camcast.errors import NetworkError, RefusedError
from camcast.media import Track
from camcast.target import Target
from camcast_whip.answer import Accepted, Answer, read_answer
from camcast_whip.endpoint import Endpoint, Opened
from camcast_whip.names import Names
from camcast_whip.offer import Local, OfferedTrack, offered, write_offer
from camcast_whip.options import IceServer, WhipOptions
from camcast_whip.peer import Peer, local_addresses

_GATHER_DEADLINE = 4.0


@attrs.frozen
class Agreed:
    """One track, and what either side said of it."""

    track: Track
    own: OfferedTrack
    theirs: Accepted


class Negotiation:
    """Of one attempt. `note` tells what is odd; `ended` and `heard` are what the peer in use tells later on."""

    def __init__(
        self,
        target: Target,
        options: WhipOptions,
        endpoint: Endpoint,
        names: Names,
        cname: str,
        *,
        note: Callable[[str, str], None],
        ended: Callable[[str], None],
        heard: Callable[[], None],
    ) -> None:
        self._target = target
        self._options = options
        self._endpoint = endpoint
        self._names = names
        self._cname = cname
        self._note = note
        self._ended = ended
        self._heard = heard
        self._servers = options.ice_servers
        self.peer: Peer | None = None
        """The one in use, or on its way."""

    async def prepare(self) -> None:
        """Reach the server, which may name ICE servers. Raises `TransportError`."""
        servers = await self._endpoint.options()
        if servers is None:
            self._note("whip_no_options", "the server gave no answer to OPTIONS; the offer is posted all the same")
        elif self._options.link_ice_servers:
            self._servers += servers

    async def run(self, tracks: Sequence[Track]) -> list[Agreed]:
        """Returns once media can flow. Raises `TransportError`; `Moved` when the server is elsewhere."""
        offer = offered(tracks)
        answer = await self._once(offer, self._servers, patient=not self._servers)
        if not isinstance(answer, Answer):
            # They came with the answer, and without them there was no path: once more, with them.
            offer, late = offered(tracks), answer
            answer = await self._once(offer, late, patient=False)
            assert isinstance(answer, Answer)
        return [Agreed(*each) for each in zip(tracks, offer, answer.tracks, strict=True)]

    async def end_peer(self) -> None:
        """Leave the media path and the session on the server."""
        peer, self.peer = self.peer, None
        if peer is not None:
            await peer.close()
        await self._endpoint.delete()

    async def _once(
        self, offer: Sequence[OfferedTrack], servers: Sequence[IceServer], *, patient: bool
    ) -> Answer | tuple[IceServer, ...]:
        """One offer. Returns ICE servers to try again with, if the answer named some and there is no path without."""
        timeout = self._target.connect_timeout
        peer, local = await self._gather(servers)
        opened = await self._endpoint.publish(write_offer(offer, local, self._cname))
        answer = self._read(opened, offer)
        self._tell_where(opened)
        candidates = answer.candidates + await self._names.candidates(answer.named)
        late = opened.ice_servers if patient and self._options.link_ice_servers else ()
        try:
            async with asyncio.timeout(timeout / 2 if late else timeout):
                await peer.connect(answer, candidates)
        except (TimeoutError, NetworkError) as error:
            if late:
                await self.end_peer()
                return late
            if isinstance(error, NetworkError):
                raise
            why = "all its addresses are for TCP, and media is sent over UDP" if answer.tcp_only else "is UDP blocked?"
            raise NetworkError(
                f"the server agreed, but no media path to it within {timeout:g} s "
                f"({len(candidates)} addresses tried): {why}",
                stage="publish",
            ) from None
        return answer

    def _tell_where(self, opened: Opened) -> None:
        if opened.elsewhere:
            self._note(
                "whip_session_elsewhere",
                f"the server names another host, {opened.elsewhere}, for ending the session; it is not asked unless "
                '"session_hosts" in the options names it',
            )
        elif not opened.session_url:
            self._note("whip_no_location", "the server named no session URL, so the session cannot be ended cleanly")

    async def _gather(self, servers: Sequence[IceServer]) -> tuple[Peer, Local]:
        place = self._names.first
        servers = await self._names.servers(servers)
        target = self._target
        peer: Peer

        def ended(reason: str) -> None:
            if peer is self.peer:
                self._ended(reason)

        try:
            self.peer = peer = Peer(
                local_addresses(target.bind, target.ip_family, place),
                servers,
                relay_only=self._options.relay_only,
                ended=ended,
                heard=self._heard,
            )
            async with asyncio.timeout(min(_GATHER_DEADLINE, target.connect_timeout)):
                local = await peer.gather()
        except TimeoutError:
            raise NetworkError("the ICE servers did not answer in time", stage="publish") from None
        except (OSError, ValueError) as error:
            raise NetworkError(f"cannot open a socket for media ({type(error).__name__})", stage="publish") from None
        if not local.candidates:
            raise NetworkError(
                "there is no local address to send from" if not self._options.relay_only else "no TURN server answered",
                stage="publish",
            )
        return peer, local

    def _read(self, opened: Opened, offer: Sequence[OfferedTrack]) -> Answer:
        try:
            return read_answer(opened.answer, offer)
        except ValueError as error:
            text = self._target.words(str(error))
            raise RefusedError(f"the answer cannot be used: {text}", stage="publish") from None
