"""A server far away that holds the stream's name for as long as it believes in the old connection."""

from __future__ import annotations

import json
import time
from pathlib import Path as File

import pytest

from tests.compare import Media
from tests.far.clips import LONGEST, clip
from tests.far.journey import camcast
from tests.far.path import Path
from tests.servers.nginx import Nginx
from tests.servers.process import wait_for


@pytest.mark.servers
def test_a_name_is_free_again_as_soon_as_the_link_is_back(tmp_path: File) -> None:
    """A connection that is given up while the link is away is ended so that the server hears of it afterwards. One
    that hears nothing refuses the next publisher for minutes ("Already publishing")."""
    with Path(round_trip=0.05, near=True) as path, Nginx(tmp_path, host=path.address, prefix=path.prefix) as server:
        with camcast(tmp_path, path, clip("medium", LONGEST), server.url("cam"), stall_timeout=2) as sender:

            def connected() -> int:
                return sender.log.read_text().count("connected to")

            wait_for(lambda: connected() == 1, timeout=20, why="the first connection")
            time.sleep(2.0)
            path.cut(6.0)
            wait_for(lambda: "none acknowledged for" in sender.log.read_text(), timeout=10, why="a stall")
            time.sleep(6.0)
            wait_for(lambda: connected() == 2, timeout=10, why=f"the next connection\n{sender.log.read_text()}")
            time.sleep(2.0)
            (figures,) = json.loads(sender.end())["sessions"]
        assert (figures["state"], sender.process.returncode) == ("connected", 0), sender.log.read_text()
        # The next connection may come before the end of the last one has been said again.
        assert sender.log.read_text().count("Already publishing") <= 2
        assert len(Media.read(server.recordings("cam")[-1]).video) > 20
