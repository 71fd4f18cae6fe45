"""Cameras that ask for a name and a password, each in its way; both are in the URLs: "user", "secret"."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

from tests.cameras.script import Asked, Reply, Rule, digest


def new_nonces(asked: Asked, reply: Reply) -> Reply | None:
    """A nonce is good for three requests; then there is another one, which is not called stale."""
    nonce = f"n{asked.number // 3}" if asked.method == "GET_PARAMETER" else "n0"
    right = digest(asked, "user", "secret") and f'nonce="{nonce}"' in asked.headers["authorization"]
    if right:
        return reply
    return Reply(
        401,
        "Unauthorized",
        {"CSeq": reply.headers["CSeq"], "WWW-Authenticate": f'Digest realm="r", nonce="{nonce}", qop="auth"'},
    )


def only(
    algorithm: str,
    spelt: Callable[[str], bool] = lambda header: True,
    names: Sequence[str] = ("SHA-256", "MD5"),
) -> Rule:
    """Offers digests of these names, and takes only this one, in this spelling."""

    def rule(asked: Asked, reply: Reply) -> Reply | None:
        given = asked.headers.get("authorization", "")
        if digest(asked, "user", "secret", algorithm) and spelt(given):
            return reply
        offers = ", ".join(f'Digest realm="r", nonce="n", qop="auth", algorithm={name}' for name in names)
        return Reply(401, "No", {"CSeq": reply.headers["CSeq"], "WWW-Authenticate": offers})

    return rule


def quoted(asked: Asked, reply: Reply) -> Reply | None:
    given = asked.headers.get("authorization", "")
    if digest(asked, "user", "secret") and 'algorithm="MD5"' in given:
        return reply
    offer = 'Digest realm="r", nonce="n", algorithm="MD5"'
    return Reply(401, "No", {"CSeq": reply.headers["CSeq"], "WWW-Authenticate": offer})


def apart(asked: Asked, reply: Reply) -> Reply | None:
    if digest(asked, "user", "secret"):
        return reply
    # One header's name is spelt in lower case, so that there are two.
    offers = {"WWW-Authenticate": 'BASIC realm="r"', "www-authenticate": 'DIGEST Realm="r", Nonce="n,1", Stale=FALSE'}
    return Reply(401, "No", {"CSeq": reply.headers["CSeq"], **offers})


def only_basic(asked: Asked, reply: Reply) -> Reply | None:
    if asked.headers.get("authorization") == "Basic dXNlcjpzZWNyZXQ=":
        return reply
    offers = 'Digest realm="r", nonce="n", Basic realm="r"'
    return Reply(401, "No", {"CSeq": reply.headers["CSeq"], "WWW-Authenticate": offers})


def asking(offer: str) -> Rule:
    """Asks in these words, and takes what answers them by MD5, with its realm as it is."""
    found = re.search(r'Digest.*realm ?= ?("[^"]*")', offer, re.IGNORECASE)
    assert found

    def rule(asked: Asked, reply: Reply) -> Reply | None:
        if digest(asked, "user", "secret") and f"realm={found[1]}" in asked.headers["authorization"]:
            return reply
        return Reply(401, "No", {"CSeq": reply.headers["CSeq"], "WWW-Authenticate": offer})

    return rule


def one_nonce_each(asked: Asked, reply: Reply) -> Reply | None:
    """Each request needs a nonce of its own, and the one before is stale."""
    nonce = f"{asked.method}-{asked.url[-5:]}"
    if digest(asked, "user", "secret") and f'nonce="{nonce}"' in asked.headers["authorization"]:
        return reply
    offer = f'Digest realm="r", nonce="{nonce}", stale=TRUE'
    return Reply(401, "No", {"CSeq": reply.headers["CSeq"], "WWW-Authenticate": offer})


def integrity(asked: Asked, reply: Reply) -> Reply | None:
    """Takes only what protects the (empty) body, too (RFC 7616 §3.4.3)."""
    told = dict(re.findall(r'(\w+)="?([^",]*)"?', asked.headers.get("authorization", "")))

    def hashed(*parts: str) -> str:
        return hashlib.md5(":".join(parts).encode()).hexdigest()

    if told.get("qop") == "auth-int":
        first, second = hashed("user", "r", "secret"), hashed(asked.method, told["uri"], hashed(""))
        if told["response"] == hashed(first, "n", told["nc"], told["cnonce"], "auth-int", second):
            return reply
    offer = 'Digest realm="r", nonce="n", qop="auth-int"'
    return Reply(401, "No", {"CSeq": reply.headers["CSeq"], "WWW-Authenticate": offer})
