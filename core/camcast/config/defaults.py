"""Codecs taken where a source brings unencoded frames and the configuration names none."""

VIDEO_CODEC = "h264"
AUDIO_CODEC = "aac"

STILL = "mjpeg"
"""Of a picture of what a stream sends: FFmpeg's name of what makes a JPEG file."""
