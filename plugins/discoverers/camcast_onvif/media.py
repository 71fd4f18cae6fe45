"""A device's own account of itself and its streams: what is asked, and what the answers mean.

By Media2 (H.265 is known there only) where a device has it, else by Media (ONVIF Media Service Specifications).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

import attrs

from camcast.errors import SourceError

from . import soap, xml
from .at_host import at_host
from .device import Device
from .named import MAIN, SUB, mac_of, uuid_of

_DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA, MEDIA2 = "http://www.onvif.org/ver10/media/wsdl", "http://www.onvif.org/ver20/media/wsdl"
_SCHEMA = "http://www.onvif.org/ver10/schema"
MAX_PROFILES = 32
MAX_SERVICES = 64


@attrs.frozen(kw_only=True)
class Information:
    """What it is."""

    maker: str
    model: str
    serial: str
    firmware: str


@attrs.frozen(kw_only=True)
class Profile:
    """One of its streams."""

    token: str
    name: str
    codec: str = ""
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    bitrate_kbps: int = 0

    @property
    def still(self) -> bool:
        """Whether it is a row of JPEGs, the last that anybody wants."""
        return self.codec.upper() in ("JPEG", "MJPEG")


async def information(device: Device) -> Information:
    """Raises as `Device.call` does."""
    body = await device.call(f'<GetDeviceInformation xmlns="{_DEVICE}"/>')
    return Information(
        maker=xml.text(body, "Manufacturer", secrets=device.secrets),
        model=xml.text(body, "Model", secrets=device.secrets),
        serial=xml.text(body, "SerialNumber", secrets=device.secrets),
        firmware=xml.text(body, "FirmwareVersion", secrets=device.secrets),
    )


async def endpoint(device: Device) -> str:
    """The UUID by which it calls itself; "" = it does not say, as many."""
    try:
        body = await device.call(f'<GetEndpointReference xmlns="{_DEVICE}"/>')
    except soap.Fault:
        return ""
    return uuid_of(xml.raw(body, "GUID"))


async def hardware_addresses(device: Device) -> list[str]:
    """The MACs of its network interfaces, twelve digits each; none = it does not say."""
    try:
        body = await device.call(f'<GetNetworkInterfaces xmlns="{_DEVICE}"/>')
    except soap.Fault:
        return []
    return [mac for one in xml.every(body, "HwAddress") if (mac := mac_of(xml.raw(one)))][:16]


@attrs.frozen
class MediaService:
    """Where a device is asked for its streams."""

    device: Device
    namespace: str
    url: str

    async def profiles(self) -> list[Profile]:
        """Its streams with a picture, the largest first."""
        more = "<Type>VideoEncoder</Type>" if self.namespace == MEDIA2 else ""
        body = await self.device.call(f'<GetProfiles xmlns="{self.namespace}">{more}</GetProfiles>', self.url)
        return ordered(profiles_in(body, self.device.secrets))

    async def stream(self, profile: Profile) -> str:
        """Its URL at the device, without user and password. Raises as `Device.call` does, `soap.Fault` for none."""
        if self.namespace == MEDIA2:
            asked = f"<Protocol>RTSP</Protocol>{self._token(profile)}"
        else:
            asked = (
                f'<StreamSetup><Stream xmlns="{_SCHEMA}">RTP-Unicast</Stream><Transport xmlns="{_SCHEMA}">'
                f"<Protocol>RTSP</Protocol></Transport></StreamSetup>{self._token(profile)}"
            )
        body = await self.device.call(f'<GetStreamUri xmlns="{self.namespace}">{asked}</GetStreamUri>', self.url)
        url = at_host(xml.raw(body, "Uri"), self.device.host, ("rtsp", "rtsps"))
        if url is None:
            name = xml.shown(profile.name, self.device.secrets)
            raise soap.Fault(frozenset(), f"it names no rtsp:// address for its profile {name}")
        return url

    async def snapshot(self, profile: Profile) -> str:
        """The same of a still picture; "" where it has none."""
        try:
            asked = f'<GetSnapshotUri xmlns="{self.namespace}">{self._token(profile)}</GetSnapshotUri>'
            body = await self.device.call(asked, self.url)
        except soap.Fault:
            return ""
        return at_host(xml.raw(body, "Uri"), self.device.host) or ""

    def _token(self, profile: Profile) -> str:
        return f"<ProfileToken>{escape(profile.token)}</ProfileToken>"


async def media_services(device: Device) -> list[MediaService]:
    """The best first. Raises `SourceError` where there is none."""
    try:
        body = await device.call(
            f'<GetServices xmlns="{_DEVICE}"><IncludeCapability>false</IncludeCapability></GetServices>'
        )
        urls = services_in(body)
    except soap.Fault:
        # Devices of before 2011 know only this.
        body = await device.call(f'<GetCapabilities xmlns="{_DEVICE}"><Category>All</Category></GetCapabilities>')
        urls = {MEDIA: xml.raw(body, "Capabilities", "Media", "XAddr")}
    found = [
        MediaService(device, namespace, url)
        for namespace in (MEDIA2, MEDIA)
        if (url := at_host(urls.get(namespace, ""), device.host))
    ]
    if not found:
        raise SourceError(f"the ONVIF device at {device.host} has no streams to offer: it is no camera")
    return found


async def offers(device: Device) -> tuple[MediaService, list[Profile]]:
    """Where it has streams, and which. Raises `SourceError`."""
    said = ""
    for service in await media_services(device):
        try:
            profiles = await service.profiles()
        except soap.Fault as fault:
            said = f" ({fault.reason})" if fault.reason else ""
            continue
        if profiles:
            return service, profiles
    raise SourceError(
        f"the camera at {device.host} tells no profile with a picture{said}: see to its video settings, and that its "
        "ONVIF user may see them"
    )


def ordered(profiles: Sequence[Profile]) -> list[Profile]:
    """The largest picture first, rows of JPEGs last."""
    return sorted(profiles, key=lambda one: (one.still, -one.width * one.height))


def named(profiles: Sequence[Profile]) -> list[tuple[str, Profile]]:
    """Each with the name that a stream of a configuration may have: "main", "sub", or the profile's token."""
    last = max((index for index, one in enumerate(profiles) if not one.still), default=0)
    return [(MAIN if index == 0 else SUB if index == last else one.token, one) for index, one in enumerate(profiles)]


