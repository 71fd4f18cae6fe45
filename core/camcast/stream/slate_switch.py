"""Switches a stream to a still picture while its source is gone, and back at the source's next keyframe."""

from __future__ import annotations

from typing import Protocol

from camcast.config import EncoderConfig, SlateConfig
from camcast.contracts import Handover
from camcast.encode.slate import Slate
from camcast.errors import CamcastError
from camcast.host import PluginHost
from camcast.media import MediaKind, Packet
from camcast.native.states import SlateState
from camcast.stream.present import Present
from camcast.stream.pulse import Pulse


class SlateOwner(Protocol):
    """The stream that the still picture stands in for: its feed."""

    label: str
    """The stream's."""

    @property
    def published(self) -> bool:
        """Whether anybody publishes it."""

    def stand_in(self, packet: Packet) -> None:
        """Take a packet of the still picture instead of the source's."""

    def discontinuity(self) -> None:
        """The next packet's timestamps do not continue the last one's."""

    def request_keyframe(self) -> bool:
        """Ask the source for one."""

    def dropped(self, kind: MediaKind, reason: str, count: int = 1) -> None:
        """Count what is not passed on."""

    def note(self, code: str, text: str) -> None:
        """Tell the operator."""


class SlateSwitch(SlateState):
    """Of one stream. All calls on the loop."""

    def __init__(
        self,
        host: PluginHost,
        handover: Handover,
        encoder: EncoderConfig,
        present: Present,
        pulse: Pulse,
        owner: SlateOwner,
    ) -> None:
        self.on_air = False
        self._host = host
        self._handover = handover
        self._encoder = encoder
        self._present = present
        self._pulse = pulse
        self._owner = owner
        self._slate: Slate | None = None
        self._keyframe_asked = False
        self._failed_at = -1.0
        """Time of the source's newest media when the picture could not be made: not again before it has been back."""

    def show(self, config: SlateConfig, name: str) -> None:
        """Show a still picture from now until the source's next keyframe. Needs a picture to have been seen."""
        group, sound = self._present.group.packets, self._present.sound
        if self.on_air or not group or not self._owner.published or self._failed_at == self._pulse.source:
            return
        self._owner.discontinuity()
        self._keyframe_asked = False
        self.on_air = True
        self._slate = Slate(
            config,
            group[-1].track,
            sound.track if sound is not None else None,
            group,
            self._host,
            self._handover,
            self._encoder,
            name=name or self._owner.label,
            label=self._owner.label,
            on_packet=self._packet,
            on_error=self._failed,
        )
        self._slate.start()
        self._owner.note("slate_on", "the source is gone: a still picture is on the air")

    def adopt(self, encoder: EncoderConfig) -> None:
        """The next picture is encoded by this."""
        self._encoder = encoder

    def end(self) -> None:
        """Take it off the air."""
        if self._slate is not None:
            self._slate.stop()
            self._slate = None
            self.on_air = False
            self._owner.discontinuity()
            self._owner.note("slate_off", "the still picture is off the air")

    def yields(self, packet: Packet) -> bool:
        """Whether it makes way for the source's `packet`: only at a keyframe of the picture."""
        if packet.track.kind is MediaKind.VIDEO and packet.keyframe:
            self.end()
            return True
        if not self._keyframe_asked:
            self._keyframe_asked = True
            self._owner.request_keyframe()
        self._owner.dropped(packet.track.kind, "slate on the air")
        return False

    def _packet(self, packet: Packet) -> None:
        if self.on_air:
            self._owner.stand_in(packet)

    def _failed(self, error: CamcastError) -> None:
        if self.on_air:
            self._failed_at = self._pulse.source
            self._owner.note("slate_failed", str(error))
            self.end()
