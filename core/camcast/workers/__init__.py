"""Cameras spread over processes: each worker runs an engine of its own, the parent shows them as one.

A worker is `python -m camcast.engine.worker`, spoken to over its standard input and output: no `spawn`, which would run
an embedder's main program again, and nothing secret in any command line. The parent is a worker too: it keeps the
cameras that are fed by this program and those that need a registered plugin.
"""
