#!/usr/bin/env python3
"""Turns the original system's files into a camcast configuration: `camcast migrate` under its other name.

python tools/migrate_rtmp_config.py --old net_service.json --new system_config.json
"""

import logging

import typer

from camcast.cli.migrate import migrate

if __name__ == "__main__":
    # Plugins that are left out are told by the command itself.
    logging.getLogger("camcast").addHandler(logging.NullHandler())
    typer.run(migrate)
