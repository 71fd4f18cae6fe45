"""WS-Discovery (OASIS 1.0, and the draft of 2005 that ONVIF uses): probes, and what matches say. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice
from urllib.parse import unquote, urlsplit

import attrs

from camcast.redaction import words

from . import xml
from .at_host import at_host
from .named import mac_of, uuid_of

GROUP = "239.255.255.250"
PORT = 3702
_NS = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
_TYPES = (
    ("dn:NetworkVideoTransmitter", 'xmlns:dn="http://www.onvif.org/ver10/network/wsdl"'),
    ("tds:Device", 'xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'),
)
"""What is asked for. Every device has one of the types, older ones the first only."""
PROBES = len(_TYPES)
_SCOPE = "onvif://www.onvif.org/"
MAX_MATCHES = 8
"""In one datagram."""
MAX_URLS = 16
MAX_SERVICES = 3
"""Of one device, at which it is asked one after the other."""
MAX_DATAGRAM = 8 * 1024
"""Bytes. An answer has one to three thousand."""
MAX_ELEMENTS = 400
"""In one datagram."""


def probe(number: int, uuid: str) -> bytes:
    """The `number`th kind of probe, as a message called `uuid`."""
    type_, namespace = _TYPES[number]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing">'
        f"<s:Header><a:MessageID>urn:uuid:{uuid}</a:MessageID>"
        "<a:ReplyTo><a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>"
        f'<a:To s:mustUnderstand="1">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>'
        f'<a:Action s:mustUnderstand="1">{_NS}/Probe</a:Action></s:Header>'
        f'<s:Body><d:Probe xmlns:d="{_NS}" {namespace}><d:Types>{type_}</d:Types></d:Probe></s:Body></s:Envelope>'
    ).encode()


@attrs.frozen(kw_only=True)
class Match:
    """One device that answered. Its words are printable and short."""

    uuid: str
    """"" where its endpoint reference is none."""
    host: str
    """From where it answered."""
    service: str = attrs.field(repr=False)
    """The URL of its device service, at `host`."""
    others: tuple[str, ...] = attrs.field(default=(), repr=False)
    """Further URLs of it, in its order."""
    name: str = ""
    model: str = ""
    mac: str = ""


def matches(data: bytes, host: str, asked: Collection[str]) -> list[Match]:
    """What a datagram from `host` says, as an answer to one of the messages `asked`. Raises `BadXml`."""
    root = xml.read(data, MAX_DATAGRAM, MAX_ELEMENTS)
    if uuid_of(xml.raw(root, "Header", "RelatesTo")) not in asked:
        raise xml.BadXml("it answers nothing that was asked")
    found = []
    for one in islice(xml.every(root, "ProbeMatch"), MAX_MATCHES):
        parts = xml.firsts(one, ("EndpointReference", "Scopes", "XAddrs"))
        services = _services(xml.raw(parts.get("XAddrs")).split()[:MAX_URLS], host)
        if not services:
            continue
        scopes = xml.raw(parts.get("Scopes")).split()
        found.append(
            Match(
                uuid=uuid_of(xml.raw(parts.get("EndpointReference"), "Address")),
                host=host,
                service=services[0],
                others=tuple(services[1:]),
                name=_scope(scopes, "name"),
                model=_scope(scopes, "hardware"),
                mac=mac_of(_scope(scopes, "mac")),
            )
        )
    return found


def _services(urls: Sequence[str], host: str) -> list[str]:
    """The URLs to ask it at: those that name the address it answered from, then the others, led back there."""
    usable = [(url, led) for url in urls if (led := at_host(url, host)) is not None]
    usable.sort(key=lambda one: urlsplit(one[0]).hostname != host)
    return list(dict.fromkeys(led for _, led in usable))[:MAX_SERVICES]


def _scope(scopes: list[str], key: str) -> str:
    for scope in scopes:
        if scope.lower().startswith(f"{_SCOPE}{key}/"):
            return words(unquote(scope[len(_SCOPE) + len(key) + 1 :]), (), xml.MAX_TEXT)
    return ""
