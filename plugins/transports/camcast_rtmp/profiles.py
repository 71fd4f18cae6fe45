"""Server profiles: what a target takes, from `profiles.toml` or, rarely, from the server's own answer.

Rules: hardly any server answers with Enhanced RTMP properties, so their absence tells nothing; where they are
there, they decide. `auto` is unknown for everything but H.264 and AAC unless the answer is distinctive.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase as fnmatch
from functools import cache
from importlib.resources import files
from typing import Any

import attrs

from camcast.kinds import Acceptance, Confidence, Platform, Take
from camcast.media import MediaKind
from camcast.target import Target
from camcast_rtmp.client import Connected
from camcast_rtmp.named import has, named

AUTO = "auto"
_FALLBACK = {MediaKind.VIDEO: "h264", MediaKind.AUDIO: "aac"}
_PICTURES = ("h264", "h265", "av1", "vp9")
_SOUNDS = ("aac", "opus", "g711a", "g711u", "mp3")
"""What RTMP has a form for."""
_FOURCCS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "videoFourCcInfoMap": {"h265": ("hvc1", "hev1"), "av1": ("av01",), "vp9": ("vp09",)},
    "audioFourCcInfoMap": {"opus": ("opus",)},
}
"""In small letters, by the map that has them."""
_CAPS_MULTITRACK = 2
"""A bit of `capsEx`."""


@attrs.frozen(kw_only=True)
class Profile:
    """One server of the data file."""

    title: str
    yes: Mapping[str, Sequence[str]]
    unknown: Mapping[str, Sequence[str]] = attrs.field(factory=dict)
    others: str = "no"
    tracks: str = "no"
    headers_again: bool = False
    answer: Mapping[str, str] = attrs.field(factory=dict)
    signature: str = ""
    start: str = ""


@cache
def profiles() -> Mapping[str, Profile]:
    data = tomllib.loads((files(__package__) / "profiles.toml").read_text(encoding="utf-8"))
    return {name: Profile(**fields) for name, fields in data.items()}


def names(target: Target) -> list[str]:
    """What its `server` may say: servers and platforms."""
    return [*profiles(), *(name for name in target.platforms if name not in profiles())]


def accepts(target: Target) -> Acceptance:
    """What the target's server takes; an unknown name is treated like `auto` (`check` refuses it)."""
    forms, platform = tuple(target.forms.items()), target.platform
    if _is_profile(target):
        return _known(target.server, forms)
    return _known(AUTO, forms) if platform is None else _of_platform(platform, forms)


@cache
def _choices() -> tuple[str, ...]:
    """What `server` may say of a server that nobody knows. Platforms are known by where they are."""
    return tuple(name for name in profiles() if name != AUTO)


def _is_profile(target: Target) -> bool:
    return target.server in profiles() and target.server != AUTO


def is_named(target: Target) -> bool:
    """Whether somebody has said what server it is: that stands, whatever the server says."""
    return _is_profile(target) or (target.platform is not None and target.server == target.platform.name)


@cache
def _known(server: str, forms: tuple[tuple[str, str], ...]) -> Acceptance:
    """Of a few servers and forms, for whatever number of attempts."""
    return _acceptance(profiles()[server], dict(forms))


def _of_platform(platform: Platform, forms: tuple[tuple[str, str], ...]) -> Acceptance:
    """What it is known to take; where its codecs are unknown, what any server is asked to."""
    base = _known(AUTO, forms)
    codecs = dict(base.codecs)
    for known, asked_for in ((platform.video_codecs, _PICTURES), (platform.audio_codecs, _SOUNDS)):
        if known is not None:
            codecs |= {codec: Take(Confidence.NO) for codec in asked_for}
            codecs |= {codec: Take(Confidence.YES, _form(codec)) for codec in known.value}
    whole = platform.video_codecs is not None and platform.audio_codecs is not None
    return attrs.evolve(
        base,
        codecs=codecs,
        others=Take(Confidence.NO) if whole else base.others,
        needs_audio=platform.needs_audio is not None and platform.needs_audio.value,
        another_picture=platform.another_picture is not None and platform.another_picture.value,
    )


