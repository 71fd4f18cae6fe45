"""Where recordings may be uploaded to, as far as a URL tells. Pure."""

from __future__ import annotations


def check_store(url: str) -> None:
    """Raises `ValueError` for a URL that no store can have."""
    scheme, mark, rest = url.partition("://")
    if not mark or not scheme.isidentifier():
        raise ValueError("`upload` must be the URL of a store, such as s3://bucket/folder or file:///mnt/nas")
    if scheme == "file" and not rest.startswith("/"):
        raise ValueError("`upload`: a file:// URL needs a whole path, with three slashes")
