"""What one session needs: its chain of targets, its retry policy and its limits. Embedders construct it directly.

Durations are seconds; when constructing, a `timedelta`, "500ms" and "5 min" work too. A wrong value raises
`ConfigError`.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypedDict, Unpack

import attrs

from camcast.config.quantities import Duration
from camcast.config.rules import (
    MAX_KBPS,
    Bytes,
    Flag,
    LabelOrEmpty,
    OutputName,
    PositiveSeconds,
    Seconds,
    SecondsOrNever,
    Texts,
    checked,
    choice,
    even,
    instance,
    instances,
    kbps,
    number,
    or_never,
    rate,
    seconds,
    seconds_or_never,
    size,
    whole,
)
from camcast.config.schedule import Schedule
from camcast.config.target import TargetConfig
from camcast.config.template_chain import TemplateChain
from camcast.errors import ConfigError, Issue, OutOfRange
from camcast.events import SessionKey
from camcast.structure import described

PRIMARY_OUTPUT = "rtmp"
"""Name of the output that the root block gives every stream; labels leave it out."""
LEAST_KBPS = 500
"""A picture that adapts gets no less, unless that is said."""
NOT_SAID = -1
"""A number of a camera or stream that the hierarchy gives: where the session stands, or what its names say."""
ALWAYS_ON = Schedule()
STREAM_NAMES = {0: "main", 1: "sub"}
MAX_ID = 2**31 - 1


def default_name(stream_id: int) -> str:
    """What a stream is called where nobody names it."""
    return STREAM_NAMES.get(stream_id, f"stream{stream_id}")


@attrs.frozen(kw_only=True, field_transformer=checked)
class RetryPolicy:
    """When to try again: after a whole round of targets, `min(initial_delay * 2**n, max_delay)` seconds.

    `max_attempts` counts the rounds after the first; None never gives up. `jitter` is the largest part by
    which a wait is shortened, 0 to 1. The count starts anew after `stable_after` seconds of real media flow.
    """

    max_attempts: Annotated[int | None, or_never(whole(0, 1_000_000))] = 10
    """Rounds after the first; null never gives up."""
    initial_delay: Seconds = attrs.field(default=1.0, converter=seconds)
    """Wait after the first round; each is twice the one before."""
    max_delay: Seconds = attrs.field(default=60.0, converter=seconds)
    """The longest wait."""
    jitter: Annotated[float, number(0, 1)] = 0.25
    """The largest part by which a wait is shortened at random."""
    stable_after: Seconds = attrs.field(default=10.0, converter=seconds)
    """Real media flow after which the count begins anew."""
    revive_after: SecondsOrNever = attrs.field(default=300.0, converter=seconds_or_never)
    """After giving up, one round is tried again so often; null: never."""


@attrs.frozen(kw_only=True, field_transformer=checked)
class Limit:
    """A bound in media (or link) seconds and in bytes; whichever is reached first counts."""

    seconds: PositiveSeconds = attrs.field(converter=seconds)
    """Of media, or of link time."""
    bytes: Bytes = attrs.field(converter=size)
    """At most so much."""


@attrs.frozen(kw_only=True, field_transformer=checked)
class Adapt:
    """Whether what is sent follows what the output's link bears, and how far.

    Of a picture that is encoded here the bitrate follows, between `min` and `max`. Of one that comes encoded other
    pictures are sent: those of the camera's streams in `down_to`, in that order, then what `then` says.
    """

    min: Annotated[int, rate(1, MAX_KBPS)] = attrs.field(default=0, converter=kbps)
    """The least that the picture may get; 0: 500 kbit/s."""
    max: Annotated[int, rate(1, MAX_KBPS)] = attrs.field(default=0, converter=kbps)
    """The most that it gets, at most the encoder's own bitrate; 0: the bitrate stays as it is."""
    below: Annotated[int, rate(1, MAX_KBPS)] = attrs.field(default=0, converter=kbps)
    """While it gets less than this, the picture is made smaller as well, as `framerate` and `height` say; 0: never."""
    framerate: Annotated[float, number(1, 240, " frames per second", or_zero=True)] = 0.0
    """At most so many pictures a second below `below`; 0: as many as there are."""
    height: Annotated[int, even(144, 4320)] = 0
    """At most so many lines below `below`, in the same proportions; 0: as many as there are."""
    together: Flag = False
    """Where several outputs share an encoder: true lets it follow the slowest of them. All that adapt must say so."""
    down_to: Texts = ()
    """Names of other streams of the camera, the largest first, whose pictures are sent while the link is too thin."""
    then: Annotated[str, choice("nothing", "keyframes")] = "nothing"
    """keyframes: thinner still, only keyframes are sent."""

    @property
    def least(self) -> int:
        """`min`, or what that is where it is not said."""
        return self.min or min(LEAST_KBPS, self.max)

    @property
    def chooses(self) -> bool:
        """Whether other pictures are sent than its stream's."""
        return bool(self.down_to) or self.then != "nothing"

    def __attrs_post_init__(self) -> None:
        if self.max and self.min > self.max:
            text = f"{self.min} kbit/s is above max, {self.max} kbit/s; give a smaller min or a larger max"
            raise ConfigError([Issue("min", text)])
        if self.min and not self.max:
            text = "without max nothing follows the link; give max too, such as the encoder's own bitrate"
            raise ConfigError([Issue("min", text)])
        smaller = self.framerate or self.height
        if self.below and not self.max:
            text = "without max no bitrate follows the link, so none falls below this; give max too"
            raise ConfigError([Issue("below", text)])
        if self.below and not smaller:
            text = "says when, but not what: give framerate or height too, or both, which the picture has below it"
            raise ConfigError([Issue("below", text)])
        if self.below and not self.least < self.below <= self.max:
            text = f"{self.below} kbit/s is not between min, {self.least} kbit/s, and max, {self.max} kbit/s"
            raise ConfigError([Issue("below", text)])
        if smaller and not self.below:
            key = "framerate" if self.framerate else "height"
            text = "without below the picture is never made smaller; give below too, the bitrate from which it is"
            raise ConfigError([Issue(key, text)])
        if self.max and self.chooses:
            text = (
                "max has the encoder follow the link, down_to and then choose among pictures that come encoded; "
                "give max or the others"
            )
            raise ConfigError([Issue("max", text)])


