"""Hostile peers beside three good sessions: none may cost the good ones a frame."""
