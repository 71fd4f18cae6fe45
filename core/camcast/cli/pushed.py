"""What the words of `camcast push` mean as a configuration, and which of them is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from camcast.config import Config, from_mapping
from camcast.config.located import locate_text
from camcast.config.secrets import is_reference, resolve_reference, show_url
from camcast.errors import ConfigError, Issue
from camcast.host import PluginHost

OUTPUT = "push"
NO_KEY = "-"
_PLACES = (
    (re.compile(r"^cameras\[0\]\.streams\[0\]\.source(?:\.url)?$"), "SOURCE"),
    (re.compile(r"^cameras\[0\]\.streams\[0\]\.source\.type$"), "--source-type"),
    (re.compile(rf"^cameras\[0\]\.streams\[0\]\.outputs\.{OUTPUT}(\d*)\.stream_key$"), "--key of DESTINATION"),
    (re.compile(rf"^cameras\[0\]\.streams\[0\]\.outputs\.{OUTPUT}(\d*)(?:\.url)?$"), "DESTINATION"),
)


def meant(
    host: PluginHost, source: str, destinations: Sequence[str], keys: Sequence[str] = (), kind: str = ""
) -> dict[str, Any]:
    """The content of a configuration file that does the same, wherever it lies: files that are here are named by
    their whole paths. `keys`: in the order of the destinations, references only. Raises `ConfigError`."""
    kind, here = kind or source_kind(host, source), Path.cwd()
    outputs: dict[str, Any] = {}
    for number, (url, key) in enumerate(zip(destinations, _keys(destinations, keys), strict=True), 1):
        output = {"url": locate_text(url, here)} | ({"stream_key": locate_text(key, here)} if key else {})
        outputs[OUTPUT if number == 1 else f"{OUTPUT}{number}"] = output
    read = {"type": kind} if source == kind else {"type": kind, "url": locate_text(source, here)}
    return {"cameras": [{"camera_id": 0, "streams": [{"name": "main", "source": read, "outputs": outputs}]}]}


def read(mapping: Mapping[str, Any], host: PluginHost) -> Config:
    """What it means here. Raises `ConfigError`, whose places are words of the command line."""
    try:
        return from_mapping(mapping, host, base=Path.cwd())
    except ConfigError as error:
        several = len(_outputs(mapping)) > 1
        raise ConfigError([Issue(_word(issue.path, several), issue.message) for issue in error.issues]) from None


def check_secrets(mapping: Mapping[str, Any]) -> None:
    """Raises `ConfigError` for what is said to be in the environment or in a file and is not there: whoever typed the
    line is here to see it."""
    issues, outputs = [], _outputs(mapping)
    for name, output in outputs.items():
        for key, text in output.items():
            try:
                if is_reference(text):
                    resolve_reference(text)
            except ConfigError as error:
                path = f"cameras[0].streams[0].outputs.{name}.{key}"
                issues.append(Issue(_word(path, len(outputs) > 1), str(error)))
    if issues:
        raise ConfigError(issues)


def _outputs(mapping: Mapping[str, Any]) -> Mapping[str, Mapping[str, str]]:
    outputs: Mapping[str, Mapping[str, str]] = mapping["cameras"][0]["streams"][0]["outputs"]
    return outputs


def source_kind(host: PluginHost, source: str) -> str:
    """The kind of source that a word names. Raises `ConfigError`."""
    kinds = host.sources.values()
    named = [kind.name for kind in kinds if kind.name == source and not kind.needs_url and not kind.in_process]
    finder = host.discoverer_of(source)
    found = named or ([finder.source] if finder else [kind.name for kind in kinds if kind.takes(source)])
    if len(found) == 1:
        return found[0]
    known = ", ".join(kind.name for kind in kinds if not kind.in_process)
    if found:
        text = f"{' and '.join(found)} take it both; say which with --source-type"
    elif "://" in source:
        text = f"no source takes {show_url(source)}; known: {known} (see camcast sources); --source-type names one"
    else:
        text = f'there is no file "{source}", and no source is called so; known: {known} (see camcast sources)'
    raise ConfigError([Issue("SOURCE", text)])


def _keys(destinations: Sequence[str], keys: Sequence[str]) -> Sequence[str]:
    """One for each destination, "" = none. Raises `ConfigError`."""
    for number, key in enumerate(keys, 1):
        if key != NO_KEY and not is_reference(key):
            text = "expected env:NAME or file:PATH, where the key is: everybody on this machine sees a command's line"
            raise ConfigError([Issue(f"--key {number}" if len(keys) > 1 else "--key", text)])
    if keys and len(keys) != len(destinations):
        text = (
            f"{len(keys)} given for {len(destinations)} destinations: give one for each, in their order; "
            f'"{NO_KEY}" for a destination without'
        )
        raise ConfigError([Issue("--key", text)])
    return ["" if key == NO_KEY else key for key in keys] or [""] * len(destinations)


def _word(path: str, several: bool) -> str:
    """The place on the line; of `several` destinations with its number."""
    for pattern, word in _PLACES:
        if found := pattern.match(path):
            number = found[1] or "1" if found.groups() and several else ""
            return f"{word} {number}".strip()
    return path
