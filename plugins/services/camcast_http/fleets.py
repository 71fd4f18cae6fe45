"""The operation that shows a whole fleet, whichever of its members is asked."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from camcast.errors import NotFound
from camcast.fleet_report import FleetCamera, FleetMember
from camcast_http.forms import closed, listed, schema
from camcast_http.looks import JSON
from camcast_http.operation import Call, Operation

_TEXT = {"type": "string"}


async def fleet(call: Call) -> Any:
    found = await call.shared.looks.fleet()
    if found is None:
        raise NotFound("this camcast is no member of a fleet: see camcast fleet run")
    return Response(found, media_type=JSON)


FLEET = Operation(
    method="GET",
    path="/fleet",
    act=fleet,
    summary="The whole fleet of which this is a member: members with leases and orders, cameras and who has them",
    answer=closed(
        fleet={**_TEXT, "description": "Its name."},
        member={**_TEXT, "description": "Who tells."},
        heard={"type": "boolean", "description": "False: the store is away, and this is as it was before."},
        version={"type": "integer", "description": "Of what is desired; 0: nothing is."},
        time={"type": "number", "description": "Seconds since 1970, by this machine's clock."},
        members=listed(schema(FleetMember)),
        cameras=listed(schema(FleetCamera)),
    ),
)
