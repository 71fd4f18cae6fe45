"""A chain as it was given: with its templates, which are filled in once it is known whose chain it is."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from camcast.config.place import Report
from camcast.config.secrets import is_url_reference, trimmed
from camcast.config.shown_names import shown_name
from camcast.config.target import TargetConfig
from camcast.errors import ConfigError
from camcast.structure import described
from camcast.url_template import UrlTemplate


@attrs.frozen
class TemplateChain:
    """What `urls`, `url`, `url_template` and `fallback_urls` came to. Templates may hold secrets."""

    entries: tuple[tuple[str, str | TargetConfig], ...] = attrs.field(repr=False)
    """Each with where it was given: ("urls[0]", …)."""
    variables: Mapping[str, object] = attrs.field(factory=dict, repr=False)
    made: tuple[TargetConfig, ...] = attrs.field(default=(), repr=False)
    """The targets as they were last filled in."""

    def filled(self, values: Mapping[str, object]) -> TemplateChain:
        """The same for the stream that `values` describes. Raises `ConfigError` naming the template."""
        return self._made({**values, **self.variables})

    def unfilled(self) -> TemplateChain:
        """The same while nobody knows whose it is: the templates themselves, of which only the braces are right."""
        return self._made(None)

    def _made(self, values: Mapping[str, object] | None) -> TemplateChain:
        report = Report()
        targets = []
        for path, entry in self.entries:
            with report.root().below(path).told():
                targets.append(_target(entry, values, self.variables))
        report.raise_if_wrong()
        return attrs.evolve(self, made=tuple(targets))


def _target(entry: object, values: Mapping[str, object] | None, others: Mapping[str, object]) -> TargetConfig:
    if isinstance(entry, TargetConfig):
        return entry
    if not isinstance(entry, str):
        raise ValueError(f"expected a URL or a TargetConfig, got {described(entry)}")
    url = expand_url(entry, values)
    try:
        target = TargetConfig(url=url)
    except ConfigError as error:
        raise ValueError(error.issues[0].message) from None
    return target if values is None else attrs.evolve(target, shown_name=shown_name(entry, url, others))


def expand_url(text: str, values: Mapping[str, object] | None) -> str:
    """`text` with its variables filled in (None: it is only looked at); a reference to a secret is left as it is.

    What stands around it, as where it was copied along, is no part of it."""
    text = trimmed(text)
    if is_url_reference(text):
        return text
    template = UrlTemplate(text)
    return text if values is None else template.expand(values)
