"""Builds the C form of the fast path into the wheel, or beside its source for an editable install; it may be absent.

Without a compiler or Python's headers, or where building fails, the wheel is one of pure Python, and that is said.
`CAMCAST_NATIVE` in the environment: 0 builds nothing, 1 makes it an error where it cannot be built.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
EXTENSIONS = {
    "core/camcast/native/_fastpath": "core/camcast/native",
    "plugins/encoders/camcast_aac/native/_frames": "plugins/encoders/camcast_aac/native",
    "plugins/sources/camcast_file/native/_play": "plugins/sources/camcast_file/native",
    "plugins/sources/camcast_push/native/_push": "plugins/sources/camcast_push/native",
    "plugins/sources/camcast_rtsp/native/_run": "plugins/sources/camcast_rtsp/native",
    "plugins/transports/camcast_record/native/_batch": "plugins/transports/camcast_record/native",
    "plugins/transports/camcast_rtmp/native/_port": "plugins/transports/camcast_rtmp/native",
}
"""Each module, without its suffix, and the folder whose C files it is made of."""
INCLUDE = "core/camcast/native"
FLAGS = ("-std=gnu11", "-O2", "-g0", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unused-parameter",
         "-Wno-missing-field-initializers")  # fmt: skip
SANITIZED = ("-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")
"""More, for finding mistakes: see `make sanitized`."""


class CannotBuild(Exception):
    """Why there is no C form; for people."""


def places() -> list[str]:
    """The file of each extension in the tree, for the interpreter that runs this."""
    return [f"{place}{sysconfig.get_config_var('EXT_SUFFIX')}" for place in EXTENSIONS]


def _remove() -> None:
    """Have no extension in the tree for the interpreter that runs this."""
    for place in places():
        (ROOT / place).unlink(missing_ok=True)


def _in_wheel(place: str) -> str:
    """A wheel has what is below `core` and below each folder of plugins (`sources` in pyproject.toml)."""
    parts = Path(place).parts
    return "/".join(parts[1:] if parts[0] == "core" else parts[2:])


def compiled(into: Path, more: Sequence[str] = ()) -> dict[Path, str]:
    """Build every extension below `into`: the file of each, and where in the tree it belongs. Raises `CannotBuild`."""
    if sys.platform != "linux" or sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise CannotBuild("the C form is for CPython on Linux, with its lock")
    include = sysconfig.get_path("include")
    if not Path(include, "Python.h").exists():
        raise CannotBuild(f"there is no Python.h in {include}; on Debian and Ubuntu: apt-get install python3-dev")
    built = {}
    for place, folder in zip(places(), EXTENSIONS.values(), strict=True):
        file = into / place
        file.parent.mkdir(parents=True, exist_ok=True)
        sources = sorted(str(path.relative_to(ROOT)) for path in (ROOT / folder).glob("*.c"))
        _run(*_compiler(), *FLAGS, *more, f"-I{include}", f"-I{INCLUDE}", "-shared", *sources, "-o", str(file))
        built[file] = place
    return built


def _compiler() -> list[str]:
    """`CC` of the environment, what Python was built with, or `cc`: the first of them that is there."""
    for command in (os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc"):
        words = shlex.split(command or "")
        if words and shutil.which(words[0]) is not None:
            return words
    raise CannotBuild("there is no C compiler; on Debian and Ubuntu: apt-get install gcc")


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise CannotBuild(f"{shlex.join(command)} failed:\n{done.stderr}")


class NativeBuildHook(BuildHookInterface[Any]):
    """Of the wheel, editable ones included."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        wanted = os.environ.get("CAMCAST_NATIVE", "")
        if version == "editable":
            # What was built before must not be taken for what is built now, or is not.
            _remove()
        if wanted == "0":
            self._tell("left out, as CAMCAST_NATIVE is 0")
            return
        into = Path(self.directory) / ".native" if version != "editable" else ROOT
        try:
            built = compiled(into)
        except (CannotBuild, OSError, subprocess.SubprocessError) as error:
            if version == "editable":
                _remove()  # one of them may have been built
            if wanted == "1":
                raise RuntimeError(f"CAMCAST_NATIVE is 1, but the C form cannot be built: {error}") from error
            self._tell(f"not built, so camcast runs in pure Python: {error}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        if version != "editable":
            for file, place in built.items():
                build_data["force_include"][str(file)] = _in_wheel(place)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        shutil.rmtree(Path(self.directory) / ".native", ignore_errors=True)

    def _tell(self, text: str) -> None:
        self.app.display_warning(f"camcast's C form: {text}")
