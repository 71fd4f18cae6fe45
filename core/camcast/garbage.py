"""The search for garbage does not go through what is there for good.

What an attempt leaves behind holds itself in circles, and is found by Python's collector. Its last stage looks at every
object that there is, which held the loop for 50 to 120 ms [measured], and comes only once a quarter as many have been
added: beside servers that failed all the time memory grew by steps until then. Modules, plugins and their classes are
three quarters of all objects. Without them the last stage comes sooner, and takes a few milliseconds.
"""

from __future__ import annotations

import gc


def leave_out() -> None:
    """Leave out of it whatever is there by now. For processes of our own only, once what is needed has been loaded and
    before anything has been put on the air: it takes as long as one last stage."""
    gc.collect()
    gc.freeze()
    gc.collect()  # only by this it learns how many are left
