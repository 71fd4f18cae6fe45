"""The shape of the project: what the core may name, what is installed, and what loading costs."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import sysconfig
import tarfile
import tokenize
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tools.mutants.table import ROOMS

from camcast.host import PluginHost

ROOT = Path(__file__).parent.parent
CORE = ROOT / "core" / "camcast"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

KNOWN = """
    h264 h265 h266 hevc avc avc1 hvc1 hev1 vvc vvc1 av1 av01 vp8 vp08 vp9 vp09 mjpeg x264 x265 libx264 libx265 svtav1
    aac mp4a opus mp3 mp2 g711 g722 g726 alaw ulaw mulaw pcma pcmu speex flac vorbis ac3
    rtmp rtmps rtmpe rtmpt rtsp rtsps rtp rtcp srt whip whep webrtc hls dash rist ndi librtmp libsrt aiortc
    nginx mediamtx
"""
"""Formats, protocols and servers, whether a plugin for them is here or not."""


def _named_by_plugins() -> set[str]:
    host = PluginHost()
    names = {kind.name for kind in host.codecs.values()} | {kind.name for kind in host.encoders.values()}
    names |= {alias for kind in host.codecs.values() for alias in kind.aliases}
    names |= {name for kind in host.transports.values() for name in (kind.name, *kind.schemes)}
    # These are words of the core's own as well: "dts" is a decode time before it is a sound format.
    return {name.lower() for name in names} - {"file", "pcm", "dts", "http", "https", "flv", "record"}


def _code(path: Path) -> Iterator[tuple[int, str]]:
    """Identifiers and texts of a file, with their lines; neither comments nor docstrings."""
    text = path.read_text()
    prose = set()
    for node in ast.walk(ast.parse(text)):
        # A text that stands alone is a docstring, of a module, a class, a function or an attribute.
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            prose |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.NAME, tokenize.STRING) and token.start[0] not in prose:
            yield token.start[0], token.string


CORE_FILES = [path for path in sorted(CORE.rglob("*.py")) if path.relative_to(CORE).parts[0] != "config"]


@pytest.mark.parametrize("path", CORE_FILES, ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_names_no_codec_and_no_protocol(path: Path) -> None:
    names = sorted(_named_by_plugins() | set(KNOWN.split()), key=len, reverse=True)
    # A name within a word counts when the word is made with underscores or capitals: `rtmp_url`, `RtmpUrl`.
    wanted = re.compile(rf"(?<![a-z0-9])({'|'.join(map(re.escape, names))})(?![a-z0-9])", re.IGNORECASE)
    capital = re.compile(rf"({'|'.join(re.escape(name.capitalize()) for name in names if name.isalnum())})(?![a-z0-9])")
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for line, text in _code(path)
        if wanted.search(text) or (text.isidentifier() and capital.search(text))
    ]
    assert not found, "\n".join(found)


def _is_kit(path: Path) -> bool:
    """What several plugins share, and no plugin itself."""
    return path.relative_to(ROOT / "plugins").parts[0] == "kits"


def test_each_plugin_has_exactly_one_entry_point() -> None:
    packages = sorted(path.parent.name for path in ROOT.glob("plugins/*/camcast_*/__init__.py") if not _is_kit(path))
    assert packages
    assert sorted(PROJECT["project"]["entry-points"]["camcast"].values()) == packages


def test_every_plugin_loads_and_brings_something() -> None:
    host = PluginHost()
    assert [str(problem) for problem in host.problems] == []
    assert sorted(plugin.name for plugin in host.plugins) == sorted(PROJECT["project"]["entry-points"]["camcast"])
    assert [plugin.name for plugin in host.plugins if not plugin.kinds] == []


def _run_elsewhere(code: str, directory: Path) -> str:
    """Run code in a fresh interpreter that sees installed packages only."""
    return subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, cwd=directory, timeout=60
    ).stdout


def test_no_folder_of_the_tree_becomes_importable(tmp_path: Path) -> None:
    names = [
        "core",
        "plugins",
        "coordinators",
        "encoders",
        "kits",
        "services",
        "sources",
        "transports",
        "tests",
        "bench",
        "examples",
        "docs",
        "tools",
    ]
    code = f"import importlib.util as u; print([name for name in {names} if u.find_spec(name)])"
    assert _run_elsewhere(code, tmp_path).strip() == "[]"


def test_listing_kinds_loads_nothing_heavy(tmp_path: Path) -> None:
    code = """
import json, sys
from camcast.host import PluginHost
host = PluginHost()
kinds = [*host.sources, *host.codecs, *host.encoders, *host.transports]
print(json.dumps([len(kinds), sorted(sys.modules)]))
"""
    count, modules = json.loads(_run_elsewhere(code, tmp_path))
    heavy = {"av", "numpy", "PIL", "aiortc", "aiohttp", "cffi", "librtmp", "cryptography", "rich", "typer", "json5"}
    assert count > 20
    assert sorted(heavy & set(modules)) == []


def _build(target: str, directory: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(directory)],
        capture_output=True,
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    (built,) = directory.iterdir()
    return built


def _sources() -> dict[str, Path]:
    """Files that belong into a wheel, by their name there; what is built from some of them not counted."""
    packages = [CORE, *ROOT.glob("plugins/*/camcast_*")]
    return {
        str(path.relative_to(package.parent)): path
        for package in packages
        for path in package.rglob("*")
        if path.is_file()
        and path.suffix != ".so"
        and not any(part.startswith((".", "__pycache__")) for part in path.relative_to(ROOT).parts)
    }


def _extensions() -> set[str]:
    """What was built for the interpreter that runs this, by its name in a wheel: every C form, or none."""
    packages = [CORE, *ROOT.glob("plugins/*/camcast_*")]
    built = {
        str(path.relative_to(package.parent))
        for package in packages
        for path in package.rglob(f"*{sysconfig.get_config_var('EXT_SUFFIX')}")
    }
    assert len(built) in (0, len({path.parent for package in packages for path in package.rglob("*.c")}))
    return built


def test_the_wheel_holds_the_packages_and_nothing_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(_build("wheel", tmp_path)) as wheel:
        names = set(wheel.namelist())
        info = f"camcast-{PROJECT['project']['version']}.dist-info"
        expected = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}
        assert {name for name in names if name.startswith(info)} == {f"{info}/{name}" for name in expected}
        built = {name for name in names if name.endswith(".so")}
        assert {name for name in names if not name.startswith(info)} - built == set(_sources())
        assert built == _extensions()
        assert "camcast/py.typed" in names
        assert wheel.read(f"{info}/entry_points.txt").decode().count("camcast_") == len(
            PROJECT["project"]["entry-points"]["camcast"]
        )


def test_the_sdist_builds_the_same_and_holds_nothing_made(tmp_path: Path) -> None:
    with tarfile.open(_build("sdist", tmp_path)) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {str(path.relative_to(ROOT)) for path in _sources().values()} <= names
    assert {"pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "Makefile"} <= names
    made = re.compile(
        r"(^|/)(\.venv|\.cache|node_modules|__pycache__|\.git|build|dist|\.(mypy|ruff|pytest)_cache)(/|$)|\.so$"
    )
    assert [name for name in names if made.search(name)] == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_mutant_fits_the_code_as_it_is(room: str) -> None:
    """Where one does not: let its `old` in `tools/mutants/` be what stands in the code now, exactly once."""
    assert ROOMS[room]
    for mutant in ROOMS[room]:
        mutant.check(ROOT)


def test_every_mutant_has_a_name_of_its_own() -> None:
    names = [mutant.name for room in ROOMS.values() for mutant in room]
    assert len(set(names)) == len(names)
