"""Why somebody may not watch."""

from __future__ import annotations

FULL = "no room for another viewer"
OFFER = "an offer that cannot be used"
TOKEN = "a wrong token"
NO_TOKEN = "no token"
ORIGIN = "a page of another origin"
