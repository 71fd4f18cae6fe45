"""The public names: all there, each once, all with words, and cheap to import."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import camcast
from camcast.camera.handles import CameraHandle, StreamHandle
from camcast.contracts import PushHandle
from camcast.engine import facades
from camcast.session.session_manager import MultiSessionManager, SessionHandle, SessionManager

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("name", camcast.__all__)
def test_a_public_name_is_there_and_explained(name: str) -> None:
    value = getattr(camcast, name)
    assert name in dir(camcast)
    assert value.__module__.startswith(("camcast", "pluggy"))
    assert inspect.getdoc(value)


def test_type_checkers_see_what_is_loaded() -> None:
    tree = ast.parse(Path(camcast.__file__).read_text())
    checked = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert checked == camcast._HOMES
    assert sorted(checked) == sorted(camcast.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'camcast' has no attribute 'Nonsense'"):
        camcast.Nonsense  # noqa: B018


def test_importing_camcast_loads_none_of_it() -> None:
    code = "import sys, camcast; print([name for name in sys.modules if name.startswith('camcast.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "cls",
    [
        *(camcast.Engine, camcast.EngineThread, SessionManager, camcast.CameraManager),
        *(SessionHandle, CameraHandle, StreamHandle, PushHandle),
    ],
    ids=lambda cls: cls.__name__,
)
def test_every_public_method_says_what_it_does(cls: type) -> None:
    methods = {name: one for name, one in vars(cls).items() if not name.startswith("_") and callable(one)}
    bare = [name for name, method in methods.items() if not inspect.getdoc(method)]
    assert bare == []


def test_the_other_name_of_the_session_manager() -> None:
    assert MultiSessionManager is SessionManager is camcast.MultiSessionManager


def test_what_the_page_shows_of_handles_is_there() -> None:
    page = (ROOT / "docs" / "embedding.md").read_text()
    for cls in (SessionHandle, CameraHandle, StreamHandle):
        table = page.partition(f"| `{cls.__name__}` |")[2].partition("\n\n")[0]
        names = {name for row in table.splitlines() for name in re.findall(r"`(\w+)[`(]", row.split("|")[1])}
        assert len(names) > 3
        known = {*dir(cls), *cls.__annotations__}
        assert names <= known, names - known


def test_threads_have_a_class_for_each_handle() -> None:
    names = {"ThreadedSession", "ThreadedSessions", "ThreadedCamera", "ThreadedCameras", "ThreadedStream"}
    assert names <= vars(facades).keys()
