"""Inputs to begin with, where no corpus is kept yet: what a peer that means well would send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from camcast.flv import amf0
from tests.fuzz.targets import ASKED, greeting
from tests.hostile import cameras
from tests.plugins import test_h264_parser as h264
from tests.plugins import test_h265_parser as h265
from tests.plugins import test_srt_demuxer as mpegts
from tests.plugins.nal_kit import annexb, prefixed
from tests.plugins.whep_kit import OFFER

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(32))
_CONFIG = Path(__file__).parents[1] / "core" / "config"


def seeds(name: str) -> Iterator[bytes]:
    status = amf0.encode("onStatus", 0.0, None, {"level": "error", "code": "NetStream.Publish.BadName"})
    match name:
        case "rtmp_client":
            for number, said in enumerate(greeting()):
                yield bytes((number, 0)) + said[-600:]
            yield b"\3\0\3\0\0\0" + len(status).to_bytes(3, "big") + b"\x14\1\0\0\0" + status
        case "rtmp_server":
            yield b"\1\0\4\0\0\0\0\0\7\x09\1\0\0\0\x17\1\0\0\0\0\0"
            yield b"\0\0\3" + bytes(3072)
        case "rtmp_media":
            yield b"\1\0\0\0\0\x17\0\0\0\0\1----\0\0\0\0\5\xaf\0\x11\x90----\0\0\0\0\6\xaf\1\x21\x10"
        case "rtmp_player":
            for said in greeting():
                yield b"\1\0" + said[-600:]
        case "mpegts":
            both = mpegts.tables((0x1B, 0x100, b""), (0x0F, 0x101, b""))
            picture = mpegts.pes(0x100, annexb(h264.SPS, h264.PPS, h264.IDR[:60]), 90)
            yield b"\xbc" + both + picture + mpegts.pes(0x101, b"\xff\xf1\x4c\x80\1\x1f\xfc\0\0", 90, length=True)
            opus = mpegts.tables((0x06, 0x101, b"\5\4Opus\x7f\2\x80\2"))
            yield b"\0" + opus + mpegts.pes(0x101, b"\x7f\xe0\3\xfc\xff\xfe", 90, stream=0xBD, length=True)
        case "onvif":
            asked = b"<RelatesTo>uuid:%b</RelatesTo>" % ASKED[0].encode()
            begin = b'<e:Envelope xmlns:e="e"><e:Header>' + asked
            body = b"</e:Header><e:Body>%b</e:Body></e:Envelope>"
            match = b"<ProbeMatch><EndpointReference><Address>urn:uuid:1</Address></EndpointReference><Scopes>"
            match += b"onvif://www.onvif.org/name/Gate</Scopes><XAddrs>http://192.0.2.1/onvif</XAddrs></ProbeMatch>"
            yield b"m" + begin + body % match
            moment = b"<Time><Hour>1</Hour><Minute>2</Minute><Second>3</Second></Time>"
            moment += b"<Date><Year>2026</Year><Month>2</Month><Day>3</Day></Date>"
            yield b"-" + begin + body % (b"<UTCDateTime>" + moment + b"</UTCDateTime>")
            sizes = b"<Resolution><Width>640</Width><Height>480</Height></Resolution>"
            profile = b'<Profiles token="a"><Name>main</Name><VideoEncoder><Encoding>H264</Encoding>%b</VideoEncoder>'
            yield b"-" + begin + body % (profile % sizes + b"</Profiles>")
            fault = b"<Fault><Code><Value>a:Sender</Value></Code><Reason><Text>no</Text></Reason></Fault>"
            yield b"-" + begin + body % fault
        case "fleet_records":
            yield b'\0{"name": "a", "at": 1.5, "limit": 4}'
            yield b'\3{"at": 1, "member": "a", "code": "b", "text": "c", "camera_id": 1}'
        case "youtube":
            state = {"streamStatus": "active", "healthStatus": {"status": "bad", "configurationIssues": []}}
            yield json.dumps({"items": [{"id": "ID", "status": state}]}).encode()
        case "amf0":
            yield status
        case "sdp":
            yield cameras.sdp()
            yield cameras.sdp("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\na=fmtp:97 config=1190\r\n")
        case "rtsp_messages":
            yield b'RTSP/1.0 401 No\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm="a", nonce="b", qop="auth"\r\n\r\n'
            yield b"RTSP/1.0 200 OK\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\nSession: 1;timeout=60\r\n\r\n"
        case "rtsp_interleaved":
            yield (
                b"\7"
                + cameras.rtp(1, 1, b"\x41\x9a\0", marker=True)
                + b"RTSP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab"
            )
        case "whep_offer":
            yield OFFER.encode()
        case "whep_fragment":
            yield b"a=ice-ufrag:wxyz\na=mid:0\na=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host generation 0\n"
        case "whip_feedback":
            yield b"\x8f\xcd\0\5" + bytes(8) + b"\0\0\0\x14\0\0\1\0" + b"\x20\x0a\xd5\x55"
        case "certificate":
            names = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")])
            first = datetime(2026, 1, 1, tzinfo=UTC)
            made = x509.CertificateBuilder().subject_name(names).issuer_name(names).serial_number(1)
            made = (
                made.not_valid_before(first)
                .not_valid_after(first + timedelta(days=90))
                .public_key(PRIVATE.public_key())
            )
            yield made.sign(PRIVATE, None).public_bytes(serialization.Encoding.DER)
        case "http_answer":
            head = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n"
            yield b"\7" + head + b'Link: <turn:h>; rel="ice-server"\r\n\r\n2\r\nab\r\n0\r\n\r\n'
            yield b"\0HTTP/1.1 503 No\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\nContent-Length: 1\r\n\r\na"
        case "codec_h264":
            for frame in (annexb, prefixed):
                yield b"----" + frame(h264.SPS, h264.PPS, h264.IDR[:60]) + b"----" + frame(h264.INTER[:60])
        case "codec_h265":
            for frame in (annexb, prefixed):
                yield b"----" + frame(h265.VPS, h265.SPS, h265.PPS, h265.IDR[:60]) + b"----" + frame(h265.INTER[:60])
        case "codec_aac":
            yield b"\x11\x90----\xff\xf1\x4c\x80\1\x1f\xfc\0\0"
        case "configuration":
            yield b"j" + (_CONFIG / "system_config.json").read_bytes()
            yield b't[[cameras]]\nname = "a"\n[[cameras.streams]]\nname = "main"\n'
        case "legacy_files":
            yield (_CONFIG / "legacy" / "shipped.json").read_bytes()
            yield json.dumps({"rtmp": {"enable": 1, "main_url": "rtmp://h/a/b"}}).encode()
        case "secrets":
            yield b"a%5aq7-&#75;x9_Vw3 rtmp://u:p@h/a/k?b \x1b[1m"
        case _:
            yield bytes(range(64))
