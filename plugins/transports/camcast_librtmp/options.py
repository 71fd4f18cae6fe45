"""What a user may set under `options` of an output that goes through librtmp."""

from __future__ import annotations

import attrs
from attrs import validators


@attrs.frozen(kw_only=True)
class LibrtmpOptions:
    """Options of the librtmp transport."""

    chunk_size: int = attrs.field(default=60000, validator=[validators.ge(128), validators.le(65536)])
    """Bytes per chunk. librtmp's own 128 costs more than twice the processor time."""
    flash_version: str = "FMLE/3.0 (compatible; camcast)"
