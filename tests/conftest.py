"""What every test may use: real servers, each in a directory of its own, ended with the test."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings

from camcast import native
from camcast.pyav import scheduling
from tests.servers.certificates import Authority, Certificate
from tests.servers.nginx import Nginx
from tests.servers.nms import NodeMediaServer
from tests.servers.stream_reader import Listener
from tests.watchdog import pytest_runtest_teardown, pytest_sessionfinish, pytest_timeout_set_timer

__all__ = ["pytest_runtest_teardown", "pytest_sessionfinish", "pytest_timeout_set_timer"]

settings.register_profile("default", max_examples=60, deadline=None)
settings.register_profile("fuzz", max_examples=2_000, deadline=None)
settings.load_profile("default")

_SCHEDULING = scheduling.now()
_NO_SERVERS = {"certificates", "process"}
"""Modules of `tests.servers` that start nothing."""
_SERVER_FIXTURES = {"nginx", "start_nginx", "shared_nginx", "shared_tls", "node_media_server", "listener"}


def pytest_configure() -> None:
    """Programs that a shell starts in the background ignore SIGINT, and so would all that the tests start."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    _forget_terminal()


def _forget_terminal() -> None:
    """Readline, which pytest brings, tells all processes that are begun later how wide a terminal is, also where there
    is none; tables would be as wide."""
    with contextlib.suppress(ImportError):
        importlib.import_module("readline")
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
        os.unsetenv(name)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--order", type=int, metavar="SEED", help="run files, and the tests in each, in a drawn order")


def pytest_report_header(config: pytest.Config) -> list[str]:
    seed = config.getoption("order")
    return [] if seed is None else [f"order: {seed}"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks what needs programs from tests/servers, leaves out what needs the C form where it does not run, and puts
    the tests in the order that is asked for."""
    _mark(items)
    if native.extension is None:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("native")])
        items[:] = [item for item in items if not item.get_closest_marker("native")]
    seed = config.getoption("order")
    if seed is not None:
        _shuffle(items, random.Random(seed))


def pytest_collection_finish() -> None:
    """All that is imported and collected stays until the end, so the collector need not go through it each time."""
    gc.collect()
    gc.freeze()


def _shuffle(items: list[pytest.Item], drawn: random.Random) -> None:
    """Files stay whole, for what they set up once. The same in every process of one run, as the seed is."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    groups = list(files.values())
    drawn.shuffle(groups)
    for group in groups:
        drawn.shuffle(group)
    items[:] = [item for group in groups for item in group]


def _mark(items: list[pytest.Item]) -> None:
    """So that nobody has to remember it: by fixtures and by imports."""
    for item in items:
        if isinstance(item, pytest.Function) and (
            _SERVER_FIXTURES & set(item.fixturenames) or _imports_servers(item.module)
        ):
            item.add_marker("servers")


def _imports_servers(module: ModuleType) -> bool:
    """Whether a module has anything of a module that starts a server."""
    for value in vars(module).values():
        package, _, name = str(getattr(value, "__module__", "")).rpartition(".")
        if package == "tests.servers" and name not in _NO_SERVERS:
            return True
    return False


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    """One running nginx with the RTMP module."""
    with Nginx(tmp_path / "nginx") as server:
        yield server


@pytest.fixture
def start_nginx(tmp_path: Path) -> Iterator[Callable[..., Nginx]]:
    """Makes and starts as many as asked for: `start_nginx(port=..., max_message="1M", ...)`."""
    with ExitStack() as stack:
        count = 0

        def start(**settings: Any) -> Nginx:
            nonlocal count
            count += 1
            return stack.enter_context(Nginx(tmp_path / f"nginx{count}", **settings))

        yield start


@pytest.fixture
def node_media_server(tmp_path: Path) -> Iterator[NodeMediaServer]:
    """One running node-media-server."""
    with NodeMediaServer(tmp_path / "nms") as server:
        yield server


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    """FFmpeg as an RTMP server for one publisher."""
    with Listener(tmp_path / "listener") as server:
        yield server


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A certificate authority that clients trust by its `ca_file`."""
    return Authority(tmp_path / "authority")


@pytest.fixture
def certificate(authority: Authority) -> Certificate:
    """A right certificate for localhost, 127.0.0.1 and ::1."""
    return authority.issue()


@pytest.fixture(autouse=True)
def usual_scheduling() -> Iterator[None]:
    """Whatever a test has encoded by itself: real-time threads would let nothing else of the machine go on."""
    yield
    if scheduling.now() != _SCHEDULING:
        scheduling.restore(_SCHEDULING)


@pytest.fixture(scope="session", autouse=True)
def own_runtime_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs of these tests have their sockets where no other run on this machine looks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        yield
