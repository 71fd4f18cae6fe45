"""What must be there on this machine for a configuration to run: secrets, files, libraries, encoders.

A file may be written on one machine for another, so reading one does not ask for any of it; `camcast check` does, of
all that is enabled. Secrets are looked for and forgotten: they go into no object that is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from camcast.config.asked import READABLE, Patience, bug
from camcast.config.hosted import HARDWARE_WORDS, check_options, offered_encoders, tell_target
from camcast.config.model import AUTO, EncoderConfig, SourceConfig
from camcast.config.place import Place
from camcast.config.published import name_of
from camcast.config.secrets import has_reference, is_reference, is_url_reference, secret, trimmed
from camcast.config.service import ServiceConfig
from camcast.config.target import TargetConfig
from camcast.discovery import DiscovererKind
from camcast.errors import CamcastError
from camcast.kinds import EncoderKind, Gives, ServiceKind, SourceKind, TransportKind
from camcast.target import Target
from camcast.url_template import url_fault

if TYPE_CHECKING:
    from camcast.host import PluginHost

NOTHING_RUNS = (
    'nothing would be published: give a stream an output, such as "rtmp": {"url": "rtmp://SERVER/APP/KEY"}, and see '
    "that it, its stream and its camera are enabled"
)


class Here:
    """Looks for what one configuration needs. What is missing is told at its place."""

    def __init__(self, host: PluginHost) -> None:
        self._host = host
        self._found: dict[str, str] = {}
        """Secrets that were asked for, so that each is asked for once."""
        self._missing: dict[str, str] = {}
        """Why others are not there, by reference."""
        self._secrets = Patience("secret")
        self._plugins = Patience("look")
        self._libraries: dict[int, str] = {}
        """Why a kind cannot be used, by its id; "" = it can."""
        self._encoders: dict[str, str] = {}
        """The same of encoders, by name."""
        self._owners: dict[str, tuple[str, bool]] = {}
        """Who publishes what, its secrets known, and whether it has any."""

    def source(self, config: SourceConfig, kind: SourceKind, place: Place) -> None:
        """A stream's source that is to run."""
        if why := self._library(kind):
            place.at("type").wrong(why)
        options = self._options(config.options, place.at("options"))
        if options is not None and has_reference(config.options):
            check_options(self._host, kind, options, place.at("options"))
        url = self._secret(config.url, place.at("url")) if is_url_reference(config.url) else config.url
        if url:
            # Of what is kept elsewhere nothing is shown; a file's name is no key.
            kept = frozenset({url} if is_url_reference(config.url) else ())
            name = url.rpartition("/")[2] if not kept and url.lower().startswith("file:///") else ""
            hidden = Target(url=url, inherited=kept, shown_name=name)
            finder = self._host.discoverer_of(url)
            if finder is not None and (why := self._library(finder)):
                place.at("url").wrong(why)
                return
            who, present = f"source {kind.name}", kind.present
            if finder is not None:
                who, present = f"discoverer {finder.name}", finder.present
            if why := self._fault(who, "present", lambda: present(url), hidden.scrub):
                place.at("url").wrong(why)

    def encoder(self, config: EncoderConfig, source: SourceKind, place: Place) -> None:
        """A stream's encoder, where one is needed for certain."""
        if config.codec is None or not (source.gives is Gives.FRAMES or config.transcode):
            return
        kinds = offered_encoders(self._host, config.codec)
        if config.implementation in HARDWARE_WORDS:
            kinds = [kind for kind in kinds if kind.hardware == HARDWARE_WORDS[config.implementation]]
        elif config.implementation != AUTO:
            kinds = [kind for kind in kinds if kind.name == config.implementation]
        # Software first: it is what nearly always works, and is found to do so at once.
        said = {}
        for kind in sorted(kinds, key=lambda kind: kind.hardware):
            said[kind.name] = why = self._opens(kind)
            if not why:
                return
        where = place.at("type" if config.implementation == AUTO else "implementation")
        reasons = "; ".join(f"{name}: {why}" for name, why in said.items())
        advice = "camcast encoders lists what works"
        where.wrong(f"no encoder for {config.codec} works on this machine ({reasons or 'there is none'}); {advice}")

    def target(self, label: str, config: TargetConfig, kind: TransportKind | None, place: Place, url: Place) -> None:
        """One entry of an output's chain that is to run. `url` is the place of its URL."""
        before = place.report.told
        texts = {"url": (config.url, url), "stream_key": (config.stream_key, place.at("stream_key"))}
        texts["proxy"] = (config.proxy, place.at("proxy"))
        for key, (text, where) in texts.items():
            if text and (is_reference(text) if key == "stream_key" else is_url_reference(text)):
                self._secret(text, where)
        self._options(config.options, place.at("options"))
        if place.report.told > before:
            return
        target = self._host.platforms.placed(config.target(resolve_secret=lambda reference: self._found[reference]))
        if fault := url_fault(target.url):
            url.wrong(f"the secret in {config.shown} is not a valid URL: {target.scrub(fault)}")
            return
        try:
            kind = kind or self._host.transport(config.transport, target.scheme)
        except LookupError as error:
            url.wrong(target.scrub(str(error.args[0])))
            return
        if why := self._library(kind):
            (place.at("transport") if config.transport else url).wrong(why)
            return
        options = check_options(self._host, kind, target.options, place.at("options"))
        if place.report.told > before:
            return
        self._goes(label, config, kind, attrs.evolve(target, options=options), place, url)

    def _goes(
        self, label: str, config: TargetConfig, kind: TransportKind, target: Target, place: Place, url: Place
    ) -> None:
        """Whether its transport can work with `target`, which is whole, and nobody else publishes the same."""
        who = f"transport {kind.name}"
        if config.needs_secrets:
            try:
                self._plugins.within(who, lambda: kind.check(target))
            except READABLE as error:
                tell_target(error, target, place, url)
                return
            except Exception as error:  # noqa: BLE001  a plugin's bug
                url.wrong(bug(self._host, who, "check", error, target.scrub))
                return
            self._remark(kind, target, url)
        if why := self._fault(who, "accepts", lambda: kind.accepts(target), target.scrub):
            url.wrong(why)
            return
        name = name_of(self._host, kind, target)
        if name is None:
            url.wrong(f"{who} cannot say what is published there")
            return
        owner, hidden = self._owners.setdefault(name, (label, config.needs_secrets))
        # Where neither has a secret, it is told without looking for any.
        if owner != label and (hidden or config.needs_secrets):
            url.wrong(f"{label} would publish what {owner} does, once the secrets are known; give it a key of its own")

    def _remark(self, kind: TransportKind, target: Target, url: Place) -> None:
        """What is odd about a target whose secrets are known now."""
        who = f"transport {kind.name}"
        try:
            remarks = self._plugins.within(who, lambda: kind.remarks(target))
        except Exception as error:  # noqa: BLE001  a plugin's bug, which keeps nothing from being published
            bug(self._host, who, "remarks", error, target.scrub)
            return
        for text in remarks:
            url.remark(target.scrub(text))

    def service(self, config: ServiceConfig, kind: ServiceKind, place: Place, options: Place) -> None:
        """A service. `options` is the place of its options."""
        if why := self._library(kind):
            place.wrong(why)
        found = self._options(config.options, options)
        if found is not None and has_reference(config.options):
            check_options(self._host, kind, found, options)

    def _options(self, options: Mapping[str, Any], place: Place) -> dict[str, Any] | None:
        """`options` with what they refer to; None where something is not there, which is told."""
        whole = True
        for path, reference in _references(options):
            whole &= self._secret(reference, place.below(path)) is not None
        if not whole:
            return None
        return {key: _filled(value, self._found) for key, value in options.items()}

    def _secret(self, reference: str, place: Place) -> str | None:
        """What a reference stands for; None where that is not there, which is told."""
        if reference not in self._found and reference not in self._missing:
            try:
                self._found[reference] = trimmed(self._secrets.within(reference, lambda: secret(self._host, reference)))
            except CamcastError as error:
                self._missing[reference] = str(error)
            except TimeoutError as error:
                self._missing[reference] = f"{error}; see to the plugin or the disk that keeps this secret"
            except Exception as error:  # noqa: BLE001  whose text may hold what was looked for
                self._missing[reference] = f"{reference}: looking for it failed with {type(error).__name__}"
        if reference in self._missing:
            place.wrong(self._missing[reference])
            return None
        return self._found[reference]

    def _library(self, kind: SourceKind | TransportKind | ServiceKind | DiscovererKind) -> str:
        """Why a kind cannot be used here; "" = it can."""
        if id(kind) not in self._libraries:
            self._libraries[id(kind)] = self._unusable(kind.name, lambda: _use(kind))
        return self._libraries[id(kind)]

    def _opens(self, kind: EncoderKind) -> str:
        if kind.name not in self._encoders:
            self._encoders[kind.name] = self._unusable(kind.name, kind.probe)
        return self._encoders[kind.name]

    def _unusable(self, what: str, call: Callable[[], object]) -> str:
        """Why `call`, which loads or opens something, fails, in words; "" = it does not."""
        try:
            self._plugins.within(what, call)
        except (CamcastError, TimeoutError) as error:
            return str(error) or type(error).__name__
        except Exception as error:  # noqa: BLE001  whatever an import or a driver raises
            return f"it does not load on this machine ({type(error).__name__}: {error})"
        return ""

    def _fault(self, who: str, where: str, call: Callable[[], object], clean: Callable[[str], str]) -> str:
        """The same of any other call of a plugin."""
        try:
            self._plugins.within(who, call)
        except READABLE as error:
            return clean(str(error)) or type(error).__name__
        except Exception as error:  # noqa: BLE001  a plugin's bug
            return bug(self._host, who, where, error, clean)
        return ""


def _use(kind: SourceKind | TransportKind | ServiceKind | DiscovererKind) -> None:
    kind.available()
    if not isinstance(kind, ServiceKind):
        kind.load()


def _references(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every reference in options, each with its path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _references(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _references(item, f"{path}[{index}]")
    elif is_reference(value):
        yield path, value


def _filled(value: Any, found: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(item, found) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(item, found) for item in value]
    return found[value] if is_reference(value) else value
