"""Many machines: who runs which camera, and that none is ever on the air twice.

`placement` decides who should, `member` what one machine does next (both pure, with the clock passed in), `driver` does
it with an engine and a coordinator.
"""
