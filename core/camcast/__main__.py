"""`python -m camcast` is the `camcast` command."""

from camcast.cli import main

main()
