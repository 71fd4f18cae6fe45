"""What clients need that log in as HTTP does (RFC 7616): challenges read, answered in the ways that cameras know."""
