"""What Home Assistant is told of: a device for each camera, with what each of its outputs shows and takes. Pure.

By its rules for single components, which every version since 2021 knows:
`<discovery prefix>/<component>/<node>/<object>/config`, retained; an empty one takes it back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from camcast.camera.stats import Stats
from camcast.session.metrics import SessionMetrics
from camcast_mqtt.topics import OFF, OFFLINE, ON, ONLINE, Topics, plain


@attrs.frozen
class Discovery:
    """Under one discovery prefix."""

    prefix: str
    topics: Topics
    version: str
    commands: bool = True

    @property
    def birth(self) -> str:
        """Where Home Assistant says that it has begun anew and knows nothing."""
        return f"{self.prefix}/status"

    @property
    def everything(self) -> str:
        """What all topics of ours look like."""
        return f"{self.prefix}/+/{self._node}/+/config"

    @property
    def _node(self) -> str:
        return self.topics.prefix.replace("/", "_")

    def configs(self, stats: Stats, names: Mapping[int, str]) -> Iterator[tuple[str, str]]:
        """Each topic with its text. `names` of cameras by their ids."""
        for one in stats.sessions:
            for component, word, more in self._output(one):
                yield self._config(component, f"{_place(one)}_{word}", one.key.camera_id, names, more)
        for stream in stats.streams:
            more = {
                "name": f"{_stream(stream.label)} source",
                "device_class": "problem",
                "state_topic": self.topics.camera(stream.camera_id, stream.stream_id, "state"),
                "value_template": "{{ value_json.problem }}",
                **_ON_OFF,
            }
            place = f"{stream.camera_id}_{stream.stream_id}_source"
            yield self._config("binary_sensor", place, stream.camera_id, names, more)

    def _output(self, one: SessionMetrics) -> Iterator[tuple[str, str, dict[str, Any]]]:
        name, state = _stream(one.label), self.topics.output(one.key, "state")
        shown = {"state_topic": state, "value_template": "{{ value_json.%s }}"}

        def reads(field: str) -> dict[str, Any]:
            return {**shown, "value_template": shown["value_template"] % field}

        yield (
            "binary_sensor",
            "on_air",
            {"name": f"{name} on the air", "device_class": "connectivity", **reads("on_air"), **_ON_OFF},
        )
        yield (
            "binary_sensor",
            "problem",
            {
                "name": f"{name} problem",
                "device_class": "problem",
                **reads("problem"),
                "json_attributes_topic": state,
                **_ON_OFF,
            },
        )
        yield (
            "sensor",
            "bitrate",
            {
                "name": f"{name} bitrate",
                "device_class": "data_rate",
                "state_class": "measurement",
                "unit_of_measurement": "kbit/s",
                **reads("bitrate"),
            },
        )
        if self.commands:
            command = self.topics.output(one.key, "set")
            yield (
                "switch",
                "wanted",
                {"name": name, "icon": "mdi:broadcast", "command_topic": command, **reads("wanted"), **_ON_OFF},
            )
            yield (
                "button",
                "retry",
                {"name": f"{name} retry", "icon": "mdi:refresh", "command_topic": self.topics.output(one.key, "retry")},
            )

    def _config(
        self, component: str, place: str, camera: int, names: Mapping[int, str], more: Mapping[str, Any]
    ) -> tuple[str, str]:
        node = self._node
        text = {
            **more,
            "unique_id": f"{node}_{place}",
            "availability_topic": self.topics.status,
            "payload_available": ONLINE,
            "payload_not_available": OFFLINE,
            "device": {
                "identifiers": [f"{node}_camera_{camera}"],
                "name": names.get(camera) or f"camera {camera}",
                "manufacturer": "camcast",
                "model": "camera",
                "sw_version": self.version,
            },
            "origin": {"name": "camcast", "sw_version": self.version},
        }
        return f"{self.prefix}/{component}/{node}/{place}/config", json.dumps(text)


_ON_OFF = {"payload_on": ON, "payload_off": OFF}


def _place(one: SessionMetrics) -> str:
    return f"{one.key.camera_id}_{one.key.stream_id}_{plain(one.key.output)}"


def _stream(label: str) -> str:
    """ "main", "main/cloud" of "cam0_main/cloud": the device says which camera it is."""
    return label.partition("_")[2] or label
