"""The original system's files: `net_service.json`, alone or in its directory with `venc.json` and `vi.json`."""

from __future__ import annotations

from collections.abc import Sequence

from camcast import hookimpl
from camcast.errors import ConfigError
from camcast.kinds import ConfigForm, Conversion, Wish
from camcast_legacy.convert import STREAMS, convert
from camcast_legacy.files import is_old_file, read_old_files


def convert_wish(wish: Wish) -> Conversion:
    """The old files as a configuration of today. Raises `ConfigError` with places in the old files."""
    if len(wish.sources) > len(STREAMS):
        raise ConfigError("--source is given at most twice: for main and for sub")
    return convert(read_old_files(wish.path, wish.data), sources=wish.sources, template=wish.template)


@hookimpl
def camcast_config_forms() -> Sequence[ConfigForm]:
    return [
        ConfigForm(
            name="legacy",
            title="a file of the original system",
            recognises=is_old_file,
            convert=convert_wish,
        )
    ]
