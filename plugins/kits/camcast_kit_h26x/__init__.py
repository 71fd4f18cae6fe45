"""What H.264 and H.265 share and nothing else has: picture signalling, software encoders' options, FLV's form."""
