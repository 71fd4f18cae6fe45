"""How a member is let into NATS: password, token, nkey, a user's JWT, TLS with certificates of both sides."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from pathlib import Path

import nkeys
import pytest

from camcast.cli import fleet_store
from camcast.cli.fleet_store import coordinator, looking
from camcast.errors import ConfigError, CoordinatorError
from camcast.host import PluginHost
from tests.servers.certificates import Authority
from tests.servers.nats import NatsServer


def enter(url: str, *options: str) -> str:
    """The epoch of a store that is reached so. Raises `CoordinatorError`."""

    async def look() -> str:
        async with looking(coordinator(PluginHost(), url, "kit", "ada", options, 5.0)) as seen:
            return seen.epoch

    return asyncio.run(look())


def refused(url: str, *options: str) -> None:
    with pytest.raises(CoordinatorError, match="does not let us in"):
        enter(url, *options)


def test_a_password_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("open sesame\n")
    with NatsServer(tmp_path, more='authorization { user: ada, password: "open sesame" }') as server:
        assert enter(server.url, "user=ada", f"password=file:{secret}")
        refused(server.url)
        refused(server.url, "user=bob", f"password=file:{secret}")


def test_a_token_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_TOKEN", "t0k3n")
    with NatsServer(tmp_path, more='authorization { token: "t0k3n" }') as server:
        assert enter(server.url, "token=env:NATS_TOKEN")
        refused(server.url)


def _pair(prefix: int) -> tuple[nkeys.KeyPair, bytes]:
    seed = nkeys.encode_seed(os.urandom(32), prefix)
    return nkeys.from_seed(bytearray(seed)), bytes(seed)


def test_an_nkey(tmp_path: Path) -> None:
    pair, seed = _pair(nkeys.PREFIX_BYTE_USER)
    (tmp_path / "seed").write_bytes(seed)
    more = f"authorization {{ users: [ {{ nkey: {pair.public_key.decode()} }} ] }}"
    with NatsServer(tmp_path, more=more) as server:
        assert enter(server.url, f"nkey_seed=file:{tmp_path / 'seed'}")
        refused(server.url)


def _token(claims: dict[str, object], issuer: nkeys.KeyPair) -> str:
    """A JWT as NATS wants it (github.com/nats-io/jwt, version 2)."""

    def part(value: object) -> str:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    signed = f"{part({'typ': 'JWT', 'alg': 'ed25519-nkey'})}.{part({**claims, 'iss': issuer.public_key.decode()})}"
    return f"{signed}.{part(issuer.sign(signed.encode()))}"


def test_a_users_jwt_in_a_credentials_file(tmp_path: Path) -> None:
    operator, _ = _pair(nkeys.PREFIX_BYTE_OPERATOR)
    account, _ = _pair(nkeys.PREFIX_BYTE_ACCOUNT)
    user, seed = _pair(nkeys.PREFIX_BYTE_USER)
    system, _ = _pair(nkeys.PREFIX_BYTE_ACCOUNT)
    names = [one.public_key.decode() for one in (operator, account, user, system)]
    limits = {"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "conn": -1, "leaf": -1}
    jetstream = {"disk_storage": -1, "mem_storage": -1, "streams": -1, "consumer": -1}
    of_account = {"type": "account", "version": 2, "limits": {**limits, "wildcards": True, **jetstream}}
    of_user = {"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1}
    tokens = [
        _token(
            {"jti": "o", "iat": 1, "sub": names[0], "name": "o", "nats": {"type": "operator", "version": 2}}, operator
        ),
        _token({"jti": "a", "iat": 1, "sub": names[1], "name": "a", "nats": of_account}, operator),
        _token({"jti": "u", "iat": 1, "sub": names[2], "name": "u", "nats": of_user}, account),
    ]
    of_system = {"type": "account", "version": 2, "limits": {**limits, "wildcards": True}}
    tokens.append(_token({"jti": "s", "iat": 1, "sub": names[3], "name": "s", "nats": of_system}, operator))
    lines = ("-----BEGIN NATS USER JWT-----", tokens[2], "------END NATS USER JWT------", "")
    more_lines = ("-----BEGIN USER NKEY SEED-----", seed.decode(), "------END USER NKEY SEED------", "")
    (tmp_path / "member.creds").write_text("\n".join([*lines, *more_lines]))
    known = f"{names[1]}: {tokens[1]}, {names[3]}: {tokens[3]}"
    more = f"operator: {tokens[0]}\nsystem_account: {names[3]}\nresolver: MEMORY\nresolver_preload: {{ {known} }}"
    with NatsServer(tmp_path, more=more) as server:
        assert enter(server.url, f"credentials={tmp_path / 'member.creds'}")
        refused(server.url)


def test_tls_with_certificates_of_both_sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path / "ca")
    own, client = authority.issue("127.0.0.1"), authority.issue("member", client=True)
    files = f'cert_file: "{own.cert_file}", key_file: "{own.key_file}", ca_file: "{authority.ca_file}"'
    with NatsServer(tmp_path / "store", more=f"tls {{ {files}, verify: true }}") as server:
        url = server.url.replace("nats://", "tls://")
        ours = (f"certificate={client.cert_file}", f"private_key={client.key_file}")
        assert enter(url, f"ca={authority.ca_file}", *ours)
        monkeypatch.setattr(fleet_store, "ANSWER", 1.0)
        stranger = Authority(tmp_path / "other")
        for wrong in ((), (f"ca={stranger.ca_file}", *ours), (f"ca={authority.ca_file}",)):
            with pytest.raises(CoordinatorError, match="does not tell what it has"):
                enter(url, *wrong)
        with pytest.raises(ConfigError, match="certificates for NATS cannot be used"):
            enter(url, "ca=/nowhere.pem")


def test_a_server_without_tls_is_told_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where TLS is asked for: the library alone would go on without it. What it hears is looked at on the wire."""
    monkeypatch.setenv("NATS_PASSWORD", "open sesame")
    heard: list[bytes] = []

    async def plain() -> None:
        done = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b'INFO {"server_id":"x","version":"2.11.0","headers":true,"max_payload":1048576}\r\n')
            heard.append(await reader.read())
            writer.close()
            done.set()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            way = coordinator(
                PluginHost(), f"tls://127.0.0.1:{port}", "kit", "ada", ("user=ada", "password=env:NATS_PASSWORD"), 5.0
            )
            with pytest.raises(CoordinatorError, match="speaks no TLS, so it was told nothing"):
                async with looking(way):
                    pass
            await done.wait()

    asyncio.run(plain())
    assert heard == [b""]


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("tls://one:4222,nats://two:4222", (), "name all by the same"),
        ("tls://one:4222,two:4222", (), "expected URLs such as"),
        ("nats://one,two", (), "expected URLs such as"),
        ("nats://one", ("password=plain",), "-o password: everybody"),
        ("nats://one", ("token=plain",), "-o token: everybody"),
        ("nats://one", ("nkey_seed=SUAxyz",), "-o nkey_seed: everybody"),
    ],
)
def test_no_secret_goes_where_others_see_it(url: str, options: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as told:
        coordinator(PluginHost(), url, "kit", "ada", options, 5.0)
    assert "plain" not in str(told.value)
