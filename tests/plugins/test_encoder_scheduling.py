"""No encoder makes real-time threads of ours, nor of the programs that we begin."""

from __future__ import annotations

import os
import threading

import pytest

from camcast.contracts import EncoderSettings
from camcast.host import PluginHost
from camcast.pyav import scheduling

SETTINGS = EncoderSettings(width=320, height=240, frame_rate=25, bitrate=300_000, gop=1.0)


@pytest.mark.parametrize("name", ["libx264", "libx265", "libsvtav1", "libvpx-vp9"])
def test_opening_one_leaves_every_thread_as_it_is(name: str) -> None:
    """As root it would be seen, for SVT-AV1 takes what it may have."""
    policies: set[int] = set()

    def work() -> None:
        encoder = PluginHost().encoders[name].open(SETTINGS)
        policies.update(os.sched_getscheduler(int(one)) for one in os.listdir("/proc/self/task"))
        encoder.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert policies == {os.SCHED_OTHER}


def test_a_thread_that_was_raised_within_is_what_it_was_before() -> None:
    begun: list[int] = []
    stop = threading.Event()

    def raised() -> None:
        with scheduling.kept():
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
            other = threading.Thread(target=stop.wait)
            other.start()
            begun.append(other.native_id or 0)
        begun.append(os.sched_getscheduler(0))
        begun.append(os.sched_getscheduler(begun[0]))

    thread = threading.Thread(target=raised)
    thread.start()
    thread.join()
    stop.set()
    assert begun[1:] == [os.SCHED_OTHER, os.SCHED_OTHER]
