"""Codecs taken where a source brings unencoded frames and the configuration names none."""

VIDEO_CODEC = "h264"
AUDIO_CODEC = "aac"

SNAPSHOT_FORMAT = "JPEG"
"""Of a picture of what a stream sends, as Pillow calls it."""
