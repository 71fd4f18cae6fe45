"""Tells an HTTP server when something is wrong and when it is well again. See `service.py`."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import ServiceKind
from camcast_webhook.options import WebhookOptions, check
from camcast_webhook.service import Webhook


@hookimpl
def camcast_services() -> Sequence[ServiceKind]:
    return [
        ServiceKind(
            name="webhook",
            title="Alerts to an HTTP server or a chat",
            build=Webhook,
            options=WebhookOptions,
            check=check,
        )
    ]
