"""ICE servers in Link headers (RFC 9725 §4.6, RFC 8288): `<turn:host>; rel="ice-server"; username="u"; credential="c"`.

What is not an ICE server or not well formed is passed over: these headers carry other things too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from camcast_whip.options import IceServer

MAX_LINKS = 16
_MAX_HEADER = 8192
_VALUE = r"=\s*+(?:\"((?:[^\"\\]|\\.)*+)\"|([^\s\";,]*+))"
_PARAMETER = re.compile(rf"\s*+;\s*+([\w!#$&+.^`|~-]++)(?:\s*+{_VALUE})?+", re.ASCII)
_TARGET = re.compile(r"[\s,]*+<([^<>]*+)>")
"""All quantifiers are possessive: what comes from outside must not make them try again and again."""


def ice_servers(headers: Iterable[str]) -> tuple[IceServer, ...]:
    """The usable ICE servers among the values of Link headers, in their order."""
    found: list[IceServer] = []
    for header in headers:
        at = 0
        while len(header) <= _MAX_HEADER and len(found) < MAX_LINKS and (match := _TARGET.match(header, at)):
            url, at = match[1], match.end()
            parameters: dict[str, str] = {}
            while parameter := _PARAMETER.match(header, at):
                at = parameter.end()
                name, quoted, plain = parameter.groups()
                parameters[name.lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted else plain or ""
            if "ice-server" not in parameters.get("rel", "").lower().split():
                continue
            if parameters.get("credential-type", "password").lower() != "password":
                continue
            try:
                server = IceServer(
                    url=url,
                    username=parameters.get("username") or None,
                    credential=parameters.get("credential") or None,
                )
            except ValueError:
                continue
            found.append(server)
    return tuple(found)
