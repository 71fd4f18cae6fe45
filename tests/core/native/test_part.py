"""A plugin's part in C and the core's belong together: one that was built for another is not used, and says why."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hatch_build import EXTENSIONS, ROOT

pytestmark = pytest.mark.native


def takes_tables(folder: str) -> bool:
    """Whether what is built of it uses something of the core's."""
    return any("table_of_core(" in path.read_text() for path in (ROOT / folder).glob("*.c"))


PARTS = sorted(
    place.partition("camcast_")[2].replace("/", ".")
    for place, folder in EXTENSIONS.items()
    if place.startswith("plugins/") and takes_tables(folder)
)

CODE = """
import ctypes, importlib, sys
from camcast.native import _fastpath
name, of_core = sys.argv[1:]
capsule = ctypes.pythonapi.PyCapsule_New
capsule.restype, capsule.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
named, table = f"camcast.native._fastpath.{of_core}".encode(), ctypes.c_uint32(999)
setattr(_fastpath, of_core, capsule(ctypes.addressof(table), named, None))
try:
    importlib.import_module(name)
except ImportError as error:
    print(error)
package = importlib.import_module(name.rpartition(".")[0])
print(package.extension)
"""


def test_there_are_parts() -> None:
    assert len(PARTS) >= 4, PARTS


@pytest.mark.parametrize("part", PARTS)
def test_one_for_another_core_is_not_used(part: str) -> None:
    of_core, version = ("wire", 2) if part.startswith("rtmp") else ("packets", 1)
    ran = subprocess.run(
        [sys.executable, "-c", CODE, f"camcast_{part}", of_core],
        env={**os.environ, "CAMCAST_NATIVE": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    said, extension = ran.stdout.splitlines()
    assert f"camcast.native._fastpath.{of_core} is of version 999, expected {version}: build this anew" in said
    assert extension == "None"
