"""What of WHEP both who serves viewers and who asks for them has to know."""

from __future__ import annotations

SCHEMES = {"whep": "http", "wheps": "https"}
"""How outputs are written, and what is spoken there."""
PORT = 8889
"""Where an output waits whose URL names no port."""
SDP, FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"
MAX_OFFER = 64 * 1024
"""Bytes. Browsers' offers have some six thousand."""
