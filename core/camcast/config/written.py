"""The configuration as it is written: the blocks of a file, before defaults and hierarchy.

The keys of an output's block are made from the resolved models, so that no key, rule or default is said twice. A
key that is not given is `UNSET`, since `null` has a meaning of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, get_args, get_origin

import attrs
from cattrs.gen import make_dict_structure_fn

from camcast.config.model import EncoderConfig, PluginsConfig, SlateConfig, SourceConfig, SystemConfig
from camcast.config.rules import NAME, Flag, Label, Rule, described, or_never, read_mapping, rule_of, whole
from camcast.config.session import SessionConfig, TargetConfig
from camcast.errors import ConfigError, Issue
from camcast.structure import make_converter, structure


class _Unset:
    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False


UNSET: Final[Any] = _Unset()

IDENTITY = ("camera_id", "stream_id", "stream_name", "camera_name", "output", "targets")
"""Fields of a session that come from where its block stands."""


def partial(name: str, *models: type, without: Sequence[str] = (), **extra: Any) -> type:
    """A block with the fields of `models`, each of them optional; nested models become blocks as well."""
    fields = {
        field.name: attrs.field(type=_partial_type(field.type), default=UNSET, metadata={"default": field.default})
        for model in models
        for field in attrs.fields(model)
        if field.name not in without
    }
    return attrs.make_class(
        name, fields | {key: attrs.field(type=kind, default=UNSET) for key, kind in extra.items()}, frozen=True
    )


def _partial_type(type_: Any) -> Any:
    return partial(type_.__name__, type_) if isinstance(type_, type) and attrs.has(type_) else type_


def given(block: Any) -> Iterator[tuple[str, Any]]:
    """The keys of a block that are in the file."""
    for field in attrs.fields(type(block)):
        value = getattr(block, field.name)
        if value is not UNSET:
            yield field.name, value


def _read_list(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected a list, got {described(value)}")
    return list(value)


def _read_variables(value: Any) -> dict[str, str | int]:
    variables = read_mapping(value)
    for name, content in variables.items():
        if not name.isidentifier() or not name.isascii() or len(name) > 32:
            raise ValueError("expected names of letters, digits and _, at most 32 long")
        if not isinstance(content, str | int) or isinstance(content, bool):
            raise ValueError(f'expected text or a whole number for "{name}", got {described(content)}')
        if isinstance(content, str) and content.startswith(("env:", "file:")):
            raise ValueError(f'"{name}" cannot be a secret; put the whole URL, or stream_key, into env: or file:')
    return variables


def _list_of(items: Any) -> Any:
    return Annotated[list[items], Rule(_read_list, {"type": "array"})]


def _object(model: Any) -> Any:
    """An object that is structured later, with a path of its own."""
    return Annotated[model, Rule(read_mapping, {"type": "object"})]


_TEMPLATE_TEXT = Annotated[str, NAME]
_ID = Annotated[int, whole(-1, 2**31 - 1)]
Variables = Annotated[
    Mapping[str, str | int],
    Rule(
        _read_variables,
        {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]{0,31}$"},
            "additionalProperties": {"type": ["string", "integer"]},
        },
    ),
]

EntryBlock = partial("Entry", TargetConfig)
"""One entry of a chain written as an object."""


def _read_entries(value: Any) -> list[Any]:
    entries = _read_list(value)
    for entry in entries:
        if not isinstance(entry, str | Mapping):
            raise ValueError(f"expected URLs or objects with a url, got {described(entry)}")
    return entries


_ENTRY_SCHEMA = {"anyOf": [dict(NAME.schema), {"$ref": "#/$defs/Entry"}]}
Entries = Annotated[list[Any], Rule(_read_entries, {"type": "array", "items": _ENTRY_SCHEMA})]

OutputBlock = partial(
    "Output",
    TargetConfig,
    SessionConfig,
    without=(*IDENTITY, "url"),
    enabled=Flag,
    url=_TEMPLATE_TEXT,
    urls=Entries,
    url_template=_TEMPLATE_TEXT,
    fallback_urls=Entries,
    variables=Variables,
    max_retry_attempts=Annotated[int | None, or_never(whole(0, 1_000_000))],
)
SourceBlock = partial("Source", SourceConfig)
EncoderBlock = partial("Encoder", EncoderConfig, without=("codec", "rate_control"))


def _read_slate(value: Any) -> Any:
    return value if isinstance(value, bool) else read_mapping(value)


_SLATE_SCHEMA = {"anyOf": [{"type": "boolean"}, {"$ref": "#/$defs/SlateConfig"}]}


@attrs.frozen(kw_only=True)
class StreamBlock:
    """`streams[]`."""

    stream_id: _ID = -1
    name: Label = UNSET
    enabled: Flag = True
    source: _object(SourceBlock) = UNSET  # type: ignore[valid-type]
    encoder: _object(EncoderBlock) = UNSET  # type: ignore[valid-type]
    slate: Annotated[SlateConfig, Rule(_read_slate, _SLATE_SCHEMA)] = UNSET
    rtmp: _object(OutputBlock) = UNSET  # type: ignore[valid-type]
    outputs: _object(dict[str, OutputBlock]) = UNSET  # type: ignore[valid-type]
    variables: Variables = UNSET


@attrs.frozen(kw_only=True)
class CameraBlock:
    """`cameras[]`."""

    camera_id: _ID = -1
    name: Label = UNSET
    enabled: Flag = True
    rtmp: _object(OutputBlock) = UNSET  # type: ignore[valid-type]
    streams: _list_of(StreamBlock) = UNSET  # type: ignore[valid-type]
    variables: Variables = UNSET


@attrs.frozen(kw_only=True)
class FileBlock:
    """The whole file."""

    plugins: _object(PluginsConfig) = UNSET  # type: ignore[valid-type]
    system: _object(SystemConfig) = UNSET  # type: ignore[valid-type]
    rtmp: _object(OutputBlock) = UNSET  # type: ignore[valid-type]
    cameras: _list_of(CameraBlock) = UNSET  # type: ignore[valid-type]
    variables: Variables = UNSET


def _make_converter() -> Any:
    converter = make_converter()

    @converter.register_structure_hook_factory(attrs.has)
    def _block(cls: Any, conv: Any) -> Any:
        inner = make_dict_structure_fn(cls, conv, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=True)

        def read(value: Any, _: Any) -> Any:
            return inner(read_mapping(value), cls)

        return read

    @converter.register_structure_hook_factory(lambda type_: rule_of(type_) is not None)
    def _ruled(type_: Any) -> Any:
        rule = rule_of(type_)
        assert rule is not None
        return lambda value, _: rule.read(value)

    return converter


_CONVERTER = _make_converter()


def read_block(value: object, cls: Any, path: str, issues: list[Issue]) -> Any:
    """`value` as a block of `cls`, or None with what is wrong added to `issues`."""
    try:
        return structure(_CONVERTER, value, cls, path)
    except ConfigError as error:
        issues += [attrs.evolve(issue, path=issue.path.lstrip(".")) for issue in error.issues]
        return None


def inner_block(type_: Any) -> Any:
    """The block class inside a field's type, if any: itself, or a list's or a mapping's item."""
    if get_origin(type_) is Annotated:
        type_ = get_args(type_)[0]
    if get_origin(type_) in (list, dict):
        type_ = get_args(type_)[-1]
    return type_ if isinstance(type_, type) and attrs.has(type_) else None
