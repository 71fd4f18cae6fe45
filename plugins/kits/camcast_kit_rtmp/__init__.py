"""What every publishing client of RTMP needs, whichever library speaks for it: targets, states, and servers' words."""
