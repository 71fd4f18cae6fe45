"""Whether listing a plugin's kinds stays cheap, seen in a fresh interpreter: nothing heavy may be imported for it."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from functools import cache

from camcast.interpreter import interpreter

_LIGHT = {"attr", "attrs", "cattr", "cattrs", "pluggy", "typing_extensions", "exceptiongroup"}
"""What the core itself loads."""

_LIST = """
import sys
sys.path[:] = {path!r}
import json, importlib
from camcast.host import PluginHost
before = set(sys.modules)
host = PluginHost(entry_points=False)
host.register(importlib.import_module({module!r}), "under test")
kinds = [*host.sources.values(), *host.codecs.values(), *host.encoders.values(), *host.transports.values(),
         *host.services.values(), *host.coordinators.values(), *host.discoverers.values()]
print(json.dumps([[kind.name for kind in kinds], sorted(set(sys.modules) - before), list(map(str, host.problems))]))
"""


@cache
def heavy_imports(module: str) -> tuple[str, ...]:
    """Other people's packages that are loaded when the kinds of the plugin module `module` are listed.

    Raises `RuntimeError` when it cannot be imported.
    """
    code = _LIST.format(path=sys.path, module=module)
    run = subprocess.run([*interpreter(), "-c", code], capture_output=True, text=True, timeout=60)
    if run.returncode:
        raise RuntimeError(run.stderr.strip().rpartition("\n")[2])
    _kinds, loaded, _problems = json.loads(run.stdout)
    owners = importlib.metadata.packages_distributions()
    own = module.partition(".")[0]
    tops = {name.partition(".")[0] for name in loaded}
    # A package of no distribution is the standard library's, or lies beside the plugin.
    return tuple(sorted(top for top in tops - _LIGHT - {own} if owners.get(top) and "camcast" not in owners[top]))
