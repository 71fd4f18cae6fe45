"""User and password inside RTMP: the "adobe" and "llnw" (Limelight) modules. Pure.

Rules: the server refuses connect with a description like `code=403 need auth; authmod=adobe`. The next connection
adds `authmod=…&user=…` to app and tcUrl and is refused with a challenge; the one after that adds the response. Each
step is a TCP connection of its own. Values are not URL-encoded. MD5 is what these schemes are made of; what protects
the password on the way is RTMPS.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import md5

from camcast.errors import RefusedError

_MODULE = re.compile(r"authmod=(\w+)")
_FIELD = re.compile(r"(?<!\w)(\w++)=([^&\s]*+)")
"""Only from where a word begins, or a long one without "=" would be tried from each of its letters."""


class Authenticator:
    """Answers one server's challenges for one attempt."""

    def __init__(
        self, user: str, password: str, app: str, nonce: Callable[[], str] = lambda: os.urandom(4).hex()
    ) -> None:
        self._user = user
        self._password = password
        self._app = app.partition("?")[0]
        self._nonce = nonce
        self._asked = ""

    def answer(self, description: str) -> str | None:
        """The query for the next connection, or None if `description` does not ask for authentication.

        Raises `RefusedError` when there is no user, the module is unknown, or the server said no.
        """
        module = _MODULE.search(description)
        fields = dict(_FIELD.findall(description.partition("?")[2]))
        reason = fields.get("reason", "")
        if module is None and not reason:
            return None
        if reason in ("authfailed", "nosuchuser"):
            raise RefusedError(f"the server refused user and password ({reason})", stage="command")
        name = module[1].lower() if module is not None else self._asked
        if name not in ("adobe", "llnw"):
            raise RefusedError(
                f"the server asks for authentication, but neither by adobe nor by llnw, which are known: {description}",
                stage="command",
            )
        if not self._user:
            raise RefusedError(
                "the server asks for user and password: in the URL they stand before the host, with a colon between "
                "them and an @ behind",
                stage="command",
            )
        if reason == "needauth" and self._asked != "done":
            answer = self._adobe(fields) if name == "adobe" else self._llnw(fields)
            self._asked = "done"
            return answer
        if self._asked:
            raise RefusedError("the server asks for user and password again and again", stage="command")
        self._asked = name
        return f"authmod={name}&user={self._user}"

    def _adobe(self, challenge: Mapping[str, str]) -> str:
        nonce = self._nonce()
        opaque = challenge.get("opaque", "")
        secret = _base64_md5(self._user + challenge.get("salt", "") + self._password)
        response = _base64_md5(secret + (opaque or challenge.get("challenge", "")) + nonce)
        return f"authmod=adobe&user={self._user}&challenge={nonce}&response={response}" + (
            f"&opaque={opaque}" if opaque else ""
        )

    def _llnw(self, challenge: Mapping[str, str]) -> str:
        nonce, cnonce, count = challenge.get("nonce", ""), self._nonce(), "00000001"
        name = self._app + ("" if "/" in self._app else "/_definst_")
        ha1 = _hex_md5(f"{self._user}:live:{self._password}")
        ha2 = _hex_md5(f"publish:/{name}")
        response = _hex_md5(f"{ha1}:{nonce}:{count}:{cnonce}:auth:{ha2}")
        return f"authmod=llnw&user={self._user}&nonce={nonce}&cnonce={cnonce}&nc={count}&response={response}"


def _base64_md5(value: str) -> str:
    return b64encode(md5(value.encode(), usedforsecurity=False).digest()).decode()


def _hex_md5(value: str) -> str:
    return md5(value.encode(), usedforsecurity=False).hexdigest()
