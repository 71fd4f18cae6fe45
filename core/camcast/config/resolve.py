"""From what is written to what runs: ids assigned, blocks checked, outputs built. All issues, not only the first.

A block that cannot be read is left out of the further checks, so that one slip is not reported twice; its
neighbours are checked all the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from camcast.config.hosted import COPY, MADE, check_encoder, check_source, read_encoder_type
from camcast.config.located import locate_source, locate_target, locate_text
from camcast.config.model import (
    CameraConfig,
    Config,
    EncoderConfig,
    PluginsConfig,
    SlateConfig,
    SourceConfig,
    StreamConfig,
    SystemConfig,
)
from camcast.config.output import Built, Level, build, filled, merge
from camcast.config.session import PRIMARY_OUTPUT, SessionConfig
from camcast.config.written import (
    UNSET,
    CameraBlock,
    EncoderBlock,
    FileBlock,
    OutputBlock,
    SourceBlock,
    StreamBlock,
    given,
    read_block,
)
from camcast.errors import ConfigError, Issue
from camcast.kinds import Gives, SourceKind

if TYPE_CHECKING:
    from camcast.host import PluginHost

FOREIGN_OUTPUTS = ("rtsp", "mp4")
"""Outputs of the original system that are not camcast's."""
STREAM_NAMES = {0: "main", 1: "sub"}
_OWN_VARIABLES = ("camera_id", "stream_id", "stream_name", "camera_name")


def from_mapping(mapping: Mapping[str, Any], host: PluginHost, *, base: Path | None = None) -> Config:
    """The configuration in `mapping`; raises `ConfigError` with every issue found, each with its path.

    Relative paths that exist below `base` are taken from there.
    """
    resolver = _Resolver(host.limited(plugins_of(mapping).choice), base)
    config = resolver.file(mapping)
    if resolver.issues:
        raise ConfigError(list(dict.fromkeys(resolver.issues)))
    return config


def plugins_of(mapping: Mapping[str, Any]) -> PluginsConfig:
    """Which plugins a file wants, before there is a host to check it with; what is wrong there is told later."""
    block = None
    if "plugins" in mapping:
        block = read_block(mapping["plugins"], PluginsConfig, "plugins", [])
    return block or PluginsConfig()


