"""Several devices say that they are the camera: all are asked, and the one that is it is found."""

from __future__ import annotations

import contextlib
import ssl

import pytest

from camcast.discovery import SourceAddress
from camcast.errors import SourceError
from camcast_onvif.resolve import _Ways, find_again
from camcast_onvif.wsd import Match
from tests.onvif.camera import PASSWORD, USER, UUID, Behaviour
from tests.onvif.conftest import Start
from tests.servers.certificates import Certificate

OPTIONS = {"username": USER, "password": PASSWORD}
URL = f"onvif://{UUID}/main"
OTHER = "99999999-2dd2-21b2-a205-00408c123456"


def claim(place: str, *others: str, scheme: str = "http") -> Match:
    return Match(
        uuid=UUID,
        host=place.partition(":")[0],
        service=f"{scheme}://{place}/onvif/device_service",
        others=tuple(f"http://{one}/onvif/device_service" for one in others),
    )


def at(host: str) -> SourceAddress:
    return SourceAddress(url=f"rtsp://{host}/main?unicast=true", options={"login": "digest"})


def test_those_that_hang_hide_nobody(start: Start, claims: list[Match]) -> None:
    """Asked one after another, three of them took all the time that there is."""
    silent = Behaviour(hangs=frozenset(("GetDeviceInformation",)))
    claims += [claim(start(silent, f"127.0.0.{number}")) for number in (2, 3, 4)]
    claims.append(claim(start(Behaviour(), "127.0.0.5")))
    assert find_again(f"{URL}?at={start(silent)}", OPTIONS) == at("127.0.0.5")


def test_a_host_has_one_try(start: Start, claims: list[Match]) -> None:
    claims += [claim(start(Behaviour(uuid=OTHER))), claim(start(Behaviour()))]
    with pytest.raises(SourceError, match="it calls itself 99999999"):
        find_again(URL, OPTIONS)
    assert start.cameras[1].asked == []


def test_a_pretender_does_not_end_the_search_for_good(
    start: Start, claims: list[Match], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The camera is slow at the moment; what may pass is what counts."""
    monkeypatch.setattr("camcast_onvif.search.EACH", 0.5)
    claims.append(claim(start(Behaviour(uuid=OTHER), "127.0.0.2")))
    place = start(Behaviour(hangs=frozenset(("GetProfiles",))))
    with pytest.raises(SourceError) as error:
        find_again(f"{URL}?at={place}", OPTIONS)
    assert not error.value.refused
    slow, another = str(error.value).split("; and ")
    assert slow == ("the camera at 127.0.0.1 did not tell where its stream is within 0.5 s: it answers too slowly")
    assert another.startswith(f"the device at 127.0.0.2 is not the camera {UUID} that is recorded")


def test_who_answers_as_the_camera_need_not_say_it_twice(start: Start, claims: list[Match]) -> None:
    """Asked at its address first; many do not tell their UUID there."""
    place = start(Behaviour(endpoint=False))
    claims.append(claim(place))
    assert find_again(f"{URL}?at={place}", OPTIONS) == at("127.0.0.1")


def test_another_of_its_addresses_is_tried(start: Start, claims: list[Match], certificate: Certificate) -> None:
    """It names https first, and has a certificate of an authority that nobody knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    claims.append(claim(start(Behaviour(), tls=context), start(Behaviour()), scheme="https"))
    assert find_again(URL, OPTIONS) == at("127.0.0.1")
    encrypted, plain = start.cameras
    assert encrypted.asked == []
    assert plain.asked


def test_what_it_refuses_though_it_offers_it_is_tried_once(
    start: Start, claims: list[Match], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It offers digest and takes the token only: at each start that would be a wrong try more."""
    monkeypatch.setattr("camcast_onvif.resolve._ways", _Ways())
    place = start(Behaviour(login="deceptive"))
    (camera,) = start.cameras
    counts = []
    for _ in range(2):
        camera.asked.clear()
        assert find_again(f"{URL}?at={place}", OPTIONS) == at("127.0.0.1")
        counts.append(sum(bool(one.authorization) and "UsernameToken" not in one.text for one in camera.asked))
    assert counts[0] > 0
    assert counts[1] == 0


@pytest.mark.parametrize("login", ["digest", "token", "deceptive"])
def test_a_wrong_password_is_tried_less_and_less_and_found_right_again(
    start: Start, claims: list[Match], monkeypatch: pytest.MonkeyPatch, login: str
) -> None:
    """Three proofs at first, one at each further start; somebody then gives the camera's user this password."""
    monkeypatch.setattr("camcast_onvif.resolve._ways", _Ways())
    place = start(Behaviour(login=login))
    (camera,) = start.cameras
    wrong = {"username": USER, "password": "s3cret-but-wrong"}
    counts = []
    for _ in range(5):
        camera.asked.clear()
        with pytest.raises(SourceError, match="refuses the user or the password"):
            find_again(f"{URL}?at={place}", wrong)
        counts.append(sum(bool(one.authorization) or "UsernameToken" in one.text for one in camera.asked))
    assert counts[0] <= 3
    assert counts[1:] == [1, 1, 1, 1]
    monkeypatch.setattr("tests.onvif.camera.PASSWORD", wrong["password"])
    found = []
    for _ in range(3):
        with contextlib.suppress(SourceError):
            found.append(find_again(f"{URL}?at={place}", wrong))
    assert found, "each way has its turn"
    assert found[-1] == at("127.0.0.1")


def test_what_is_remembered_has_a_bound(start: Start, claims: list[Match], monkeypatch: pytest.MonkeyPatch) -> None:
    ways = _Ways()
    monkeypatch.setattr("camcast_onvif.resolve._ways", ways)
    monkeypatch.setattr("camcast_onvif.resolve.MAX_REMEMBERED", 2)
    place = start(Behaviour())
    for stream in ("main", "sub"):
        for identity in (UUID, "00408c123456"):
            find_again(f"onvif://{identity}/{stream}?at={place}", OPTIONS)
    find_again(f"onvif://{UUID}/main?at={start(Behaviour(login='none'))}", {})
    assert len(ways._known) == 2