def choose(profiles: Sequence[Profile], stream: str, host: str, secrets: Collection[str] = ()) -> Profile:
    """The profile that a name means. Raises `SourceError` with those there are."""
    by_name = dict(named(profiles))
    if stream in by_name:
        return by_name[stream]
    for one in profiles:
        if stream in (one.token, one.name):
            return one
    if stream == SUB and profiles:
        return profiles[-1]
    known = ", ".join(xml.shown(name, secrets) for name in by_name)
    raise SourceError(f'the camera at {host} has no stream "{stream[:64]}"; it has {known}', refused=True)


def profiles_in(body: Element, secrets: Collection[str] = ()) -> list[Profile]:
    """Those with a picture in an answer, in its order."""
    found = (_profile(one, secrets) for one in xml.beside(body, "Profiles")[:MAX_PROFILES])
    return [profile for profile in found if profile]


def services_in(body: Element) -> dict[str, str]:
    """The URLs of services in an answer, by their namespaces."""
    return {xml.raw(one, "Namespace"): xml.raw(one, "XAddr") for one in xml.beside(body, "Service")[:MAX_SERVICES]}


def _profile(element: Element, secrets: Collection[str] = ()) -> Profile | None:
    token = element.get("token", "").strip()[:128]
    video = xml.first(element, "VideoEncoderConfiguration")
    if video is None:
        video = xml.first(element, "VideoEncoder")
    if not token or video is None:
        return None
    return Profile(
        token=token,
        name=xml.text(element, "Name") or token,
        codec=xml.text(video, "Encoding", secrets=secrets),
        width=int(xml.number(video, "Resolution", "Width")),
        height=int(xml.number(video, "Resolution", "Height")),
        frame_rate=xml.number(video, "RateControl", "FrameRateLimit"),
        bitrate_kbps=int(xml.number(video, "RateControl", "BitrateLimit")),
    )
