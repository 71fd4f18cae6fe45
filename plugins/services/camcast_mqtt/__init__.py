"""Keeps an MQTT broker up to date, and Home Assistant with it. See `service.py`."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import ServiceKind
from camcast_mqtt.options import MqttOptions, available, check
from camcast_mqtt.service import Mqtt


@hookimpl
def camcast_services() -> Sequence[ServiceKind]:
    return [
        ServiceKind(
            name="mqtt",
            title="MQTT, with Home Assistant's discovery",
            build=Mqtt,
            options=MqttOptions,
            available=available,
            check=check,
        )
    ]