class _Settings(TypedDict, total=False):
    """Types of the constructor's other arguments; they are the fields below."""

    camera_id: int
    stream_id: int
    stream_name: str
    camera_name: str
    output: str
    auto_reconnect: bool
    retry_policy: RetryPolicy
    stall_timeout: Duration
    idle_timeout: Duration
    failback_after: Duration | None
    max_moves_per_hour: int
    standby: str
    replay: str
    replay_max: Limit
    queue: Limit
    adapt: Adapt
    tracks: Sequence[str]
    sound_tracks: Sequence[str]
    schedule: Schedule
    rotate_every: Duration | None
    uplink: str
    priority: int
    allow_redirect_hosts: Sequence[str]


@attrs.frozen(kw_only=True, init=False, field_transformer=checked)
class SessionConfig:
    """One session, complete. Equal configurations mean that a reload leaves the session alone.

    Whose it is need not be said twice: in a stream of a camera the ids and names are the camera's and the stream's.
    Given to `create_session` it names its camera, and its stream by `stream_id` or `stream_name`; without both, the
    first.

    The chain is given as `targets`, or as `urls`, or as `url` or `url_template` with `fallback_urls`; the
    latter are templates of `camera_id`, `stream_id`, `stream_name`, `camera_name` and `variables`, filled in once
    it is known whose the session is.
    """

    camera_id: Annotated[int, whole(NOT_SAID, MAX_ID)] = NOT_SAID
    stream_id: Annotated[int, whole(NOT_SAID, MAX_ID)] = NOT_SAID
    stream_name: LabelOrEmpty = ""
    camera_name: LabelOrEmpty = ""
    output: OutputName = PRIMARY_OUTPUT
    targets: Annotated[tuple[TargetConfig, ...], instances(TargetConfig)]
    auto_reconnect: Flag = True
    """false: one round through the chain, then the session has failed."""
    retry_policy: Annotated[RetryPolicy, instance(RetryPolicy)] = RetryPolicy()
    """When to try again."""
    stall_timeout: PositiveSeconds = 5.0
    """Nothing acknowledged for so long: the connection is lost."""
    idle_timeout: PositiveSeconds = 8.0
    """No media for so long: unpublish, and wait for media."""
    failback_after: SecondsOrNever = 30.0
    """How often better targets are tried while on a fallback; null: stay."""
    max_moves_per_hour: Annotated[int, whole(0, 3600)] = 12
    """Moves back to a better target; above it the session stays where it is, so no flapping primary is chased."""
    standby: Annotated[str, choice("cold", "warm", "hot")] = "cold"
    """warm: a spare connection to the next target; hot: both ingest points at once."""
    replay: Annotated[str, choice("squeeze", "off")] = "squeeze"
    """How a new connection shows the present at once; off: it waits for a keyframe."""
    replay_max: Annotated[Limit, instance(Limit)] = Limit(seconds=2.0, bytes=4_000_000)
    """What a replay may take of the link."""
    queue: Annotated[Limit, instance(Limit)] = Limit(seconds=0.7, bytes=4 * 2**20)
    """How far a link may fall behind before pictures are dropped up to a keyframe."""
    adapt: Annotated[Adapt, instance(Adapt)] = Adapt()
    """Has what is sent follow the link."""
    tracks: Texts = ()
    """Names of streams of the camera, the output's own first, whose pictures are sent in one connection."""
    sound_tracks: Texts = ()
    """Likewise, streams whose sound is sent; without it, the output's own."""
    schedule: Annotated[Schedule, instance(Schedule)] = ALWAYS_ON
    """When it is on the air; without one, always."""
    rotate_every: SecondsOrNever = None
    """After so long on one connection another one takes its place at a keyframe; null: never."""
    uplink: LabelOrEmpty = ""
    """Name in `system.uplinks` of the link that it shares with others."""
    priority: Annotated[int, whole(1, 100)] = 10
    """Its weight where the uplink's budget is divided: twice as much gets twice the share."""
    allow_redirect_hosts: Texts = ()
    """Other hosts that a server may redirect to, each by its name or as "*.example.com"."""
    chain: TemplateChain | None = attrs.field(default=None, eq=False, repr=False)
    """The templates that `targets` were made from; None where they were given as they are."""

    def __init__(
        self,
        *,
        targets: Sequence[TargetConfig] = (),
        urls: Sequence[str | TargetConfig] = (),
        url: str = "",
        url_template: str = "",
        fallback_urls: Sequence[str | TargetConfig] = (),
        variables: Mapping[str, str | int] | None = None,
        chain: TemplateChain | None = None,
        **settings: Unpack[_Settings],
    ) -> None:
        if sum(map(bool, (targets, urls, url, url_template))) > 1 or ((targets or urls) and fallback_urls):
            raise ConfigError([Issue("urls", _ONE_WAY)])
        for key, given in (("urls", urls), ("fallback_urls", fallback_urls), ("targets", targets)):
            if not isinstance(given, list | tuple):
                raise ConfigError([Issue(key, f"expected a list, got {described(given)}")])
        if chain is not None and tuple(targets) != chain.made:
            chain = None  # they have been replaced
        if chain is None and not targets:
            chain = TemplateChain(
                (
                    *((f"urls[{index}]", entry) for index, entry in enumerate(urls)),
                    *((key, text) for key, text in (("url", url), ("url_template", url_template)) if text),
                    *((f"fallback_urls[{index}]", entry) for index, entry in enumerate(fallback_urls)),
                ),
                dict(variables or {}),
            )
        # The attrs-made initialiser takes the rest and knows the defaults.
        init: Any = self.__attrs_init__  # type: ignore[attr-defined,unused-ignore]
        init(targets=tuple(targets), chain=chain, **settings)

    def __attrs_post_init__(self) -> None:
        chain = self.chain
        if chain is not None:
            chain = chain.unfilled() if self.camera_id == NOT_SAID else chain.filled(self._values())
            object.__setattr__(self, "chain", chain)
            object.__setattr__(self, "targets", chain.made)
        if not self.targets:
            raise ConfigError([Issue("urls", "an enabled output needs a URL: give url, urls or url_template")])

    def evolve(self, **changes: Any) -> "SessionConfig":
        """The same with some fields changed. (`attrs.evolve` works too, but type checkers do not follow it here.)"""
        return attrs.evolve(self, **changes)

    def placed(self, camera_id: int, camera_name: str, stream_id: int, stream_name: str) -> "SessionConfig":
        """The same as this camera's and this stream's. Raises `ConfigError` where it says that it is another's."""
        if self.stream_id == NOT_SAID and self.stream_name not in ("", stream_name):
            text = f'"{self.stream_name}" contradicts where it stands, stream "{stream_name}"; leave it out'
            raise ConfigError([Issue("stream_name", text)])
        for key, own, given in (("camera_id", self.camera_id, camera_id), ("stream_id", self.stream_id, stream_id)):
            if own not in (NOT_SAID, given):
                where = f"{key.removesuffix('_id')} {given}"
                raise ConfigError([Issue(key, f"{own} contradicts where it stands, {where}; leave it out")])
        identity = {
            "camera_id": camera_id,
            "camera_name": camera_name,
            "stream_id": stream_id,
            "stream_name": stream_name,
        }
        same = all(getattr(self, key) == value for key, value in identity.items())
        return self if same else self.evolve(**identity)

    def found(self, streams: Mapping[int, str]) -> "SessionConfig":
        """The same with the stream of its camera that it means; `streams` are the names by id.

        Raises `ConfigError`, which lists what there is, when none fits, or when id and name contradict each other.
        """
        known = ", ".join(f'{number} "{name}"' for number, name in sorted(streams.items())) or "none"
        number, name = self.stream_id, self.stream_name
        if number == NOT_SAID:
            named = [one for one, called in streams.items() if name in ("", called)]
            if not named:
                wanted = f'stream "{name}"' if name else "stream"
                text = f"camera {self.camera_id} has no {wanted}; known: {known}"
                raise ConfigError([Issue("stream_name" if name else "stream_id", text)])
            number = min(named)
        elif number not in streams:
            raise ConfigError([Issue("stream_id", f"camera {self.camera_id} has no stream {number}; known: {known}")])
        elif name not in ("", streams[number]):
            text = f'{number} is not the stream "{name}" of camera {self.camera_id}; known: {known}; give one of both'
            raise ConfigError([Issue("stream_id", text)])
        return self.placed(self.camera_id, self.camera_name, number, streams[number])

    def check_target(self, index: int) -> None:
        """Raises `OutOfRange` for an index that is not in the chain."""
        if not 0 <= index < len(self.targets):
            raise OutOfRange(f"target {index} is not in the chain; it has 0 to {len(self.targets) - 1}")

    @property
    def revive_after(self) -> float | None:
        """Seconds after giving up until one round is tried again; None = never."""
        return self.retry_policy.revive_after if self.auto_reconnect else None

    @property
    def key(self) -> SessionKey:
        """Raises `ConfigError` while it is not known whose the session is."""
        if self.camera_id == NOT_SAID:
            raise ConfigError([Issue("camera_id", "is not said; the session's camera is not known yet")])
        if self.stream_id == NOT_SAID and self.stream_name:
            text = f'is not said; "{self.stream_name}" is looked for when the session is created'
            raise ConfigError([Issue("stream_id", text)])
        return SessionKey(self.camera_id, max(self.stream_id, 0), self.output)

    @property
    def label(self) -> str:
        """ "cam0_main", or "cam0_main/cloud" for an output of another name."""
        base = f"cam{'?' if self.camera_id == NOT_SAID else self.camera_id}_{self._values()['stream_name']}"
        return base if self.output == PRIMARY_OUTPUT else f"{base}/{self.output}"

    def _values(self) -> dict[str, object]:
        """What templates may use."""
        stream_id = max(self.stream_id, 0)
        return {
            "camera_id": self.camera_id,
            "stream_id": stream_id,
            "stream_name": self.stream_name or default_name(stream_id),
            "camera_name": self.camera_name,
        }


_ONE_WAY = "give the chain in one way only: urls, or url with fallback_urls, or url_template with fallback_urls"
