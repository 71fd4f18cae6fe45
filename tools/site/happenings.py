"""All events: what they say and hold, from their classes."""

from __future__ import annotations

import inspect
from typing import Any

import attrs
from tools.site.tables import code, table

from camcast import events
from camcast.config.about import about_fields
from camcast.events import Event


def page() -> str:
    """The page."""
    lines = [
        "# Events",
        "",
        (
            "What the engine tells: one line each in the log, through `engine.events()`, the hook "
            '`camcast_session_event`, `camcast events`, the HTTP API and MQTT. Each has its `label` ("cam0_main") and '
            "the `time` (seconds since 1970), and events of sessions their `key` (camera, stream, output)."
        ),
    ]
    kinds: list[Any] = [
        one
        for one in vars(events).values()
        if inspect.isclass(one) and issubclass(one, Event) and one not in (Event, events.SessionEvent)
    ]
    for kind in kinds:
        own = [field for field in attrs.fields(kind) if field.name not in ("label", "time", "key")]
        said = inspect.cleandoc(kind.__doc__ or "")
        # The signature that attrs writes is no text.
        lines += ["", f"## {kind.__name__}", ""] + ([said] if said and not said.startswith("Method generated") else [])
        about = about_fields(kind)
        lines += ["", f"Level: {kind.level}." if isinstance(kind.level, str) else "Level: by what it says.", ""]
        lines += table(
            ("field", "type", "what it is"),
            ((code(field.name), code(str(field.type)), about.get(field.name, "")) for field in own),
        )
    return "\n".join(lines) + "\n"
