"""A camera that is named by what it is must be what it is said to be, before its stream is believed in."""

from __future__ import annotations

import re

import pytest

from camcast.discovery import SourceAddress
from camcast.errors import SourceError
from camcast_onvif.resolve import find_again
from tests.onvif.camera import MAC, PASSWORD, USER, UUID, Behaviour
from tests.onvif.conftest import Start

pytestmark = pytest.mark.usefixtures("nobody_asked")
OPTIONS = {"username": USER, "password": PASSWORD}
OTHER = "99999999-2dd2-21b2-a205-00408c123456"


def refused(url: str, options: dict[str, str] = OPTIONS) -> str:
    with pytest.raises(SourceError) as error:
        find_again(url, options)
    assert error.value.refused
    assert PASSWORD not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("identity", [UUID, UUID.upper(), MAC, MAC.replace(":", "")])
@pytest.mark.parametrize("stream", ["main", "sub", "tok_sub", "Main"])
def test_it_is_found_by_what_it_is(start: Start, identity: str, stream: str) -> None:
    found = find_again(f"onvif://{identity}/{stream}?serial=ACCC8E000001&at={start(Behaviour())}", OPTIONS)
    which = {"tok_sub": "sub", "Main": "main"}.get(stream, stream)
    assert found == SourceAddress(url=f"rtsp://127.0.0.1/{which}?unicast=true", options={"login": "digest"})


@pytest.mark.parametrize(
    ("behaviour", "url", "said"),
    [
        (Behaviour(uuid=OTHER), f"onvif://{UUID}/main", f"it calls itself {OTHER};"),
        (Behaviour(endpoint=False), f"onvif://{UUID}/main", "it calls itself nothing;"),
        (Behaviour(serial="1"), f"onvif://{UUID}/main?serial=2", "its serial number is 1, not 2;"),
        (Behaviour(serial=""), f"onvif://{UUID}/main?serial=2", "its serial number is not told, not 2;"),
        (Behaviour(), "onvif://00:40:8c:00:00:01/main", "its network interfaces are 00408c123456;"),
        (Behaviour(mac=""), f"onvif://{MAC}/main", "its network interfaces are not told;"),
    ],
)
def test_another_in_its_place_is_refused(start: Start, behaviour: Behaviour, url: str, said: str) -> None:
    told = refused(f"{url}{'&' if '?' in url else '?'}at={start(behaviour)}")
    assert told.startswith(
        f"the device at 127.0.0.1 is not the camera {re.split('[/?]', url)[2]} that is recorded: {said}"
    )
    assert told.endswith("where the camera was replaced, take its new URL from camcast discover")


def test_a_stream_that_it_has_not_is_told_with_those_it_has(start: Start) -> None:
    said = 'the camera at 127.0.0.1 has no stream "third"; it has main, sub'
    assert refused(f"onvif://{UUID}/third?at={start(Behaviour())}") == said


def test_a_wrong_password_is_told(start: Start) -> None:
    said = refused(f"onvif://{UUID}/main?at={start(Behaviour())}", {"username": USER, "password": "no"})
    assert said.startswith("the camera at 127.0.0.1 refuses the user or the password: check them")


def test_one_that_is_not_there_is_told() -> None:
    with pytest.raises(SourceError) as error:
        find_again(f"onvif://{UUID}/main", OPTIONS)
    assert not error.value.refused
    assert str(error.value).startswith(f"no camera {UUID} answers by ONVIF on the networks of this machine: is it on")


def test_a_url_that_names_nothing_is_for_its_author() -> None:
    with pytest.raises(SourceError, match="got neither a UUID nor a MAC") as error:
        find_again("onvif://192.0.2.7/main", OPTIONS)
    assert error.value.fatal


def test_a_user_who_may_not_ask_for_everything_is_enough(start: Start) -> None:
    """What he may not ask for is a thing that the camera does not tell."""
    for login in ("digest", "token"):
        behaviour = Behaviour(login=login, denies=frozenset(("GetNetworkInterfaces", "GetSnapshotUri")))
        found = find_again(f"onvif://{UUID}/main?at={start(behaviour)}", OPTIONS)
        assert found.url == "rtsp://127.0.0.1/main?unicast=true"
        told = refused(f"onvif://{MAC}/main?at={start(behaviour)}")
        assert "its network interfaces are not told" in told
