"""All mutants, by the room whose promises they break."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tools.mutants import (
    adapt,
    blame,
    engine,
    fleet,
    http,
    net,
    record,
    rtmp,
    rtsp,
    servers,
    session,
    srt,
    stream,
    thin,
)
from tools.mutants.mutant import Mutant

ROOMS: Mapping[str, Sequence[Mutant]] = {
    "session/": session.MUTANTS,
    "stream/": stream.MUTANTS,
    "stream/, bitrates": adapt.MUTANTS,
    "session/, stream/, thin links": thin.MUTANTS,
    "net/": net.MUTANTS,
    "engine/, workers/, cli/": engine.MUTANTS,
    "whose fault it is": blame.MUTANTS,
    "fleet/": fleet.MUTANTS,
    "camcast_rtmp": rtmp.MUTANTS,
    "camcast_rtsp": rtsp.MUTANTS,
    "camcast_srt": srt.MUTANTS,
    "camcast_record": record.MUTANTS,
    "camcast_http": http.MUTANTS,
    "servers that are odd": servers.MUTANTS,
}
