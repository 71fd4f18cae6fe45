"""URL templates: `rtmp://server/live/cam{camera_id}_{stream_name}`.

`{name}` is a variable, `{{` and `}}` are literal braces. A value that would change the URL's structure where it
stands is percent-encoded; one that begins the URL (`{base}/cam{camera_id}`) is taken as it is, since nothing has
a structure yet. Errors show the template without what may be a secret in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from urllib.parse import quote

import attrs

from camcast.errors import ConfigError
from camcast.redaction import HIDDEN
from camcast.structure import listed

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}")
_TOKEN = re.compile(r"\{\{|\}\}|\{|\}")
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_AUTHORITY = re.compile(
    r"(?:.*@)?(?P<host>\[[0-9A-Fa-f:.]+(?:%[\w.~-]+)?\]|[^\[\]:@%\s]*)(?::(?P<port>[^@]*))?", re.DOTALL
)
_MAX_LENGTH = 8192

# What a value may hold unencoded, by where it stands (RFC 3986: unreserved is always safe).
_SAFE_AUTHORITY = "!$&'()*+,;=:[]"
_SAFE_PATH = "!$&'()*+,;=:"
_SAFE_QUERY = "!$'()*,:/"


@attrs.frozen
class _Variable:
    name: str
    position: int
    """1-based, of its opening brace."""


class UrlTemplate:
    """A URL with variables; parsing raises `ConfigError` for a brace that does not pair."""

    def __init__(self, template: str) -> None:
        if len(template) > _MAX_LENGTH:
            raise ConfigError(f"a URL template is at most {_MAX_LENGTH} characters long, this one has {len(template)}")
        self._template = template
        self._parts = tuple(self._parse())

    def __repr__(self) -> str:
        return f"UrlTemplate({shown_template(self._template)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UrlTemplate) and other._template == self._template

    def __hash__(self) -> int:
        return hash(self._template)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names it uses, in order."""
        return tuple(part.name for part in self._parts if isinstance(part, _Variable))

    def expand(self, values: Mapping[str, object]) -> str:
        """The URL. Raises `ConfigError`, which names the template, the position and the known variables."""
        url = ""
        for part in self._parts:
            url += part if isinstance(part, str) else self._value(part, values, url)
        if fault := url_fault(url):
            raise self._error(f"does not give a valid URL: {fault}")
        return url

    def _value(self, variable: _Variable, values: Mapping[str, object], before: str) -> str:
        if variable.name not in values:
            close = get_close_matches(variable.name, values, n=1)
            hint = f"; did you mean {{{close[0]}}}?" if close else ""
            known = listed(values) or "none"
            raise self._error(
                f"unknown variable {{{variable.name}}} at character {variable.position}; known: {known}{hint}"
            )
        value = values[variable.name]
        text = "" if value is None else str(value)
        if not text:
            raise self._error(f"variable {{{variable.name}}} at character {variable.position} has an empty value")
        return encode_value(text, before)

    def _parse(self) -> list[str | _Variable]:
        template, parts, start = self._template, list[str | _Variable](), 0
        while token := _TOKEN.search(template, start):
            parts.append(template[start : token.start()])
            at, start = token.start() + 1, token.end()
            match token[0]:
                case "{{" | "}}":
                    parts.append(token[0][0])
                case "}":
                    raise self._error(f"closing brace without an opening one at character {at}; write }}}} for a brace")
                case _:
                    name = _NAME.match(template, start)
                    if "}" not in template[start:]:
                        raise self._error(f"unclosed brace at character {at}; write {{{{ for a brace")
                    if name is None or template[name.end() : name.end() + 1] != "}":
                        raise self._error(
                            f"no variable name in the braces at character {at}; a name is letters, digits and _; "
                            "write {{ for a brace"
                        )
                    parts.append(_Variable(name[0], at))
                    start = name.end() + 1
        parts.append(template[start:])
        return [part for part in parts if part]

    def _error(self, message: str) -> ConfigError:
        return ConfigError(f"URL template {shown_template(self._template)}: {message}")


def encode_value(value: str, before: str) -> str:
    """`value` as it may stand after `before` in a URL without changing the URL's structure."""
    if "://" not in before:
        return value
    rest = before.partition("://")[2]
    if "?" in rest or "#" in rest:
        return quote(value, safe=_SAFE_QUERY)
    return quote(value, safe=_SAFE_PATH if "/" in rest else _SAFE_AUTHORITY)


def url_fault(url: str) -> str:
    """What keeps `url` from being a URL that one can publish to; "" if nothing does. Quotes no part of it."""
    if len(url) > _MAX_LENGTH:
        return f"it is longer than {_MAX_LENGTH} characters"
    if not url.isprintable() or " " in url:
        return "it holds a space or a control character"
    if re.search(r'["<>]', url):
        return 'it holds one of " < > which must be percent-encoded'
    match = _URL.fullmatch(url)
    if match is None:
        return "expected scheme://host/…"
    authority = _AUTHORITY.fullmatch(match["authority"])
    if authority is None:
        return "its host is not a name or an address"
    port = authority["port"]
    if port and not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536):
        return "its port is not a number from 1 to 65535"
    local = not match["authority"] and len(match["rest"]) > 1
    if not authority["host"] and not local:
        return "it has no host"
    return ""


def shown_template(template: str) -> str:
    """The template with its variables but without the literal text of credentials, last path part and query."""
    scheme, mark, rest = template.partition("://")
    if not mark:
        return _mask(template)
    credentials, at, tail = rest.rpartition("@")
    if re.search(r"[/?#]", credentials):
        return f"{scheme}://{HIDDEN}"
    authority = re.split(r"[/?#]", tail, maxsplit=1)[0]
    path = tail[len(authority) :]
    plain = re.split(r"[?#]", path, maxsplit=1)[0]
    app = plain[: plain.rfind("/") + 1]
    return f"{scheme}://{_mask(credentials)}{at}{authority}{app}{_mask(path[len(app) :])}"


def _mask(text: str) -> str:
    """Variables stay, runs of anything else become `***`."""
    pieces = re.split(r"(\{[A-Za-z_][A-Za-z0-9_]{0,31}\})", text)
    return "".join(piece if index % 2 else HIDDEN for index, piece in enumerate(pieces) if piece)
