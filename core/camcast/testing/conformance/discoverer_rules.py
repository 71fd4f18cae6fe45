"""The rules of a discoverer: what it finds has a form, it ends in time, and it leaves nothing behind.

Networks at hand are left alone: only the address that the kit is given is asked.
"""

from __future__ import annotations

import asyncio
import logging
import time

import attrs

from camcast.discovery import DiscovererKind, DiscoveryContext, FoundCamera
from camcast.errors import CamcastError, ConfigError
from camcast.host import PluginHost
from camcast.session.resolver import NameResolver
from camcast.testing.conformance import base
from camcast.testing.conformance.rule import Rules, broken, expect
from camcast.testing.conformance.watch import Before

SECONDS = 1.0
"""That answers are waited for."""
PATIENCE = 5.0
"""Seconds more, for what is under way then."""
NOBODY = "192.0.2.254"
"""An address at which nobody is (RFC 5737)."""


@attrs.frozen(eq=False)
class DiscovererBench:
    """One kind under test. `address`: of a camera that answers it; "" = there is none at hand."""

    host: PluginHost
    kind: DiscovererKind
    address: str

    def context(self) -> DiscoveryContext:
        return DiscoveryContext(
            addresses=(self.address or NOBODY,),
            everybody=False,
            seconds=SECONDS,
            timeout=SECONDS,
            resolver=NameResolver(),
            log=logging.getLogger("camcast.conformance"),
        )

    async def look(self) -> list[FoundCamera]:
        return list(await self.kind.build(self.context()).look())


RULES: Rules[DiscovererBench] = Rules()


@RULES.add
def lists_without_loading(bench: DiscovererBench) -> None:
    """Listing the kind imports nothing heavy."""
    base.lists_without_loading(bench.host, bench.kind)


@RULES.add
def names_a_source(bench: DiscovererBench) -> None:
    """Its `source` is a kind of source, which takes a user and a password as its `credentials` say."""
    try:
        source = bench.host.source(bench.kind.source)
        options = dict(bench.kind.credentials("env:USER", "env:PASSWORD"))
        bench.host.structure_options(source, options, "options")
    except LookupError:
        broken(f'there is no source "{bench.kind.source}": `source` names the kind that reads what is found')
    except ConfigError as error:
        broken(f"{bench.kind.source} does not take what `credentials` gives: {error}")


@RULES.add
def refuses_urls_that_name_nothing(bench: DiscovererBench) -> None:
    """Of a URL in one of its `schemes` that names no camera it says so, by `ValueError`."""
    for scheme in bench.kind.schemes:
        for rest in ("", "?", "/", "\x00"):
            try:
                bench.kind.present(f"{scheme}://{rest}")
            except ValueError as error:
                expect(str(error), f"of {scheme}://{rest!r} it says nothing: say what was expected")
            else:
                broken(f"{scheme}://{rest!r} is taken for a camera")


@RULES.add
async def looks_in_time(bench: DiscovererBench) -> None:
    """`look` ends within the context's time and a little, with cameras, each once."""
    bench.kind.load()
    began = time.monotonic()
    try:
        async with asyncio.timeout(SECONDS + PATIENCE):
            found = await bench.look()
    except TimeoutError:
        broken(f"`look` had not ended {PATIENCE:g} s after its time: give every await a deadline")
    for camera in found:
        expect(isinstance(camera, FoundCamera), f"it found a {type(camera).__name__}, not a FoundCamera")
        expect(camera.host and camera.service, "a camera without its address: `host` and `service`")
        expect(not camera.streams, "`look` tells streams already: those are for `ask`")
    hosts = [camera.host for camera in found]
    expect(len(hosts) == len(set(hosts)), "one camera is found twice")
    expect(not bench.address or hosts, f"the camera at {bench.address} was not found")
    expect(time.monotonic() - began <= SECONDS + PATIENCE, "`look` took too long")


@RULES.add
async def tells_of_a_camera(bench: DiscovererBench) -> None:
    """`ask` tells the streams of a camera, or says by a `CamcastError` what keeps it from that."""
    if not bench.address:
        return
    bench.kind.load()
    (camera,) = await bench.look()
    try:
        told = await bench.kind.build(bench.context()).ask(camera, None)
    except CamcastError as error:
        expect(str(error), "it fails without a word")
        return
    expect(told.streams, "no stream is told and no error raised")
    names = [stream.name for stream in told.streams]
    expect(len(names) == len(set(names)), "two streams have one name")
    source = bench.host.source(bench.kind.source)
    for stream in told.streams:
        expect("@" not in stream.address, "an address holds a user or a password")
        source.place(stream.address)


@RULES.add
async def ends_when_cancelled(bench: DiscovererBench) -> None:
    """Cancelled, `look` ends within 2 s."""
    bench.kind.load()
    task = asyncio.create_task(bench.look())
    await asyncio.sleep(SECONDS / 4)
    task.cancel()
    _, left = await asyncio.wait({task}, timeout=2.0)
    expect(not left, "it had not ended 2 s after it was cancelled")


@RULES.add
async def leaves_nothing_behind(bench: DiscovererBench) -> None:
    """Afterwards there are no more threads and descriptors than before."""
    bench.kind.load()
    await bench.look()
    before = Before()
    await bench.look()
    left = await before.left()
    expect(not left, f"it left {left}")
