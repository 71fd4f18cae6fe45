"""Hours of cameras, servers and faults: what survived, what it cost, and whether anything grows."""
