"""What must be true of several tracks in one connection."""

from __future__ import annotations

from collections.abc import Callable, Collection

from camcast.config.place import Place
from camcast.config.session import SessionConfig
from camcast.flv.multitrack import MAX_TRACKS


def check_tracks(session: SessionConfig, streams: Collection[str], place_of: Callable[[str], Place]) -> None:
    """Tell what is wrong with `tracks` and `sound_tracks`: `streams` are the names of its camera's; `place_of` finds
    the place of a key."""
    for key, names in (("tracks", session.tracks), ("sound_tracks", session.sound_tracks)):
        if not names:
            continue
        place = place_of(key)
        for index, name in enumerate(names):
            fault = _fault(name, index, names, session.stream_name, streams)
            if fault:
                place.item(index).wrong(f'"{name}" {fault}')
        if len(names) > MAX_TRACKS:
            place.wrong(f"{len(names)} tracks are too many for one connection; give {MAX_TRACKS} at the most")
        if len(names) > 1 and session.standby == "hot":
            place.wrong(
                'with "standby": "hot" the second place would get the first track only; say "warm" there, or leave out '
                f"{key}"
            )
        if len(names) > 1 and session.adapt.chooses:
            place.wrong(
                f"with adapt.down_to or adapt.then another picture takes the first one's place; leave out {key}"
            )


def _fault(name: str, index: int, names: Collection[str], own: str, streams: Collection[str]) -> str:
    """What is wrong with one name; "" = nothing."""
    if name not in streams:
        known = ", ".join(f'"{one}"' for one in streams)
        return f"is no stream of this camera; its streams are {known}"
    if index == 0 and name != own:
        return f'cannot be the first: that is the output\'s own stream, "{own}"'
    if list(names).index(name) != index:
        return "is there twice"
    return ""
