"""One operation of the interface: what it takes, does and answers, said once for the routes and for OpenAPI."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from camcast.errors import CamcastError
from camcast.events import SessionKey
from camcast.services import EngineView
from camcast.structure import described
from camcast_http.changes import Limits
from camcast_http.happenings import Happenings
from camcast_http.looks import Look, Looks
from camcast_http.problems import Problem, problem

MAX_NUMBER = 2**31 - 1
NUMBER = {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER}
NAME = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[^/]+$"}
VIEWER = {**NAME, "description": "As it was told when watching began."}
PARTS = {"camera": NUMBER, "stream": NUMBER, "output": NAME, "viewer": VIEWER}
"""What stands in paths."""


@attrs.frozen(kw_only=True)
class Shared:
    """What all operations use."""

    engine: EngineView
    looks: Looks
    happenings: Happenings
    limits: Limits
    watch_token: str = attrs.field(default="", repr=False)
    """Of the outputs that browsers watch."""


@attrs.frozen(kw_only=True)
class Call:
    """One call of an operation, its parts read and checked."""

    shared: Shared
    request: Request
    parts: Mapping[str, Any]
    query: Mapping[str, Any]
    body: Any

    @property
    def engine(self) -> EngineView:
        return self.shared.engine

    @property
    def key(self) -> SessionKey:
        return SessionKey(self.parts["camera"], self.parts["stream"], self.parts["output"])

    @property
    def stream(self) -> tuple[int, int]:
        return self.parts["camera"], self.parts["stream"]


@attrs.frozen(kw_only=True)
class Operation:
    """A method on a path. `act` gives what is answered as JSON, or a response of its own."""

    method: str
    path: str
    summary: str
    act: Callable[[Call], Awaitable[Any]]
    answer: Mapping[str, Any]
    """Its schema."""
    query: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    """Optional parameters: integers and booleans."""
    body: Mapping[str, Any] | None = None
    """Schema of the body; None = there is none."""
    media: str = "application/json"
    also: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    """Further forms of the answer, by media type."""
    status: int = 200

    @property
    def parts(self) -> list[str]:
        """Names of what stands in its path."""
        return [piece[1:-1] for piece in self.path.split("/") if piece.startswith("{")]

    async def __call__(self, shared: Shared, request: Request) -> Response:
        """Answer a request; raises `Problem`."""
        body = _json(await request.body()) if self.body is not None else None
        parts = {name: _part(name, request.path_params[name]) for name in self.parts}
        query = {name: _query(name, schema, request) for name, schema in self.query.items()}
        try:
            found = await self.act(Call(shared=shared, request=request, parts=parts, query=query, body=body))
        except CamcastError as error:
            raise problem(error) from None
        return found if isinstance(found, Response) else JSONResponse(found, self.status)


def _part(name: str, text: str) -> Any:
    if PARTS[name] is not NUMBER:
        if len(text) > NAME["maxLength"]:  # type: ignore[operator]
            raise Problem(404, f"there is no {name} of so long a name")
        return text
    # Not `isdigit`, which takes superscripts.
    if not (text.isascii() and text.isdecimal()) or len(text) > 10 or int(text) > MAX_NUMBER:
        raise Problem(404, f"expected a number as {name}, got other text")
    return int(text)


def _query(name: str, schema: Mapping[str, Any], request: Request) -> Any:
    text = request.query_params.get(name)
    if text is None:
        return schema.get("default")
    if schema["type"] == "boolean":
        if text not in ("true", "false"):
            raise Problem(422, f"{name}: expected true or false")
        return text == "true"
    if not (text.isascii() and text.isdecimal()) or len(text) > 10 or int(text) > schema["maximum"]:
        raise Problem(422, f"{name}: expected a whole number from 0 to {schema['maximum']}")
    return int(text)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data, parse_constant=_refused)
    except RecursionError:
        raise Problem(400, "the body is nested too deeply") from None
    except ValueError as error:
        raise Problem(400, f"the body is not JSON: {str(error)[:200]}") from None


def _refused(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def member(body: Any, *known: str) -> Mapping[str, Any]:
    """The body as an object with these members, each of which must be there, and no others. Raises `Problem`."""
    if not isinstance(body, dict):
        raise Problem(422, f"expected an object, got {described(body)}")
    if missing := [name for name in known if name not in body]:
        raise Problem(422, f"{', '.join(missing)}: missing")
    if len(body) != len(known):
        raise Problem(422, f"expected {', '.join(known)} and nothing else")
    return body


def seen(show: Callable[[Look, Call], Any]) -> Callable[[Call], Awaitable[Response]]:
    """An operation that shows what there is, by what stands in its path alone: made once for all who ask just now."""

    async def act(call: Call) -> Response:
        look = await call.shared.looks.look()
        return look.response((show, *call.parts.values()), lambda: show(look, call))

    return act


def done(call: Call, whether: bool = True) -> dict[str, bool]:
    """The answer of what has been done, or could not be; whoever looks next sees it."""
    call.shared.looks.forget()
    return {"done": whether}
