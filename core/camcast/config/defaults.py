"""Codecs taken where a source brings unencoded frames and the configuration names none."""

VIDEO_CODEC = "h264"
AUDIO_CODEC = "aac"
