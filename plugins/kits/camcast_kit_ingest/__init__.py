"""What sources share that cameras push to, whatever the protocol: tracks, times, bounds, and who is refused."""
