"""When the last stage of Python's collector comes, with what is there for good and without."""

from __future__ import annotations

import subprocess
import sys

COUNT = """
import gc
from collections import deque
from camcast import garbage
from camcast.host import PluginHost

class Circle:
    def __init__(self):
        self.me = self

def last_stages():
    return gc.get_stats()[2]["collections"]

host = PluginHost()
gc.collect()
objects = len(gc.get_objects())
{first}
begun, made, kept = last_stages(), 0, deque(maxlen=100)
while last_stages() == begun:
    kept.append(Circle())
    made += 1
print(made / objects)
"""
"""Objects that live for a while before they are garbage, as those of an attempt do, for each that is there for good."""


def made(first: str) -> float:
    done = subprocess.run([sys.executable, "-c", COUNT.format(first=first)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def test_it_comes_sooner_without_what_is_there_for_good() -> None:
    assert 3 * made("garbage.leave_out()") < made("pass")


def test_what_becomes_garbage_afterwards_is_found() -> None:
    found = COUNT.partition("begun, made")[0].format(first="garbage.leave_out()")
    found += "import weakref\none = Circle()\nsight = weakref.ref(one)\ndel one\ngc.collect()\nprint(sight() is None)"
    done = subprocess.run([sys.executable, "-c", found], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
