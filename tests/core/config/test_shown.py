"""What is shown of a configuration holds no secret, wherever one may stand."""

from __future__ import annotations

import json

from camcast.config import loads, shown
from camcast.host import PluginHost

TEXT = """{
  "system": {"max_cameras": 4},
  "cameras": [{"camera_id": 0, "name": "gate", "streams": [{
    "source": {"type": "rtsp", "url": "rtsp://admin:s3cret-a@10.0.0.5/main"},
    "outputs": {
      "rtmp": {"proxy": "socks5://u:s3cret-e@proxy:1080",
        "urls": ["rtmp://a.example/live/s3cret-b", {"url": "rtmps://b.example/live", "stream_key": "s3cret-c"}]},
      "srt": {"url": "srt://c.example:9000?passphrase=s3cret-d-long"},
      "vault": {"url": "env:GATE_URL"},
      "whip": {"url": "https://d.example/whip/s3cret-f", "options": {"token": "s3cret-g"}}
    }}, {"source": {"type": "file", "url": "clips/gate.mp4"}}]}]
}"""


def test_nothing_secret_is_shown_and_all_else_is() -> None:
    text = json.dumps(shown(loads(TEXT, PluginHost())))
    assert "s3cret" not in text
    for plain in ("a.example", "b.example", "c.example:9000", "env:GATE_URL", "clips/gate.mp4", "gate", "10.0.0.5"):
        assert plain in text
