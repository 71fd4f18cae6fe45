"""`python -m camcast` is the `camcast` command."""

import sys

if not sys.flags.safe_path:
    # Python has put the working directory first; files there are no part of this program.
    del sys.path[0]

from camcast.cli import main

main()
