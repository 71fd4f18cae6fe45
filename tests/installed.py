"""A plugin as a distribution of its own, for processes that find it by their search path."""

from __future__ import annotations

from pathlib import Path


def installed(folder: Path, name: str, text: str) -> Path:
    """`text` as the module of plugin `name`; returns the folder, for PYTHONPATH."""
    module = f"{name}_plugin"
    (folder / f"{module}.py").write_text(text)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[camcast]\n{name} = {module}\n")
    return folder
