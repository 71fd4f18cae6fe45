"""References to secrets in places of a URL where nobody looks for one."""

from __future__ import annotations

import pytest

from camcast.config.secrets import misplaced_reference


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("rtmp://h/live/env:KEY", "env:…"),
        ("rtmps://h/live2/env%3AMY_KEY?bandwidthtest=true", "env:…"),
        ("rtmp://env:USER@h/live/key", ""),
        ("rtmp://u:env:PW@h/live/key", "env:…"),
        ("srt://h:9000?passphrase=env:PW&latency=200", "env:…"),
        ("rtmp://h/live/file:/run/secrets/key", "file:…"),
        ("rtmp://h/live/env:prod-7", ""),
        ("rtmp://h/live/environment:KEY", ""),
        ("rtmp://h/live/profile:/x", ""),
        ("env:URL", ""),
    ],
)
def test_where_a_reference_is_a_whole_part_of_a_target(url: str, said: str) -> None:
    found = misplaced_reference(url)
    assert found.startswith(said) if said else found == ""
    assert not said or f'beside the URL as "stream_key": "{said}"' in found


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("rtsp://user:env:CAM_PW@10.0.0.5/main", True),
        ("rtsp://u:env:pw@h/x", False),
        ("rtsp://nvr/file:cam1.mp4", False),
        ("rtsp://h:554/play?src=file:/mnt/a.mkv", False),
        ("file:///data/env:x/clip.mp4", False),
    ],
)
def test_in_a_source_s_url_there_is_no_key_beside_it_and_files_may_be_meant(url: str, said: bool) -> None:
    found = misplaced_reference(url, target=False)
    assert bool(found) == said
    assert "stream_key" not in found
