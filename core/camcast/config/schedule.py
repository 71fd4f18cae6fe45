"""When an output is to be on the air: weekly windows by the clock or by the sun, and exceptions by date.

What it comes to is in `calendar.py`.
"""

import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Any, TypeVar

import attrs

from camcast.config.about import about_fields
from camcast.config.calendar import Calendar
from camcast.config.dates import DATE, read_when
from camcast.config.moments import DAY, DAYS, MOMENT, Moment, days_later, read_moment
from camcast.config.rules import Rule, checked, number, optional, read_list, read_mapping, read_name
from camcast.errors import ConfigError, Issue
from camcast.structure import described, shortened, suggest

DAYS_WORDS = 'days such as "mon-fri" or "sat, sun"'
ALWAYS = "always"
"""Stands for `null` in TOML, which has none."""
MOST_WINDOWS = 100
MOST_EXCEPTIONS = 1000
SAMPLES = tuple(date(2024, 1, 1) + timedelta(days=step) for step in range(0, 366, 7))
"""Days on which a window by the sun is tried: all through a year."""


def read_days(value: Any) -> tuple[str, ...]:
    """Names of days in the order of the week, from "mon-fri", "sat, sun", or a list of such. Raises `ValueError`."""
    texts = [value] if isinstance(value, str) else read_list(value)
    found: set[int] = set()
    for text in texts:
        for part in read_name(text).lower().split(","):
            first, dash, last = (word.strip() for word in part.partition("-"))
            begin, end = _day(first), _day(last) if dash else _day(first)
            found.update((begin + step) % 7 for step in range((end - begin) % 7 + 1))
    if not found:
        raise ValueError(f"expected {DAYS_WORDS}, got none")
    return tuple(DAYS[index] for index in sorted(found))


def _day(word: str) -> int:
    if word[:3] not in DAYS or len(word) > len("wednesday"):
        raise ValueError(f"expected {DAYS_WORDS}, got other text")
    return DAYS.index(word[:3])


def read_zone(value: Any) -> str:
    """A name of the IANA time zone database. Raises `ValueError`."""
    name = read_name(value)
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        if not known:
            raise ValueError("there is no time zone data on this system: pip install tzdata") from None
        word = shortened(name)
        text = f'unknown time zone "{word}"{suggest(word, sorted(known))}; expected a name such as Europe/Berlin or UTC'
        raise ValueError(text) from None
    return name


