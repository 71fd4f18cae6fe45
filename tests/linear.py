"""Whether something that reads a peer's words passes over them once: repetitive shapes, and twice as much of each."""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, AnyStr

import attrs

ROOT = Path(__file__).parents[1]
SIZE = 64 * 1024
SMALL = 0.1
"""Seconds of CPU below which growth says nothing: a quadratic reader takes seconds for `SIZE`, a straight one up to
0.05 with each line watched."""
GROWTH = 3.0
"""Twice as much takes twice as long; four times as long is quadratic."""
PLAIN, MOST = 2.5, 16
"""At this growth one look is enough; else it is looked at so many times: a busy machine does not make the same one of
the two slower each time."""
SHAPES = (
    "a", "a.", "a-", "a ", " ", "\t", ",", ", ", ";", "; ", "=", "a=", "a=,", "a=;", "a=&", "&", "?", "#", '"', '\\"',
    'a="', 'a="",', "\\", ":", "a:", "\n", "\r\n", " \n", "a\n", "a:b\n", "a=b\n", "$", "0", "9", "-", "/", "//", "://",
    "a/", "a://", "rtsp://", "http://", "rtmp://", "@", "a@", "%", "%25", "&amp;", "&#", "\\x", "[", "[[", "{", "{}",
    "(", "<", "<a>", ">", "<a>;a=", ";a=b", "|", "*", "/*", "/**", "*/", "//\n", "'", "1.", "1e", "1:", ".a", "_",
    "Digest ", "Basic ", "Digest a=", "authmod=", "reason=", "url=", "url=;", "RTSP/", "HTTP/1.1 ", "OPTIONS ",
    "a=rtpmap:96 H264/90000\n", "m=video 0 RTP/AVP 96\n", "a=fmtp:96 a=b;", "a=rtcp-fb:* nack pli\n",
    "a=candidate:1 1 udp 1 127.0.0.1 9 typ host\n", "AAAA,", "Z0IACvg=,", "\x1b[", "\x1f", "\0", "\xff", "\u00b2",
    "\u00fc",
)  # fmt: skip
BYTES = (
    b"\0", b"\xff", b"\x80", b"\x01", b"\0\0\1", b"\0\0\0\1", b"\0\0\3", b"\0\0\1\x67", b"\0\0\1\x06\x05\x01",
    b"\0\0\0\1\x41", b"\x78\0\0", b"\x78\0\1\x41", b"\x7c\x85", b"\x7c\x01", b"\x62\x01\x81", b"\x60\x01\0\1",
    b"\x80\xc8\0\0", b"\x81\xcb\0\1", b"\x10\1", b"\x12\0", b"\x0a\1\0", b"\x90\1\1", b"\x41\x9a\0", b"\x65\x88",
    b"\x40\1\x0c", b"\xff\xf1\x4c\x80\1\x1f\xfc", b"\xff\xfb\x90\0", b"\0\x10\0\x08", b"\0\0\0\0\1\xff\x10\x10",
    b"\x03", b"\x08\0\0\0\1", b"\x0a\0\0\0\1", b"\x03\0\1a", b"\0\1a\x05", b"\xc0", b"\xc3", b"\x03\0\0\0\0\0\1\x14",
    b"\x02\0\0", b"\x47\0\0\x10", b"\x16\x03\3\0\1", b"\x17\x03\3\0\0",
)  # fmt: skip


def texts(size: int = SIZE) -> Iterator[str]:
    for shape in SHAPES:
        yield shape * (size // len(shape.encode()))


def datas(size: int = SIZE) -> Iterator[bytes]:
    for shape in BYTES:
        yield shape * (size // len(shape))


def took(parse: Callable[[AnyStr], object], data: AnyStr, refusals: tuple[type[Exception], ...] = ()) -> float:
    """CPU seconds; refusals are answers, too. The collector is off: what it goes through is the whole process, which
    costs the more the more tests have run before."""
    collects = gc.isenabled()
    gc.disable()
    begun = time.thread_time()
    try:
        with contextlib.suppress(*refusals):
            parse(data)
        return time.thread_time() - begun
    finally:
        if collects:
            gc.enable()


def too_long(parse: Callable[[AnyStr], object], data: AnyStr, refusals: tuple[type[Exception], ...] = ()) -> str:
    """What is wrong with the time that `parse` takes for `data`, which is all of one shape; "" = nothing."""
    # A small piece first, so that what grows by the cube ends in this life.
    for size in (len(data) // 16, len(data)):
        if took(parse, data[:size], refusals) < SMALL:
            continue
        whole = half = float("inf")
        for _ in range(MOST):
            whole = min(whole, took(parse, data[:size], refusals))
            half = min(half, took(parse, data[: size // 2], refusals))
            if whole <= max(SMALL, PLAIN * half):
                break
        if whole > max(SMALL, GROWTH * half):
            return f"{data[:24]!r}…: {whole:.2f} s of CPU for {size}, {half:.2f} s for half of it"
    return ""


@attrs.frozen
class Use:
    """A regular expression, and the method by which it is used."""

    place: str
    pattern: re.Pattern[str] | re.Pattern[bytes]
    method: str

    def too_long(self, text: str) -> str:
        data: Any = text if isinstance(self.pattern.pattern, str) else text.encode("latin-1", "replace")
        pattern: Any = self.pattern
        if self.method in _AT_ONE_PLACE:
            return too_long(getattr(pattern, self.method), data)
        return too_long(lambda piece: sum(1 for _ in pattern.finditer(piece)), data)


_AT_ONE_PLACE = ("match", "fullmatch")
_ANYWHERE = "finditer"


def uses(folder: Path, package: str) -> Iterator[Use]:
    """Every regular expression in the modules of `package`: those that they hold, and those that stand in a call."""
    for path in sorted(folder.rglob("*.py")):
        name = ".".join([package, *path.relative_to(folder).with_suffix("").parts]).removesuffix(".__init__")
        if name.endswith("__main__"):
            continue
        module, tree = importlib.import_module(name), ast.parse(path.read_text())
        for attribute, value in vars(module).items():
            if isinstance(value, re.Pattern):
                for method in _methods(tree, attribute):
                    yield Use(f"{name}.{attribute}.{method}", value, method)
            elif isinstance(pattern := getattr(value, "__self__", None), re.Pattern):
                yield Use(f"{name}.{attribute}", pattern, value.__name__)
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and (method := _method_of(call.func, "re")) not in ("", "compile", "escape"):
                text = eval(compile(ast.Expression(call.args[0]), str(path), "eval"), vars(module))
                yield Use(f"{name}:{call.lineno}", re.compile(text), method)


def _methods(tree: ast.Module, name: str) -> set[str]:
    """By which methods a module uses a pattern; whoever does something else with it may look anywhere."""
    taken = {node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name}
    found = {method for node in ast.walk(tree) if (method := _method_of(node, name))}
    known = [node for node in ast.walk(tree) if _method_of(node, name)]
    used = [node for node in taken if isinstance(node.ctx, ast.Load)]
    return found if len(known) == len(used) and used else {*found, _ANYWHERE}


def _method_of(node: ast.AST, name: str) -> str:
    """The method in `name.method`; "" for anything else."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
        return node.attr
    return ""
