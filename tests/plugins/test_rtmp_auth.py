"""The adobe and llnw dances, against values computed by the rules' own words."""

from __future__ import annotations

from base64 import b64encode
from hashlib import md5

import pytest

from camcast.errors import RefusedError
from camcast_rtmp.auth import Authenticator

NEED = "[ AccessManager.Reject ] : [ code=403 need auth; authmod=%s ] : "
CHALLENGE = "[ AccessManager.Reject ] : [ authmod=%s ] : ?reason=needauth&user=joe&%s"


def start(app: str = "live", user: str = "joe") -> Authenticator:
    return Authenticator(user, "s3cret", app, lambda: "0a0b0c0d")


def test_adobe() -> None:
    auth = start()
    assert auth.answer(NEED % "adobe") == "authmod=adobe&user=joe"
    answer = auth.answer(CHALLENGE % ("adobe", "salt=SALT&challenge=CHAL&opaque=OPAQ"))
    secret = b64encode(md5(b"joeSALTs3cret").digest())
    response = b64encode(md5(secret + b"OPAQ" + b"0a0b0c0d").digest()).decode()
    assert answer == f"authmod=adobe&user=joe&challenge=0a0b0c0d&response={response}&opaque=OPAQ"


def test_adobe_without_opaque_uses_the_challenge() -> None:
    auth = start()
    auth.answer(NEED % "adobe")
    answer = auth.answer(CHALLENGE % ("adobe", "salt=S==&challenge=C=="))
    secret = b64encode(md5(b"joeS==s3cret").digest())
    assert answer is not None
    assert answer.endswith(f"&response={b64encode(md5(secret + b'C==' + b'0a0b0c0d').digest()).decode()}")


@pytest.mark.parametrize(("app", "name"), [("live?x=1", "live/_definst_"), ("live/inst", "live/inst")])
def test_llnw(app: str, name: str) -> None:
    auth = start(app)
    assert auth.answer(NEED % "llnw") == "authmod=llnw&user=joe"
    answer = auth.answer(CHALLENGE % ("llnw", "nonce=N0NCE"))
    ha1 = md5(b"joe:live:s3cret").hexdigest()
    ha2 = md5(f"publish:/{name}".encode()).hexdigest()
    response = md5(f"{ha1}:N0NCE:00000001:0a0b0c0d:auth:{ha2}".encode()).hexdigest()
    assert answer == f"authmod=llnw&user=joe&nonce=N0NCE&cnonce=0a0b0c0d&nc=00000001&response={response}"


def test_an_ordinary_refusal_asks_for_nothing() -> None:
    assert start().answer("Application (live) is not defined.") is None


@pytest.mark.parametrize(
    ("descriptions", "text"),
    [
        ([NEED % "kerberos"], "neither by adobe nor by llnw, which are known: .*authmod=kerberos"),
        ([NEED % "adobe", CHALLENGE % ("adobe", "x=1"), "x ?reason=authfailed"], "refused user and password"),
        (["authmod=llnw : ?reason=nosuchuser"], "refused user and password"),
        ([NEED % "adobe", NEED % "adobe"], "again and again"),
        ([NEED % "adobe", CHALLENGE % ("adobe", ""), CHALLENGE % ("adobe", "")], "again and again"),
        ([CHALLENGE % ("adobe", "") * 2000], None),
    ],
)  # fmt: skip
def test_the_end_of_the_dance(descriptions: list[str], text: str | None) -> None:
    auth = start()
    for description in descriptions[:-1]:
        auth.answer(description)
    if text is None:
        auth.answer(descriptions[-1])
        return
    with pytest.raises(RefusedError, match=text) as caught:
        auth.answer(descriptions[-1])
    assert "s3cret" not in str(caught.value)


def test_without_a_user() -> None:
    with pytest.raises(RefusedError, match="asks for user and password"):
        start(user="").answer(NEED % "adobe")
