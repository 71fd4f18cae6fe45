"""Somebody who has nothing but the README: does what it says, word for word, and has a picture and sound at YouTube."""
