"""What became of everything that was pushed."""

from camcast.contracts import PushCounts

__all__ = ["PushCounts"]