class _Resolver:
    def __init__(self, host: PluginHost, base: Path | None) -> None:
        self.host = host
        self.base = base
        self.issues: list[Issue] = []
        self._foreign: Counter[str] = Counter()
        self._notes: list[str] = []
        self._published: dict[str, str] = {}

    def _block(self, value: object, cls: Any, path: str) -> Any:
        return read_block(value, cls, path, self.issues)

    def _issue(self, path: str, message: str) -> None:
        self.issues.append(Issue(path, message))

    def _own(self, value: object, names: Sequence[str], place: str) -> object:
        """`value` without the known keys of other programs, which are counted."""
        if not isinstance(value, Mapping):
            return value
        for name in names:
            self._foreign[f"{place}{name}"] += name in value
        return {key: item for key, item in value.items() if key not in names}

    # --- the file, its cameras, their streams -------------------------------------------------------------

    def file(self, mapping: Mapping[str, Any]) -> Config:
        mapping = {key: value for key, value in mapping.items() if key != "$schema"}
        block = self._block(mapping, FileBlock, "")
        if block is None:
            # Sections of the right shape are checked all the same.
            mapping = {
                key: mapping[key] for key in ("plugins", "system", "rtmp") if isinstance(mapping.get(key), Mapping)
            } | {key: mapping[key] for key in ("cameras",) if isinstance(mapping.get(key), list)}
            block = self._block(mapping, FileBlock, "")
        plugins = PluginsConfig() if block.plugins is UNSET else self._block(block.plugins, PluginsConfig, "plugins")
        system: SystemConfig | None = SystemConfig()
        if block.system is not UNSET:
            system = self._block(self._own(block.system, ("vb_pool",), "system."), SystemConfig, "system")
        root = self._level(block.rtmp, "rtmp")
        values = list(block.cameras or [])
        blocks = [
            self._block(self._own(value, ("sensor", "features"), "cameras[]."), CameraBlock, f"cameras[{index}]")
            for index, value in enumerate(values)
        ]
        paths = [f"cameras[{index}]" for index in range(len(blocks))]
        ids = self._ids([camera and camera.camera_id for camera in blocks], [f"{path}.camera_id" for path in paths])
        variables = self._variables(block, "")
        cameras = [
            self._camera(camera, number, path, root, variables)
            for camera, number, path in zip(blocks, ids, paths, strict=True)
            if camera is not None
        ]
        if system is not None and (count := sum(camera.enabled for camera in cameras)) > system.max_cameras:
            self._issue("cameras", f"{count} cameras are enabled, system.max_cameras is {system.max_cameras}")
        return Config(
            plugins=plugins or PluginsConfig(),
            system=system or SystemConfig(),
            cameras=tuple(cameras),
            notes=self._all_notes(),
        )

    def _camera(
        self, block: Any, camera_id: int, path: str, root: Sequence[Level | None], variables: Mapping[str, Any]
    ) -> CameraConfig:
        levels = [*root, *self._level(block.rtmp, f"{path}.rtmp")]
        variables = {**variables, **self._variables(block, path)}
        name = block.name or ""
        blocks, paths = [], []
        for index, value in enumerate(block.streams or []):
            paths.append(f"{path}.streams[{index}]")
            blocks.append(self._block(value, StreamBlock, paths[-1]))
        ids = self._ids([stream and stream.stream_id for stream in blocks], [f"{p}.stream_id" for p in paths])
        camera = CameraConfig(camera_id=camera_id, name=name, enabled=block.enabled)
        streams = [
            self._stream(stream, camera, number, where, levels, variables)
            for stream, number, where in zip(blocks, ids, paths, strict=True)
            if stream is not None
        ]
        return attrs.evolve(camera, streams=tuple(stream for stream in streams if stream is not None))

    def _stream(
        self,
        block: Any,
        camera: CameraConfig,
        stream_id: int,
        path: str,
        levels: Sequence[Level | None],
        variables: Mapping[str, Any],
    ) -> StreamConfig | None:
        name = block.name or STREAM_NAMES.get(stream_id, f"stream{stream_id}")
        source, kind = self._source(block.source, f"{path}.source")
        encoder = self._encoder(block.encoder, kind, f"{path}.encoder")
        slate = self._slate(block.slate, f"{path}.slate")
        identity = {
            "camera_id": camera.camera_id,
            "camera_name": camera.name,
            "stream_id": stream_id,
            "stream_name": name,
        }
        variables = {**variables, **self._variables(block, path)}
        running = camera.enabled and block.enabled
        sessions = tuple(self._outputs(block, path, levels, identity, variables, running))
        if source is None or encoder is None:
            return None
        return StreamConfig(
            stream_id=stream_id,
            name=name,
            enabled=block.enabled,
            source=source,
            encoder=encoder,
            slate=slate,
            sessions=sessions,
        )

    def _ids(self, written: Sequence[int | None], paths: Sequence[str]) -> list[int]:
        """The ids as written; each -1 becomes the lowest that is free. None = unreadable."""
        first: dict[int, str] = {}
        for number, path in zip(written, paths, strict=True):
            if number is not None and number >= 0:
                if number in first:
                    self._issue(path, f"{number} is taken by {first[number]}; ids are unique")
                first.setdefault(number, path)
        free = (number for number in range(len(written) + len(first) + 1) if number not in first)
        return [next(free) if number is None or number < 0 else number for number in written]

    def _variables(self, block: Any, path: str) -> Mapping[str, Any]:
        variables: Mapping[str, Any] = block.variables or {}
        for name in variables:
            if name in _OWN_VARIABLES:
                where = f"{path}.variables.{name}".lstrip(".")
                self._issue(where, "is one of camcast's own variables; choose another name")
        return variables

    # --- a stream's parts ---------------------------------------------------------------------------------

    def _source(self, value: Any, path: str) -> tuple[SourceConfig | None, SourceKind | None]:
        if value is UNSET:
            self._issue(path, 'is missing; every stream has one, such as {"type": "rtsp", "url": "rtsp://…"}')
            return None, None
        block = self._block(value, SourceBlock, path)
        if block is None:
            return None, None
        keys = dict(given(block))
        if "type" not in keys:
            self._issue(f"{path}.type", f"is missing; known: {', '.join(sorted(self.host.sources))}")
            return None, None
        if "retry_policy" in keys:
            keys["retry_policy"] = filled(attrs.fields_dict(SourceConfig)["retry_policy"].default, keys["retry_policy"])
        source = locate_source(SourceConfig(**keys), self.base)
        issues, kind = check_source(self.host, source, path)
        self.issues += issues
        return source, kind

    def _encoder(self, value: Any, source: SourceKind | None, path: str) -> EncoderConfig | None:
        block = self._block({} if value is UNSET else value, EncoderBlock, path)
        if block is None:
            return None
        keys = dict(given(block))
        keys.setdefault("type", MADE if source is not None and source.gives is Gives.FRAMES else COPY)
        try:
            keys["codec"], keys["rate_control"] = read_encoder_type(self.host, keys["type"])
        except ValueError as error:
            self._issue(f"{path}.type", str(error))
            return None
        encoder = EncoderConfig(**keys)
        self.issues += check_encoder(self.host, encoder, source, path)
        return encoder

    def _slate(self, value: Any, path: str) -> SlateConfig | None:
        if value is UNSET or value is False:
            return None
        slate: SlateConfig | None = SlateConfig() if value is True else self._block(value, SlateConfig, path)
        if slate is None:
            return None
        if slate.image:
            slate = attrs.evolve(slate, image=locate_text(slate.image, self.base))
        if slate.picture == "image" and not slate.image:
            self._issue(f"{path}.image", 'is missing; "picture": "image" needs the path of a PNG or JPEG file')
        return slate

    def _outputs(
        self,
        block: Any,
        path: str,
        levels: Sequence[Level | None],
        identity: Mapping[str, Any],
        variables: Mapping[str, Any],
        running: bool,
    ) -> Iterable[SessionConfig]:
        outputs = block.outputs or {}
        for name in FOREIGN_OUTPUTS:
            self._foreign[f"cameras[].streams[].outputs.{name}"] += name in outputs
        camcasts = {name: value for name, value in outputs.items() if name not in FOREIGN_OUTPUTS}
        own = {
            name: (value, f"{path}.outputs.{name if name.isprintable() else ascii(name)}")
            for name, value in camcasts.items()
        }
        if block.rtmp is not UNSET:
            if PRIMARY_OUTPUT in own and own[PRIMARY_OUTPUT][0] != block.rtmp:
                self._issue(f"{path}.rtmp", f"differs from {path}.outputs.rtmp, which is the same output; keep one")
            own[PRIMARY_OUTPUT] = (block.rtmp, f"{path}.rtmp")
        chains: dict[str, list[Level | None]] = {PRIMARY_OUTPUT: list(levels)} if levels else {}
        for name, (value, where) in own.items():
            if not name.strip() or not name.isprintable() or "/" in name or len(name) > 64:
                self._issue(where, "an output's name is 1 to 64 printable characters without /")
                continue
            chains.setdefault(name, []).extend(self._level(value, where))
        for name, chain in chains.items():
            whole = [level for level in chain if level is not None]
            for level in whole:
                self._variables(level.block, level.path)
            if len(whole) < len(chain):
                continue
            found: list[Issue] = []
            output = merge(whole, found)
            # A slip in a block that many streams share would be reported for each of them.
            built = None if found else build(self.host, output, {**identity, "output": name}, variables, found)
            self.issues += found
            if built is not None and output.enabled:
                if running:
                    self._publish(built)
                session = built.session
                targets = tuple(locate_target(target, self.base) for target in session.targets)
                yield session.evolve(targets=targets)

    def _level(self, value: Any, path: str) -> list[Level | None]:
        """The block as a level; None in it stands for one that cannot be read; nothing for one that is not there."""
        if value is UNSET:
            return []
        block = self._block(value, OutputBlock, path)
        if block is None:
            return [None]
        # By itself too, so that a slip in a default is found while nothing uses it. Equal issues are told once.
        merge([level := Level(block, path)], self.issues)
        return [level]

    def _publish(self, built: Built) -> None:
        """Two sessions that publish one name would throw each other out for ever."""
        own = built.session.label
        for target in built.session.targets:
            if target.insecure:
                self._notes.append(f"{own}: insecure: whoever answers at {target.shown} is trusted")
        for name, target, path in zip(built.names, built.session.targets, built.paths, strict=True):
            if name is None:
                continue
            other = self._published.setdefault(name, own)
            if other != own:
                advice = "put {camera_id} and {stream_name} into the template, or give it a URL of its own"
                self._issue(path, f"{own} would publish {target.shown} as {other} does; {advice}")

    def _all_notes(self) -> tuple[str, ...]:
        foreign = [
            f"{key} is not camcast's and is left alone" + (f" ({count} times)" if count > 1 else "")
            for key, count in self._foreign.items()
            if count
        ]
        return (*foreign, *self._notes)
