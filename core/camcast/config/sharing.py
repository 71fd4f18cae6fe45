"""What outputs that adapt have in common with others: an encoder, the streams of their camera, a link.

Whether a shared encoder may follow the slowest is the user's word.
"""

from __future__ import annotations

from collections.abc import Collection

import attrs

from camcast.config.place import Place
from camcast.config.session import SessionConfig


@attrs.define
class Sharing:
    """The outputs of one stream that are on, as they are read."""

    _outputs: list[tuple[SessionConfig, Place]] = attrs.field(factory=list, init=False)

    def add(self, session: SessionConfig, place: Place) -> None:
        """One more; `place` is that of its `adapt`."""
        self._outputs.append((session, place))

    def check(self) -> None:
        """Tell each that would make the others worse without anybody having said so."""
        if len(self._outputs) < 2:
            return
        for session, place in self._outputs:
            if session.adapt.max and not session.adapt.together:
                others = ", ".join(f'"{other.output}"' for other, _ in self._outputs if other is not session)
                place.wrong(
                    f"the encoder is shared with {others}, whose picture would follow this output's link; "
                    'say "together": true if it may, or give this output a stream of its own'
                )


def check_others(session: SessionConfig, streams: Collection[str], place: Place) -> None:
    """Tell which streams it may send are none: `streams` are the names of its camera's; `place` is that of `adapt`.
    And that a second place, published over the same link, would be sent everything."""
    if session.adapt.chooses and session.standby == "hot":
        place.wrong(
            'with "standby": "hot" the second place would be sent all pictures, over the same link; '
            'say "warm" there, or leave out down_to and then here'
        )
    others = [name for name in streams if name != session.stream_name]
    for index, name in enumerate(session.adapt.down_to):
        if name not in others:
            known = ", ".join(f'"{other}"' for other in others) or "none"
            what = "is this output's own stream" if name == session.stream_name else "is no stream of this camera"
            place.at("down_to").item(index).wrong(f'"{name}" {what}; others are: {known}')
