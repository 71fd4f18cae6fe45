"""Runs command lines one after the other in one interpreter, and prints as JSON what each of them said.

python commands_in_one_process.py '[["plugins"], ["check", "c.json"]]'
"""

from __future__ import annotations

import json
import sys
from typing import Any

from typer.testing import CliRunner

from camcast.cli.app import app


def said(arguments: list[str]) -> dict[str, Any]:
    result = CliRunner().invoke(app, arguments)
    crash = result.exception
    return {
        "code": result.exit_code,
        "out": result.stdout,
        "err": result.stderr,
        "crash": repr(crash) if crash is not None and not isinstance(crash, SystemExit) else "",
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps([said(arguments) for arguments in json.loads(sys.argv[1])]))
