"""With nothing but the README, picture and sound are at YouTube, or at a server of one's own; what is wrong is said."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs
import av
import imageio_ffmpeg
import pytest

from tests.compare import Media
from tests.media import made
from tests.newcomer import readme
from tests.newcomer.readme import ROOT
from tests.newcomer.visit import Home, House, house, own_server
from tests.servers.process import wait_for

pytestmark = pytest.mark.servers
CACHE = ROOT / ".cache" / "newcomer"
"""What pip has downloaded for this before."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    cameras = (*readme.part("push").cameras, *readme.part("file").cameras)
    with house(tmp_path_factory.mktemp("house"), cameras, readme.push()) as house_:
        yield house_


@pytest.fixture
def at(built: House) -> House:
    """The house, of which nothing is known that was before."""
    built.platform.forget()
    return built


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.empty(tmp_path)


@pytest.fixture
def settled(home: Home) -> Home:
    """Where camcast is installed already."""
    home.installed_already()
    return home


def decoded(path: str) -> tuple[int, int]:
    """Pictures and sounds that FFmpeg makes of a file."""
    with av.open(path) as container:
        frames = [type(frame) for frame in container.decode(video=0, audio=0)]
    return frames.count(av.VideoFrame), frames.count(av.AudioFrame)


@pytest.mark.timeout(400)
def test_with_the_readme_alone_picture_and_sound_are_at_youtube(at: House, home: Home) -> None:
    """Every command as it stands there, in an empty home. The camera has no sound, which YouTube wants."""
    home.install(readme.part("install"), cache=CACHE)
    with at.typing(home, readme.part("push")) as shell:
        at.platform.wait("on air", seconds=60)
        assert shell.ctrl_c() == 0, shell.said
    ended = at.platform.wait("ended", seconds=10)
    assert ended["clean"], shell.said
    assert at.platform.events("refused") == []
    pictures, sounds = decoded(ended["file"])
    assert pictures > 50
    assert sounds > 80
    # It is what was installed there, and nothing of this tree.
    assert str(home.itself / "camcast-env") in home.state.read_text()


def test_a_wrong_key_is_said_and_not_shown(at: House, settled: Home) -> None:
    typed = readme.part("push")
    wrong = attrs.evolve(typed, script=typed.script.replace(readme.push().key, "zyxw-vuts-rqpo-nmlk"))
    with at.typing(settled, wrong) as shell:
        why = "usually a wrong or unknown stream key"
        wait_for(lambda: why in shell.said, timeout=30, why=f"{why!r} in\n{shell.said}")
        # Nothing was on the air.
        assert shell.ctrl_c() == 1, shell.said
    assert at.platform.events("refused")[0]["why"] == "an unknown key"
    assert at.platform.events("on air") == []
    assert "zyxw" not in shell.said


def test_the_stand_in_shows_nothing_that_has_no_sound(at: House) -> None:
    """Else the first test would show less than it says."""
    place = readme.push()
    url = f"rtmps://{place.host}/{place.application}/{place.key}"
    command = [*at.lan.home, imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-re", "-stream_loop", "-1"]
    command += ["-i", str(made("h264_only")), "-c", "copy", "-f", "flv", url]
    trusts = {"SSL_CERT_FILE": str(at.authority)}
    done = subprocess.run(command, env=trusts, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert at.platform.wait("refused", seconds=5)["why"] == "no sound", done.stderr
    assert done.returncode != 0, done.stderr
    assert at.platform.events("on air") == []


def test_four_cameras_from_the_readmes_file_are_at_a_server_of_ones_own(
    at: House, settled: Home, tmp_path: Path
) -> None:
    with own_server(at, tmp_path) as server, at.typing(settled, readme.part("file")) as shell:
        wait_for(lambda: server.arrived(4), timeout=60, why=f"all four\n{shell.said}")
        assert shell.ctrl_c() == 0, shell.said
    names = {path.stem for path in server.recordings.glob("*.flv")}
    assert names == {f"cam{number}_main" for number in range(4)}
    for path in server.recordings.glob("*.flv"):
        assert len(Media.read(path).video) > 10, path
