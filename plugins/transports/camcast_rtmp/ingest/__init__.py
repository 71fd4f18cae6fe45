"""RTMP as a source: cameras, encoders and phones that publish to us, and streams that are played from a server."""
