"""WHEP (draft-ietf-wish-whep-03): browsers watch a stream here, without a server between.

The engine publishes to `transport.py` once; `audience.py` hands what it gets to all who watch.
"""
