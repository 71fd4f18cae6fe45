"""The ONVIF client against a virtual camera: what it learns, how it logs in, and what it makes of nonsense."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic, time

import pytest

from camcast.discovery import CameraLogin, DiscoveryContext, FoundCamera
from camcast.errors import CamcastError, SourceError
from camcast.session.resolver import NameResolver
from camcast_onvif.device import Device
from camcast_onvif.discoverer import OnvifDiscoverer
from tests.onvif.camera import MAC, PASSWORD, USER, UUID, Behaviour, OnvifCamera, whole

GOOD = CameraLogin(username=USER, password=PASSWORD)
WRONG = CameraLogin(username=USER, password="s3cret-but-wrong")
REFUSES = "the camera at 127.0.0.1 refuses the user or the password: check them"
ASKS = "the camera at 127.0.0.1 asks for a user and a password: give those of its ONVIF user"
BASIC = (
    "the camera at 127.0.0.1 takes the password in clear only (Basic), which is not sent: choose digest authentication "
    "in its settings"
)
BEHIND = "; its clock is 2 h behind this machine's, which was allowed for, but some refuse all the same: set it, by NTP"
NO_TIME = "; it does not tell its time, which must be right for that: see that its clock is set"
LOGINS = (
    "many cameras keep the users of ONVIF apart from those of their web page and have none at first: create one there, "
    "under ONVIF, Integration or Users"
)


def discoverer(addresses: tuple[str, ...] = (), timeout: float = 5.0) -> OnvifDiscoverer:
    return OnvifDiscoverer(
        DiscoveryContext(
            addresses=addresses,
            everybody=False,
            seconds=0.2,
            timeout=timeout,
            resolver=NameResolver(),
            log=logging.getLogger("test"),
        )
    )


async def asked(camera: OnvifCamera, login: CameraLogin | None = GOOD, timeout: float = 5.0) -> FoundCamera:
    found = FoundCamera(identity="", host="127.0.0.1", service=camera.service)
    return await discoverer(timeout=timeout).ask(found, login)


async def refused(behaviour: Behaviour, login: CameraLogin | None = GOOD, timeout: float = 5.0) -> str:
    """What is said of a camera that does not tell."""
    async with OnvifCamera(behaviour) as camera:
        with pytest.raises(SourceError) as error:
            await asked(camera, login, timeout)
    assert PASSWORD not in str(error.value)
    assert WRONG.password not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("login", ["digest", "token", "none"])
@pytest.mark.parametrize("media2", [True, False])
async def test_a_camera_tells_of_itself_and_its_streams(login: str, media2: bool) -> None:
    async with OnvifCamera(Behaviour(login=login, media2=media2, host="10.9.9.9", rtsp=8554)) as camera:
        found = await asked(camera)
    assert (found.identity, found.serial, found.model, found.mac) == (
        UUID, "ACCC8E000001", "Acme Dome 4", MAC.replace(":", ""),
    )  # fmt: skip
    main, sub = found.streams
    assert (main.name, main.codec, main.width, main.height) == ("main", "H265" if media2 else "H264", 2560, 1440)
    assert (sub.name, sub.frame_rate, sub.bitrate_kbps) == ("sub", 25, 4096)
    # It takes itself for 10.9.9.9; what is believed is where it was asked.
    assert main.address == "rtsp://127.0.0.1:8554/main?unicast=true"
    assert main.snapshot == f"http://127.0.0.1:{camera.port}/still.jpg"
    assert main.url == f"onvif://{UUID}/main?serial=ACCC8E000001&at=127.0.0.1:{camera.port}"
    assert found.notes == ()


OPEN = frozenset(("GetDeviceInformation", "GetServices", "GetEndpointReference"))


@pytest.mark.parametrize("login", ["digest", "token", "deceptive"])
async def test_what_anybody_is_told_says_nothing_of_the_password(login: str) -> None:
    """The first request that wants one comes late, and is answered "not authorized" as if it had been given."""
    async with OnvifCamera(Behaviour(login=login, open=OPEN)) as camera:
        found = await asked(camera)
    assert [stream.name for stream in found.streams] == ["main", "sub"]


async def test_a_proof_covers_the_body_where_that_is_asked() -> None:
    async with OnvifCamera(Behaviour(login="auth-int")) as camera:
        assert len((await asked(camera)).streams) == 2


async def test_a_realm_may_have_any_letters() -> None:
    async with OnvifCamera(Behaviour(realm="Überwachung 監視")) as camera:
        assert len((await asked(camera)).streams) == 2


@pytest.mark.parametrize("clock", [-3 * 365 * 86400.0, -3600.0, 40.0, 86400.0])
async def test_a_token_has_the_time_of_the_camera(clock: float) -> None:
    async with OnvifCamera(Behaviour(login="token", clock=clock)) as camera:
        found = await asked(camera)
    assert len(found.streams) == 2
    (note,) = found.notes
    assert note.startswith("its clock is ")
    assert ("ahead of" if clock > 0 else "behind") in note


async def test_an_old_camera_knows_capabilities_only() -> None:
    async with OnvifCamera(Behaviour(services=False, endpoint=False, login="none")) as camera:
        found = await asked(camera, None)
    assert [stream.name for stream in found.streams] == ["main", "sub"]
    # Without a UUID it is named by its MAC.
    assert found.streams[0].url.startswith(f"onvif://{MAC}/main?")


@pytest.mark.parametrize("login", ["digest", "auth-int", "token", "deceptive", "basic"])
async def test_the_password_is_never_sent_and_hardly_tried(login: str) -> None:
    for given in (GOOD, WRONG):
        async with OnvifCamera(Behaviour(login=login)) as camera:
            if given is GOOD and login != "basic":
                await asked(camera, given)
            else:
                with pytest.raises(SourceError):
                    await asked(camera, given)
        sent = "".join(one.text + one.authorization for one in camera.asked)
        assert given.password not in sent
        assert "PasswordText" not in sent
        assert "Basic" not in sent
        if given is WRONG:
            proofs = [one for one in camera.asked if one.authorization or "Security" in one.text]
            assert 0 < len(proofs) <= 3, "cameras lock a user after five to seven wrong tries"


async def test_nobody_is_given_the_user_before_being_chosen() -> None:
    async with OnvifCamera() as camera:
        (found,) = await discoverer(addresses=(f"127.0.0.1:{camera.port}",)).look()
        assert found.service == camera.service
        assert camera.names() == ["GetSystemDateAndTime"]
        assert USER not in "".join(one.text + one.authorization for one in camera.asked)


@pytest.mark.parametrize(
    ("behaviour", "login", "said"),
    [
        (Behaviour(), WRONG, f"{REFUSES}; {LOGINS}"),
        (Behaviour(login="token"), WRONG, f"{REFUSES}; {LOGINS}"),
        (Behaviour(), None, f"{ASKS}; {LOGINS}"),
        (Behaviour(login="basic"), GOOD, BASIC),
        (Behaviour(login="token", clock=-7200), WRONG, f"{REFUSES}; {LOGINS}{BEHIND}"),
        (Behaviour(login="token", clock=-7200, tells_time=False), GOOD, f"{REFUSES}; {LOGINS}{NO_TIME}"),
    ],
)
async def test_refusals_say_what_to_do(behaviour: Behaviour, login: CameraLogin | None, said: str) -> None:
    assert await refused(behaviour, login) == said


BOMB = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><l>&b;</l>'
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><l>&a;</l>'
NO_ONVIF = "see that ONVIF is switched on in the camera's settings"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (whole("<html>hello"), "it sent no XML, or damaged XML (HTTP status 200)"),
        (whole("", 404), "it sent no XML, or damaged XML (HTTP status 404)"),
        (whole(BOMB), "its XML holds what no device needs to send (DTDForbidden) (HTTP status 200)"),
        (whole(OUTSIDE), "its XML holds what no device needs to send (DTDForbidden) (HTTP status 200)"),
        (whole("<a>" * 5000 + "</a>" * 5000), "its XML is nested deeper than 40 elements (HTTP status 200)"),
        (whole(f"<a>{'<b/>' * 30000}</a>"), "its XML has more than 20000 elements (HTTP status 200)"),
        (whole("<a/>"), "what it sent is no SOAP (HTTP status 200)"),
    ],
)
async def test_nonsense_is_told_and_ends(answer: bytes, said: str) -> None:
    behaviour = Behaviour(login="none", answers={"GetDeviceInformation": answer})
    told = "the camera at 127.0.0.1 does not tell of itself: it does not answer as an ONVIF device does"
    assert await refused(behaviour) == f"{told}: {said}; {NO_ONVIF}"


OPTIONAL = ("GetSystemDateAndTime", "GetEndpointReference", "GetNetworkInterfaces", "GetServices", "GetSnapshotUri")


@pytest.mark.parametrize("answer", [whole("", 400), whole("", 500), whole("", 404), whole("<html>no such page")])
async def test_a_request_that_it_does_not_know_costs_no_camera(answer: bytes) -> None:
    behaviour = Behaviour(login="token", answers=dict.fromkeys(OPTIONAL, answer))
    async with OnvifCamera(behaviour) as camera:
        found = await asked(camera)
    assert [stream.name for stream in found.streams] == ["main", "sub"]
    assert (found.serial, found.identity, found.mac) == ("ACCC8E000001", "", "")
    assert found.streams[0].snapshot == ""


async def test_a_stream_without_an_address_costs_no_other() -> None:
    async with OnvifCamera(Behaviour(login="none", streamless=frozenset(("tok_main",)))) as camera:
        found = await asked(camera)
    assert [stream.name for stream in found.streams] == ["sub"]
    said = "its profile Main is left out: it names no rtsp:// address for its profile Main"
    assert found.notes == (said,)


CLOCK = (
    "<Envelope><Body><UTCDateTime><Time><Hour>23</Hour><Minute>59</Minute><Second>59</Second></Time>"
    "<Date><Year>{}</Year><Month>12</Month><Day>31</Day></Date></UTCDateTime></Body></Envelope>"
)


@pytest.mark.parametrize("year", [9999, 2999, 1, 0])
async def test_a_time_that_nobody_can_count_in_is_none(year: int) -> None:
    answers = {"GetSystemDateAndTime": whole(CLOCK.format(year))}
    async with OnvifCamera(Behaviour(login="token", answers=answers)) as camera:
        found = await asked(camera)
    assert len(found.streams) == 2
    assert found.notes == ()


async def test_a_clock_may_stand_at_the_beginning() -> None:
    """Of cameras without a battery it does, and the time of a proof is theirs."""
    async with OnvifCamera(Behaviour(login="token", clock=86400 - time())) as camera:
        found = await asked(camera)
    assert len(found.streams) == 2
    assert "days behind this machine's" in found.notes[0]


async def test_an_answer_without_end_is_cut_off() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n<a>"
    said = await refused(Behaviour(login="none", answers={"GetProfiles": head + b"<b/>" * 500_000}))
    assert said == "127.0.0.1 does not answer by ONVIF: the answer to POST: the answer is longer than 524288 bytes"


@pytest.mark.parametrize("name", ["GetSystemDateAndTime", "GetDeviceInformation", "GetStreamUri"])
async def test_a_camera_that_hangs_is_given_up(name: str) -> None:
    begun = monotonic()
    said = await refused(Behaviour(login="none", hangs=frozenset((name,))), timeout=0.3)
    assert said == "127.0.0.1 does not answer by ONVIF: no answer to POST within 0.3 s"
    assert monotonic() - begun < 10


STOLEN = "<x><Uri>{}</Uri></x>"


@pytest.mark.parametrize(
    "uri",
    ["http://thief.example/a", "rtsp://", "rtsp://h:99999/a", "rtsp://a b/c", "file:///etc/passwd", "x" * 9000],
)
async def test_a_stream_is_where_the_camera_is_or_nowhere(uri: str) -> None:
    body = f"<e:Envelope xmlns:e='e'><e:Body>{STOLEN.format(uri)}</e:Body></e:Envelope>"
    said = await refused(Behaviour(login="none", answers={"GetStreamUri": whole(body)}))
    assert said == (
        "the camera at 127.0.0.1 tells no address of any stream: it names no rtsp:// address for its profile Main"
    )


async def test_a_stream_that_is_said_to_be_elsewhere_is_asked_of_the_camera() -> None:
    body = (
        f"<e:Envelope xmlns:e='e'><e:Body>{STOLEN.format('rtsp://u:p@thief.example:1554/a?b=c')}</e:Body></e:Envelope>"
    )
    async with OnvifCamera(Behaviour(login="none", answers={"GetStreamUri": whole(body)})) as camera:
        found = await asked(camera)
    assert found.streams[0].address == "rtsp://127.0.0.1:1554/a?b=c"


@pytest.mark.parametrize(
    ("answer", "there"),
    [
        (b"\r\n", False),
        (b"SSH-2.0-OpenSSH_9.6\r\n", False),
        (whole("<html>"), False),
        # One that wants a password even for its time speaks HTTP at that path, and may be one.
        (whole("", 401), True),
    ],
)
async def test_what_is_no_camera_is_not_found(answer: bytes, there: bool) -> None:
    async with OnvifCamera(Behaviour(answers={"GetSystemDateAndTime": answer})) as camera:
        found = await discoverer(addresses=(f"127.0.0.1:{camera.port}",)).look()
    assert bool(found) is there


async def test_one_request_at_a_time_may_be_cancelled() -> None:
    async with OnvifCamera(Behaviour(hangs=frozenset(("GetSystemDateAndTime",)))) as camera:
        device = Device("127.0.0.1", camera.service, None, NameResolver(), timeout=30)
        task = asyncio.create_task(device.read_clock())
        async with asyncio.timeout(10):
            await camera.heard.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_an_address_that_is_none_is_told() -> None:
    with pytest.raises(CamcastError, match="expected a host, or a host and a port"):
        await discoverer(addresses=("http:/x",)).look()
