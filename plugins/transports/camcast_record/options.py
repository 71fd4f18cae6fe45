"""What a user may set under `options` of an output that records."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from camcast.options import Bytes, BytesOrNever, Kbps, PositiveSeconds, Seconds, SecondsOrNever


@attrs.frozen(kw_only=True)
class RecordOptions:
    """Options of the record transport."""

    segment: PositiveSeconds = 600.0
    """A file gets no longer than this and the distance of two keyframes."""
    fragment: PositiveSeconds = 2.0
    """Media that is written in one go, or up to a keyframe. What is lost with the power is the last of these, and what
    the next is being made of. To wake a thread and the disk costs more than what is written."""
    fsync: Literal["fragment", "segment", "never"] = "fragment"
    """When the disk has to have it: after each fragment, at the end of each file, or when the system likes."""
    while_down: str = ""
    """Name of another output of the stream: only what that one does not deliver is recorded."""
    before: Seconds = 15.0
    """With while_down: kept in memory, since a lost connection is noticed late: after the other output's stall_timeout,
    and seconds more where a server's system still takes what its program does not."""
    after: Seconds = 3.0
    """With while_down: the other output must deliver for so long until recording stops."""
    memory: Bytes = 64 * 2**20
    """At most so much waits for a slow disk, and at most so much is kept for while_down."""
    patience: PositiveSeconds = 30.0
    """A disk that takes nothing for so long has failed."""
    keep_for: SecondsOrNever = None
    """Older recordings are deleted, of whatever camera, as long as they are in the same archive; null: never."""
    keep_size: BytesOrNever = None
    """Of all recordings in the archive the oldest are deleted until the rest is no larger; null: never."""
    archive: str = ""
    """Folder in which all recordings count together; it must exist. Without it, that of this recording."""
    upload: str = attrs.field(default="", repr=False)
    """URL of a store that fsspec knows, such as s3://bucket/folder: each complete file is copied there."""
    upload_options: dict[str, Any] = attrs.field(factory=dict, repr=False)
    """What fsspec's file system for that URL is made with: keys, an endpoint."""
    upload_rate: Kbps = 0
    """Uploads are no faster than this; 0: as fast as they go."""
    local_time: bool = False
    """Names have the time of this machine's zone instead of UTC, in which no hour comes twice."""
