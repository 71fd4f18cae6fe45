"""FLV without I/O and without codecs: tag framing, Enhanced heads, script data, packing and unpacking."""
