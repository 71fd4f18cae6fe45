"""From RTP payloads to access units: one module a payload format. No I/O, no clock.

A depacketiser is fed payloads in order, told of gaps, and hands on whole units only: video as 4-byte length-prefixed
NAL units or sized OBUs, sound as bare frames. What lacks a piece is left out and counted.
"""