def from_answer(target: Target, answer: Connected, shown: str = "") -> Acceptance | None:
    """What the server's answer to connect says about codecs and tracks, or None where it says nothing.

    `shown`: the profile that it turned out to have when it was published to before.
    """
    if is_named(target):
        return None
    told = {**answer.info, **answer.properties}
    found = _of_answer(target, answer, told, shown)
    if "capsEx" not in told:
        return found
    tracks = Confidence.YES if has(told["capsEx"], _CAPS_MULTITRACK) else Confidence.NO
    return attrs.evolve(found or accepts(target), tracks=tracks)


def shown_by(target: Target, answer: Connected, said: str) -> str:
    """The profile that a server shows by its words at Publish.Start, where its answer to connect suggests another; else
    ""."""
    if is_named(target) or not said:
        return ""
    name = next((name for name, one in profiles().items() if one.start == said and _fits(one, answer)), "")
    return name if name and recognised(answer) is not profiles()[name] else ""


def _fits(profile: Profile, answer: Connected) -> bool:
    return bool(profile.signature) and fnmatch(signature(answer), profile.signature)


def _of_answer(target: Target, answer: Connected, told: Mapping[str, Any], shown: str) -> Acceptance | None:
    if any(name in told for name in ("videoFourCcInfoMap", "audioFourCcInfoMap", "fourCcList")):
        return _from_properties(told, accepts(target))
    if target.platform is not None and target.platform.video_codecs is not None:
        return None
    before = profiles().get(shown)
    profile = before if before is not None and _fits(before, answer) else recognised(answer)
    return None if profile is None else _acceptance(profile, target.forms)


def recognised(answer: Connected) -> Profile | None:
    """The server that gives this answer and no other does. One that is known by all of it comes first."""
    found = signature(answer)
    for profile in profiles().values():
        known = any(_matches(answer, path, start) for path, start in profile.answer.items())
        if known or (profile.signature and profile.signature == found):
            return profile
    return next((one for one in profiles().values() if "*" in one.signature and fnmatch(found, one.signature)), None)


def signature(answer: Connected) -> str:
    """All that a server said and did until it had accepted the application, in one line that can be compared."""
    said = (f"{name}={_plain(value)}" for table in (answer.properties, answer.info) for name, value in table.items())
    return ", ".join((answer.manner, *sorted(said)))


def _plain(value: Any) -> str:
    """A value of AMF0 as signatures write it; objects count as being there."""
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else type(value).__name__


def _form(codec: str) -> str:
    """How it is written for those who take it."""
    auto = profiles()[AUTO]
    return next(iter(auto.yes.get(codec) or auto.unknown.get(codec) or ("enhanced",)))


def _acceptance(profile: Profile, wanted: Mapping[str, str]) -> Acceptance:
    codecs = {}
    for confidence, table in ((Confidence.UNKNOWN, profile.unknown), (Confidence.YES, profile.yes)):
        for codec, forms in table.items():
            asked = wanted.get(codec, "")
            codecs[codec] = Take(confidence, asked if asked in forms else forms[0])
    return Acceptance(
        codecs=codecs,
        others=Take(Confidence(profile.others)),
        fallback=_FALLBACK,
        tracks=Confidence(profile.tracks),
        headers_again=profile.headers_again,
        choices=_choices(),
    )


def _from_properties(told: Mapping[str, Any], base: Acceptance) -> Acceptance:
    """What is named is taken, and what is not is not; where nothing is, as before."""
    codecs = dict(base.codecs)
    for map_name, kinds in _FOURCCS.items():
        taken = named(told, map_name)
        if taken is None:
            continue
        for codec, fourccs in kinds.items():
            yes = not taken.isdisjoint(("*", *fourccs))
            codecs[codec] = Take(Confidence.YES, "enhanced") if yes else Take(Confidence.NO)
    return attrs.evolve(base, codecs=codecs)


def _matches(answer: Connected, path: str, start: str) -> bool:
    found: Any = {"properties": answer.properties, "info": answer.info}
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return False
        found = found[name]
    return isinstance(found, str) and found.startswith(start)
