"""What is said of the way to NATS beside its URL, and whether its library is there."""

from __future__ import annotations

import attrs

from camcast.coordinators import REFERENCE
from camcast.errors import MissingDependency


@attrs.frozen(kw_only=True)
class NatsOptions:
    user: str = attrs.field(default="", repr=False)
    """A name; or `env:NAME`, `file:PATH`."""
    password: str = attrs.field(default="", repr=False, metadata=REFERENCE)
    """Of `user`: `env:NAME` or `file:PATH`."""
    token: str = attrs.field(default="", repr=False, metadata=REFERENCE)
    """Instead of a user: `env:NAME` or `file:PATH`."""
    credentials: str = attrs.field(default="", repr=False)
    """Path of a file with a user's JWT and seed, as `nsc` writes it (`.creds`)."""
    nkey_seed: str = attrs.field(default="", repr=False, metadata=REFERENCE)
    """An nkey's seed: `env:NAME` or `file:PATH`."""
    ca: str = ""
    """Path of certificates (PEM) to trust instead of the system's; switches TLS on."""
    certificate: str = ""
    """Path of the client's own certificate (PEM); switches TLS on."""
    private_key: str = attrs.field(default="", repr=False)
    """Path of its key (PEM), where that is not in the same file."""
    replicas: int = attrs.field(default=0, validator=attrs.validators.in_((0, 1, 3, 5)))
    """Servers that keep each record, where the bucket is made here. 0: three in a cluster, else one."""


def available() -> None:
    """Raises `MissingDependency`."""
    try:
        import nats  # noqa: F401
        import nkeys  # noqa: F401
    except ImportError:
        raise MissingDependency("NATS needs nats-py: pip install 'camcast[nats]'") from None
