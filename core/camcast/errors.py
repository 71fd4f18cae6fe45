"""Every error that camcast raises. The class says who must act and whether trying again helps.

Texts say what was expected, what came and what to do. They never hold a secret: whoever builds a text from
a peer's words or a URL passes it through `redaction` first.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TypeVar

import attrs

E = TypeVar("E", bound=BaseException)


def untraced(error: E) -> E:
    """`error` as a value that is kept and told, no longer raised: without the frames that it came through.

    They hold on to all that was at hand there, in circles, so that only the collector would find it.
    """
    seen, left = set[int](), list[BaseException]([error])
    while left:
        one = left.pop()
        seen.add(id(one))
        one.__traceback__ = None
        left += [more for more in (one.__cause__, one.__context__) if more is not None and id(more) not in seen]
    return error


class CamcastError(Exception):
    """Base of all errors raised by camcast."""


@attrs.frozen
class Issue:
    """One thing wrong in a configuration: `path` like `cameras[2].source.options.fps`, and what to do."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ConfigError(CamcastError):
    """The configuration is wrong: the user edits it. Holds every issue found, not only the first."""

    def __init__(self, issues: Sequence[Issue] | str) -> None:
        self.issues: tuple[Issue, ...] = (Issue("", issues),) if isinstance(issues, str) else tuple(issues)
        super().__init__("\n".join(str(issue) for issue in self.issues))


class NotFound(CamcastError, KeyError):
    """There is no camera, stream, session or source of that name. The text lists what there is."""

    __str__ = Exception.__str__  # a KeyError's own would put the text in quotes


class WrongState(CamcastError, RuntimeError):
    """The call does not fit the moment: an engine not started, started twice, stopped, or waited for by itself."""


class OutOfRange(CamcastError, ValueError):
    """An argument is outside of what the method takes. The text gives the bounds."""


class DeadlineError(CamcastError, TimeoutError):
    """Something did not answer or end within its deadline; it may do so later."""


class PluginError(CamcastError):
    """A plugin broke its contract: its author acts. The text names the plugin."""


class MissingDependency(CamcastError):
    """A plugin's library is not installed. The text ends with the exact line that installs it."""


class MediaError(CamcastError):
    """Media is damaged or unsupported, at one place; what follows may be fine."""


class SourceError(CamcastError):
    """A camera failed: gone, refused, or silent. Trying again helps unless `fatal`.

    `refused`: it said no, to a password for instance; asking often makes it worse.
    """

    def __init__(self, message: str, *, fatal: bool = False, refused: bool = False) -> None:
        super().__init__(message)
        self.fatal = fatal
        self.refused = refused

    @property
    def error_class(self) -> ErrorClass:
        """How it is treated."""
        if self.fatal:
            return ErrorClass.MISCONFIGURED
        return ErrorClass.REFUSED if self.refused else ErrorClass.NETWORK


class SourceFault(PluginError, SourceError):
    """A source failed by a bug of its plugin's, not by its camera. The text names the source's kind."""

    @property
    def error_class(self) -> ErrorClass:
        return ErrorClass.PLUGIN


class ServiceError(CamcastError):
    """A service failed by nobody's bug: a port is taken, a broker is away. It is started again unless `fatal`."""

    def __init__(self, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.fatal = fatal


class CoordinatorError(CamcastError):
    """What the machines of a fleet share is away, or does not let this one in. Trying again helps unless `fatal`."""

    def __init__(self, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.fatal = fatal


class Conflict(CoordinatorError):
    """Somebody else was there first: what was to be replaced is not what is there."""


class EncoderError(CamcastError):
    """An encoder or decoder could not be opened, or failed while running."""


class ErrorClass(Enum):
    """How a failed attempt is treated; seen in events and metrics."""

    NETWORK = "network"
    """The path or the server is away: retry with back-off."""
    BUSY = "busy"
    """The name is in use, usually by one's own ghost: retry after 1 s, then longer, up to every 10 s, for 3 min."""
    REFUSED = "refused"
    """The server said no: retry slowly, then give up."""
    UNEXPLAINED = "refused, unexplained"
    """Closed without an answer after a command: retry like the network, but say what usually causes it."""
    PLUGIN = "plugin"
    """A plugin broke its contract: its author acts. Tried slowly, like a refusal."""
    MISCONFIGURED = "misconfigured"
    """Cannot work until somebody changes the configuration: give up at once."""


class TransportError(CamcastError):
    """An attempt failed. `stage` names the step: resolve, connect, tls, handshake, command, publish, streaming."""

    error_class = ErrorClass.NETWORK
    retry_after: float | None = None
    """Seconds after which the server asks to be tried again, and not before; 0 = at once, the very same target. None =
    it says nothing."""

    def __init__(self, message: str, *, stage: str = "") -> None:
        super().__init__(message)
        self.stage = stage


class NetworkError(TransportError):
    """Unreachable, reset, timed out or stalled."""


class BusyError(TransportError):
    """The stream name is already being published."""

    error_class = ErrorClass.BUSY


class RefusedError(TransportError):
    """The server refused with an answer: wrong credentials, unknown application, not allowed."""

    error_class = ErrorClass.REFUSED


class UnexplainedRefusal(TransportError):
    """The server closed the connection after a command instead of answering it.

    `after_start` is True when it had agreed to publish only seconds before: some servers do that for a name
    in use, so a session that published the name lately treats it as busy.
    """

    error_class = ErrorClass.UNEXPLAINED

    def __init__(self, message: str, *, stage: str = "", after_start: bool = False) -> None:
        super().__init__(message, stage=stage)
        self.after_start = after_start


class PluginFault(PluginError, TransportError):
    """An attempt failed by a plugin's bug, not by its server or the network. The text names the plugin's part."""

    error_class = ErrorClass.PLUGIN


class MisconfiguredError(TransportError):
    """Retrying cannot help: bad certificate pin, impossible option, unsupported codec."""

    error_class = ErrorClass.MISCONFIGURED
