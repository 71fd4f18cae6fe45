"""The core, each kit and each plugin as a wheel of its own, made from the tree as it stands.

They are published together; apart they show that the core needs no plugin, and no plugin another.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tomllib
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from tests import imports

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FOLDERS = [ROOT / "core", *(path for path in sorted((ROOT / "plugins").iterdir()) if path.is_dir())]
PLUGINS: Mapping[str, str] = PROJECT["entry-points"]["camcast"]
"""Entry point → package."""


@attrs.frozen
class Distribution:
    """One wheel to be. `needs`: packages of ours that it imports, besides the core."""

    package: str
    folder: Path
    entry_point: str = ""
    needs: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.package.replace("_", "-")

    def wheel(self, into: Path) -> Path:
        """Build it."""
        version = PROJECT["version"]
        info = f"{self.package}-{version}.dist-info"
        files = {
            f"{self.package}/{path.relative_to(self.folder)}": path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }
        files[f"{info}/METADATA"] = self._metadata(version).encode()
        files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: camcast\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        files[f"{info}/entry_points.txt"] = self._entry_points().encode()
        record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in files.items())
        files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
        path = into / f"{self.package}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for name, data in files.items():
                wheel.writestr(name, data)
        return path

    def _metadata(self, version: str) -> str:
        needs = [need.replace("_", "-") for need in sorted(self.needs)]
        needs += ["camcast"] if self.package != "camcast" else PROJECT["dependencies"]
        return "\n".join(
            [
                "Metadata-Version: 2.1",
                f"Name: {self.name}",
                f"Version: {version}",
                *(f"Requires-Dist: {n}" for n in needs),
            ]
        )

    def _entry_points(self) -> str:
        if self.package == "camcast":
            return f"[console_scripts]\ncamcast = {PROJECT['scripts']['camcast']}\n"
        return f"[camcast]\n{self.entry_point} = {self.package}\n" if self.entry_point else ""


def _digest(data: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def distributions() -> dict[str, Distribution]:
    """All, by package."""
    graph = imports.graph(imports.modules(FOLDERS))
    entry_points = {package: name for name, package in PLUGINS.items()}
    found = {}
    for folder in FOLDERS:
        for package in sorted(path.parent for path in folder.glob("camcast*/__init__.py")):
            name = package.name
            needs = {
                target.partition(".")[0]
                for module, targets in graph.items()
                if module.partition(".")[0] == name
                for target in targets
            }
            found[name] = Distribution(name, package, entry_points.get(name, ""), frozenset(needs - {name, "camcast"}))
    return found


@attrs.frozen
class Installation:
    """Where each distribution is installed by itself, and an interpreter that has none of them."""

    python: Path
    folders: Mapping[str, Path]
    libraries: tuple[str, ...]
    """Where third parties' packages are; a `camcast` that is installed there is hidden by ours."""

    def path(self, packages: Iterable[str]) -> str:
        """PYTHONPATH for an interpreter in which these are installed."""
        return ":".join([*(str(self.folders[package]) for package in ("camcast", *packages)), *self.libraries])


def install(work: Path) -> Installation:
    """Build all, unpack each into a folder of its own (which is all that installing a pure wheel does)."""
    folders = {}
    wheels = work / "wheels"
    wheels.mkdir(parents=True)
    for package, distribution in distributions().items():
        folders[package] = work / "site" / package
        with zipfile.ZipFile(distribution.wheel(wheels)) as wheel:
            wheel.extractall(folders[package])
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(work / "venv")], check=True, timeout=60)
    libraries = tuple(path for path in sys.path if path.endswith(("site-packages", "dist-packages")))
    return Installation(work / "venv" / "bin" / "python", folders, libraries)
