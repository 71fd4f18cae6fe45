"""Measurements. `python -m bench` runs the comparison of senders; `python -m bench --list` shows all there is."""
