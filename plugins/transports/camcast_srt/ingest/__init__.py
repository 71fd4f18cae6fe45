"""The SRT source: MPEG-TS that cameras and encoders send to us, or that a server has."""
