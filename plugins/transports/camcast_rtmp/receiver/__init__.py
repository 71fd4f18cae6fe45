"""The server half: a receiver for tests, the demo, measurements and plugin authors."""

from camcast_rtmp.receiver.receiver import Receiver
from camcast_rtmp.receiver.refusal import Refusal

__all__ = ["Receiver", "Refusal"]
