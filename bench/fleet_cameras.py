"""1,000 running cameras on four members, of which one is killed: `make bench-fleet`.

Each camera is a small file that is played in a loop (160x90, 2 pictures/s) and published over RTMP to one receiver,
which judges. A real nats-server, members as processes, all of it on one machine: its other work is in what is measured,
so its load is written beside.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs
from tests.fleet.site import Host, Plan, Site
from tests.media import encode
from tests.servers.nats import NatsServer

RESULT = Path(__file__).parent / "results" / "fleet-cameras.md"
CAMERAS, MEMBERS, LEASE = 1000, 4, 10.0
WITHIN = 240.0
"""Seconds for all cameras to be on the air."""
STEADY = 20.0
"""Seconds over which processor time is taken."""
LOOK = 0.5
Publications = Mapping[str, Sequence[tuple[int, int]]]


class Here:
    """In place of a net: all is on this machine."""

    here = "127.0.0.1"

    def prefix(self, host: int) -> Sequence[str]:
        """Nothing is put in front of a command."""
        return ()


@attrs.frozen
class Use:
    """Of a process: processor seconds so far, and MiB of memory that no other has."""

    cpu: float
    memory: float


def use(pid: int) -> Use:
    """By /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    pss = next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    return Use(ticks / os.sysconf("SC_CLK_TCK"), pss / 1024)


def publications(site: Site) -> Publications:
    """From the first to the last picture of each, by name."""
    found: dict[str, list[tuple[int, int]]] = {}
    for one in list(site.air.receiver.recordings):
        if len(arrivals := one.arrivals):
            found.setdefault(one.name, []).append((arrivals[0], arrivals[-1]))
    return {name: sorted(ones) for name, ones in found.items()}


def until_begun(site: Site, names: Sequence[str], since: int) -> Publications:
    """Wait until each name has a publication that began after `since`."""
    deadline = time.monotonic() + WITHIN
    while True:
        found = publications(site)
        missing = [name for name in names if name not in found or found[name][-1][0] <= since]
        if not missing:
            return found
        if time.monotonic() > deadline:
            sys.exit(f"{len(missing)} of {len(names)} cameras not on the air within {WITHIN:g} s\n{site.logs()}")
        time.sleep(LOOK)


def until_claimed(site: Site, names: Sequence[str], victim: Host) -> int:
    """Wait until all of these are another's, as the store tells; `monotonic_ns` of that."""
    numbers = [site.names.index(name) for name in names]

    def is_anothers(number: int) -> bool:
        record = site.looking.claims.record(number)
        return record is not None and record.holder is not None and record.holder.name != victim.name

    deadline = time.monotonic() + WITHIN
    while not all(map(is_anothers, numbers)):
        if time.monotonic() > deadline:
            sys.exit(f"not all are claimed within {WITHIN:g} s\n{site.logs()}")
        time.sleep(LOOK / 5)
    return time.monotonic_ns()


def running(host: Host) -> int:
    """The process of a member that runs."""
    assert host.process is not None
    return host.process.pid


@contextlib.contextmanager
def fleet(folder: Path) -> Iterator[tuple[Site, NatsServer]]:
    """Members that have begun, and what is desired."""
    clip = folder / "clip.mp4"
    encode(clip, size=(160, 90), fps=2, seconds=10, bitrate=20_000, gop=1, audio=None)
    stream = {"source": {"type": "file", "url": str(clip), "options": {"loop": True}}}
    plan = Plan(members=MEMBERS, options=("--capacity", "500"), cameras=CAMERAS, lease=LEASE, stream=stream)
    with NatsServer(folder) as store:
        site = Site(folder, Here(), store.url, plan)  # type: ignore[arg-type]
        site.air.start()
        try:
            site.apply()
            for host in site.hosts:
                host.start()
            yield site, store
        finally:
            for host in site.hosts:
                host.kill()
            site.air.stop()


def measured(folder: Path) -> list[tuple[str, str]]:
    """What there is to tell, a line each."""
    with fleet(folder) as (site, store):
        began = time.monotonic_ns()
        first = until_begun(site, site.names, began)
        whole = (max(ones[0][0] for ones in first.values()) - began) / 1e9
        pids = {host.name: running(host) for host in site.hosts}
        before = {name: use(pid) for name, pid in pids.items()}
        time.sleep(STEADY)
        after = {name: use(pid) for name, pid in pids.items()}
        load = os.getloadavg()
        victim = site.hosts[0]
        lost = site.on(victim)
        stay = sorted(set(site.names) - set(lost))
        counts = {name: len(ones) for name, ones in publications(site).items()}
        sign = site.looking.roster.last_sign(victim.name) or 0.0
        victim.kill()
        dead = time.monotonic_ns()
        others = [pid for name, pid in pids.items() if name != victim.name]
        spent = {pid: use(pid).cpu for pid in others}
        claimed = until_claimed(site, lost, victim)
        found = until_begun(site, lost, dead)
        took = sum(use(pid).cpu - spent[pid] for pid in others)
        gone = sorted((next(begin for begin, _ in found[name] if begin > dead) - dead) / 1e9 for name in lost)
        moved = sum(len(found[name]) != counts[name] for name in stay)
        overlaps = site.air.doubled(itself=True)
        assert store.process is not None
        memory = use(store.process.pid).memory
    cpu = [100 * (after[name].cpu - before[name].cpu) / STEADY for name in pids]
    return [
        ("cameras, members, lease", f"{CAMERAS:,}, {MEMBERS}, {LEASE:g} s"),
        ("from the members' beginning until all are on the air", f"{whole:.1f} s, of which a lease is waited"),
        ("a member, steady: processor of one core", f"{min(cpu):.0f} to {max(cpu):.0f} %"),
        ("a member, steady: memory (PSS)", f"{max(one.memory for one in after.values()):.0f} MiB at most"),
        ("nats-server: memory (PSS)", f"{memory:.0f} MiB"),
        ("one is killed: cameras that it had", f"{len(lost)}, last renewed {dead / 1e9 - sign:.1f} s before"),
        ("back on others after", f"{gone[0]:.1f} s the first, {gone[len(gone) // 2]:.1f} s half, {gone[-1]:.1f} s all"),
        ("their claims were all written after", f"{(claimed - dead) / 1e9:.1f} s"),
        ("processor that the three others took for it, from the kill to the last", f"{took:.1f} s"),
        ("cameras of others that began anew", f"{moved} of {len(stay)}"),
        ("names that two published at a time", f"{len(overlaps)}"),
        ("load of the machine, 1 and 5 minutes, its processors", f"{load[0]:.1f}, {load[1]:.1f}; {os.cpu_count()}"),
    ]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="camcast-bench-fleet-") as name:
        lines = measured(Path(name))
    table = "\n".join(f"| {what} | {value} |" for what, value in lines)
    print(table)
    assert __doc__ is not None
    about = __doc__.partition("\n\n")[2].strip()
    where = f"Python {platform.python_version()}, {platform.machine()}"
    RESULT.write_text(f"# A fleet's cameras\n\n`make bench-fleet`; {where}. {about}\n\n| | |\n|---|---|\n{table}\n")


if __name__ == "__main__":
    main()
