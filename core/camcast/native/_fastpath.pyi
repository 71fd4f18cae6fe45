"""Types for what is built from the C files here; for its classes see `states.py`."""

from collections.abc import Callable
from typing import Any

FORM: int
wire: object
packets: object

def setup(
    *,
    live: object,
    monotonic: Callable[[], float],
    perf_counter: Callable[[], float],
    group_bytes: int,
    group_packets: int,
    slice: float,
    slow_send: float,
    last: int,
) -> None: ...
def packets_are(type: type) -> None: ...
def parsers_are(
    *,
    in_python: Callable[..., Any],
    starved: int,
    most: int,
    reference: int,
    picture: int,
    drop: int,
    bad: int,
    sei: int,
) -> None: ...
def kinds(video: object, audio: object) -> None: ...
def __getattr__(name: str) -> Any: ...