_DAYS_RULE = Rule(
    read_days,
    {
        "anyOf": [
            {"type": "string", "pattern": r"\S"},
            {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": r"\S"}},
        ]
    },
    DAYS_WORDS,
)


def _days(value: str | Sequence[str]) -> tuple[str, ...]:
    """As a constructor takes them. (`checked` puts one in its place that says whose it is.)"""
    return read_days(value)


@attrs.frozen(kw_only=True, field_transformer=checked)
class Times:
    """A time on the air, on whichever day it begins; it may end on the next one."""

    start: Annotated[str, MOMENT] = "00:00"
    """When it begins: a time such as "08:00", or "sunrise" or "sunset" with an offset such as "sunset - 30 min"."""
    stop: Annotated[str, MOMENT] = "24:00"
    """When it ends; by the clock, what is not later than `start` is the next day's."""

    def __attrs_post_init__(self) -> None:
        start, stop = self.moments
        if not start.sun and start.seconds == DAY:
            raise ConfigError([Issue("start", 'a window cannot begin at "24:00"; write "00:00" of the next day')])
        if start == stop:
            text = 'is the same as start, so it would never be on; for a whole day leave both out, or stop at "24:00"'
            raise ConfigError([Issue("stop", text)])

    @property
    def moments(self) -> tuple[Moment, Moment]:
        """Its start and its stop."""
        return read_moment(self.start), read_moment(self.stop)

    @property
    def later(self) -> int:
        """Days from the one that it begins on to the one that it ends on: 0 or 1."""
        return days_later(*self.moments)

    @property
    def by_sun(self) -> str:
        """The key that needs the sun, or ""."""
        return next((key for key, moment in zip(("start", "stop"), self.moments, strict=True) if moment.sun), "")


@attrs.frozen(kw_only=True, field_transformer=checked)
class Window(Times):
    """A time on the air each week. It belongs to the day on which it begins."""

    days: Annotated[tuple[str, ...], _DAYS_RULE] = attrs.field(default=DAYS, converter=_days)
    """Days of the week on which it begins; left out: every day."""


_T = TypeVar("_T", bound=Times)


def read_windows(value: Any, model: type[_T]) -> tuple[_T, ...]:
    """Windows as a file has them, or made already. Raises `ConfigError`, `ValueError`."""
    items = read_list(value)
    if not items:
        raise ValueError('expected at least one window, got none; "enabled": false turns an output off for good')
    if len(items) > MOST_WINDOWS:
        raise ValueError(f"expected {MOST_WINDOWS} windows at most, got {len(items)}")
    return tuple(_window(item, model, f"[{index}]") for index, item in enumerate(items))


def _window(item: Any, model: type[_T], path: str) -> _T:
    if isinstance(item, model):
        return item
    if not isinstance(item, Mapping):
        raise ConfigError([Issue(path, f"expected an object with start and stop, got {described(item)}")])
    keys = _keys(model)
    unknown = [str(key) for key in item if key not in keys]
    if unknown:
        raise ConfigError([Issue(f"{path}.{unknown[0]}", f"unknown key{suggest(unknown[0], list(keys))}")])
    try:
        return model(**item)
    except ConfigError as error:
        raise ConfigError([Issue(f"{path}.{issue.path}", issue.message) for issue in error.issues]) from None


def _keys(model: type) -> list[str]:
    return sorted(field.name for field in attrs.fields(model))


def _read_weekly(value: Any) -> tuple[Window, ...] | None:
    return None if value is None or value == ALWAYS else read_windows(value, Window)


Exceptions = Mapping[str, str | tuple[Times, ...]]


def _read_exceptions(value: Any) -> Exceptions:
    given = read_mapping(value)
    if len(given) > MOST_EXCEPTIONS:
        raise ValueError(f"expected {MOST_EXCEPTIONS} exceptions at most, got {len(given)}")
    found: dict[str, str | tuple[Times, ...]] = {}
    taken: dict[date, str] = {}
    issues = []
    for key, content in given.items():
        try:
            when = read_when(key)
            found[key] = content if content in ("on", "off") else _read_own(content)
            if when.first != when.last:
                other = next((taken[day] for day in when.days if day in taken), "")
                if other:
                    raise ValueError(f'overlaps with "{other}"; give each day once')
                taken |= dict.fromkeys(when.days, key)
        except ConfigError as error:
            issues += [Issue(f"{key}{issue.path}", issue.message) for issue in error.issues]
        except ValueError as error:
            issues.append(Issue(key, str(error)))
    if issues:
        raise ConfigError(issues)
    return found


def _read_own(content: Any) -> tuple[Times, ...]:
    if not isinstance(content, list | tuple):
        raise ValueError(f'expected "off", "on" or a list of windows, got {described(content)}')
    return read_windows(content, Times)


def _window_schema(model: type) -> dict[str, Any]:
    texts, rules = about_fields(model), {"days": _DAYS_RULE, "start": MOMENT, "stop": MOMENT}
    properties = {key: {**rules[key].schema, "description": texts.get(key, "")} for key in _keys(model)}
    item = {"type": "object", "properties": properties, "additionalProperties": False}
    return {"type": "array", "minItems": 1, "maxItems": MOST_WINDOWS, "items": item}


_WINDOWS_RULE = Rule(_read_weekly, {"anyOf": [_window_schema(Window), {"type": "null"}, {"const": ALWAYS}]})
_EXCEPTIONS_RULE = Rule(
    _read_exceptions,
    {
        "type": "object",
        "maxProperties": MOST_EXCEPTIONS,
        "propertyNames": {"pattern": rf"^\s*({DATE}(\s+to\s+{DATE})?|\d{{2}}-\d{{2}})\s*$"},
        "additionalProperties": {"anyOf": [{"enum": ["on", "off"]}, _window_schema(Times)]},
    },
)
_ZONE = optional(Rule(read_zone, {"type": "string", "pattern": r"\S"}))


def _weekly(value: Sequence[Window | Mapping[str, Any]] | str | None) -> tuple[Window, ...] | None:
    """As a constructor takes them."""
    return _read_weekly(value)


def _exceptions(value: Mapping[str, Any]) -> Exceptions:
    """As a constructor takes them."""
    return _read_exceptions(value)


@attrs.frozen(kw_only=True, field_transformer=checked)
class Schedule:
    """When an output is on the air. Without `windows` it always is, but for the exceptions."""

    timezone: Annotated[str | None, _ZONE] = None
    """Time zone of all times below, by its IANA name such as "Europe/Berlin"; windows and exceptions need it."""
    windows: Annotated[tuple[Window, ...] | None, _WINDOWS_RULE] = attrs.field(default=None, converter=_weekly)
    """Weekly times on the air, each with days, start and stop; null or "always": always on."""
    latitude: Annotated[float | None, optional(number(-90, 90))] = None
    """Where the sun rises and sets, degrees north; south is negative."""
    longitude: Annotated[float | None, optional(number(-180, 180))] = None
    """Degrees east; west is negative."""
    exceptions: Annotated[Exceptions, _EXCEPTIONS_RULE] = attrs.field(factory=dict, converter=_exceptions)
    """Days with times of their own: "2026-12-24", "2026-12-24 to 2027-01-06", or "12-25" for each year, with "off",
    "on", or a list of windows without days."""

    def __attrs_post_init__(self) -> None:
        if self.always:
            return
        if self.timezone is None:
            text = 'is missing: times need a zone; give its name such as "Europe/Berlin", or "UTC"'
            raise ConfigError([Issue("timezone", text)])
        for path, window in self.all_windows():
            if not window.by_sun:
                continue
            if self.latitude is None or self.longitude is None:
                key = "latitude" if self.latitude is None else "longitude"
                text = f"is missing: {path}.{window.by_sun} goes by the sun, which needs latitude and longitude"
                raise ConfigError([Issue(key, text)])
            if not Calendar(self).ever_on(window, SAMPLES):
                text = (
                    f"{window.start} to {window.stop} comes to nothing on any day of the year there; mend start or stop"
                )
                raise ConfigError([Issue(path, text)])

    @property
    def always(self) -> bool:
        """Whether it says nothing."""
        return self.windows is None and not self.exceptions

    def all_windows(self) -> Iterable[tuple[str, Times]]:
        """Each with its place below the schedule."""
        for index, weekly in enumerate(self.windows or ()):
            yield f"windows[{index}]", weekly
        for key, content in self.exceptions.items():
            for index, own in enumerate(() if isinstance(content, str) else content):
                yield f"exceptions.{key}[{index}]", own
