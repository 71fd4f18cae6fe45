"""Which plugins are used, and who has a name that two of them claim."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from tests.core.hosting.strangers import Brings, Install, codec, encoder, install, source, transport

from camcast.config import Config, PluginsConfig, from_mapping
from camcast.engine import Engine
from camcast.engine.worker import _Engine
from camcast.errors import MediaError
from camcast.hooks import hookimpl
from camcast.host import Choice, PluginHost
from camcast.kinds import SourceKind
from camcast.workers import wire

__all__ = ["install"]

OURS = ("camcast", "rtmp")
THEIRS = ("camcast-better", "better")


def texts(host: PluginHost) -> list[str]:
    return [str(problem) for problem in host.problems]


def used(host: PluginHost) -> list[str]:
    return [plugin.reference for plugin in host.plugins]


# --- which plugins are used ---------------------------------------------------------------------------------


def test_a_blocked_plugin_is_not_even_imported(install: Install) -> None:
    imported = install({OURS: Brings(transport("rtmp", "rtmp")), THEIRS: Brings(transport("better", "rtmp"))})
    host = PluginHost(block=["rtmp"])
    assert imported == ["camcast-better:better"]
    assert host.transport("", "rtmp").name == "better"
    assert [str(problem) for problem in host.blocked] == ["rtmp (camcast 1.0): blocked by this program"]
    assert texts(host) == []


def test_only_the_allowed_are_used_and_the_first_of_them_comes_first(install: Install) -> None:
    install(
        {
            OURS: Brings(transport("rtmp", "rtmp")),
            THEIRS: Brings(transport("better", "rtmp")),
            ("other", "third"): Brings(source("third")),
        }
    )
    host = PluginHost(allow=["better", "rtmp"])
    assert used(host) == ["camcast-better:better", "camcast:rtmp"]
    assert host.transport("", "rtmp").name == "better"
    assert [str(problem) for problem in host.blocked] == [
        "third (other 1.0): not in the allow-list of this program",
    ]


def test_of_two_plugins_of_one_name_the_distribution_tells_them_apart(install: Install) -> None:
    both = {OURS: Brings(transport("rtmp", "rtmp")), ("their_Better.one", "rtmp"): Brings(transport("rtmp", "rtmp"))}
    install(both)
    host = PluginHost()
    assert used(host) == ["camcast:rtmp"]
    assert texts(host) == [
        (
            'rtmp (their_Better.one 1.0): a plugin named "rtmp" is in use already, that of camcast; this one is left '
            'out. To have this one, block the other: "plugins": {"block": ["camcast:rtmp"]} in the configuration, or '
            "camcast --block camcast:rtmp"
        )
    ]
    assert used(PluginHost(block=["camcast:rtmp"])) == ["their_Better.one:rtmp"]
    assert used(PluginHost(allow=["Their-better-One:rtmp", "camcast:rtmp"])) == ["their_Better.one:rtmp"]
    assert used(PluginHost(block=["rtmp"])) == []


def test_a_broken_plugin_gives_way_to_another_of_its_name(install: Install) -> None:
    install({OURS: ImportError("no libx"), ("other", "rtmp"): Brings(transport("rtmp", "rtmp"))})
    host = PluginHost()
    assert used(host) == ["other:rtmp"]
    assert texts(host) == ["rtmp (camcast 1.0): cannot be imported: ImportError: no libx"]


def test_a_name_that_no_plugin_has_is_told(install: Install) -> None:
    install({OURS: Brings(transport("rtmp", "rtmp"))})
    host = PluginHost(choices=[Choice(block=("rtpm",), said_by="--block"), Choice(allow=("rtmp", "zzz"))])
    assert texts(host) == [
        'rtpm: is blocked by --block, but no such plugin is installed; did you mean "rtmp"?',
        "zzz: is allowed by this program, but no such plugin is installed; known: rtmp",
    ]


def test_what_is_not_found_may_be_blocked(install: Install) -> None:
    install({OURS: Brings(transport("rtmp", "rtmp"))})
    host = PluginHost(block=["rtmp"])
    with pytest.raises(LookupError) as caught:
        host.transport("", "rtmp")
    assert caught.value.args[0] == (
        "no transport for rtmp:// URLs; known: none; plugins left out by a block- or allow-list: rtmp"
    )


def test_a_host_limited_further_has_the_same_kinds_and_the_first_keeps_its_own(install: Install) -> None:
    imported = install({OURS: Brings(transport("rtmp", "rtmp")), THEIRS: Brings(transport("better", "rtmp"))})
    host = PluginHost()
    host.register(Brings(source("mine")), "mine")
    fewer = host.limited(Choice(block=("rtmp",), said_by="a test"))
    assert len(imported) == 2
    assert [str(problem) for problem in fewer.blocked] == ["rtmp (camcast 1.0): blocked by a test"]
    assert fewer.transport("", "rtmp") is host.transports["better"]
    assert fewer.source("mine") is host.source("mine")
    assert host.transport("", "rtmp").name == "rtmp"
    assert texts(fewer) == []
    assert fewer.limited(Choice(block=("rtmp",), said_by="a test")) is fewer
    assert host.limited(Choice()) is host


def test_a_registered_plugin_is_not_asked_for_in_an_allow_list(install: Install) -> None:
    install({OURS: Brings(transport("rtmp", "rtmp"))})
    host = PluginHost(allow=[])
    host.register(Brings(source("mine")), "mine")
    assert used(host) == ["registered:mine"]
    assert used(host.limited(Choice(block=("mine",)))) == []


# --- the key of the configuration ---------------------------------------------------------------------------


def test_the_configurations_key_holds_for_what_it_says(install: Install) -> None:
    install({OURS: Brings(transport("rtmp", "rtmp")), THEIRS: Brings(source("s"), transport("better", "rtmp"))})
    output = {"url": "rtmp://h/a/k", "transport": "rtmp"}
    stream = {"source": {"type": "s", "url": "x"}, "outputs": {"a": output}}
    file = {"plugins": {"block": ["rtmp"]}, "cameras": [{"streams": [stream]}]}
    host = PluginHost()
    with pytest.raises(Exception, match=r'unknown transport "rtmp"; known: better; plugins left out by .*: rtmp'):
        from_mapping(file, host)
    del output["transport"]
    config = from_mapping(file, host)
    assert config.plugins == PluginsConfig(block=("rtmp",))
    assert used(Engine(config).host) == used(Engine(config, host=host).host) == ["camcast-better:better"]


def test_a_file_leaves_a_plugin_out_before_it_is_imported(install: Install, tmp_path: Any) -> None:
    imported = install({OURS: Brings(transport("rtmp", "rtmp")), THEIRS: Brings(transport("better", "rtmp"))})
    path = tmp_path / "system_config.json"
    path.write_text('{"plugins": {"block": ["rtmp"]}}')
    assert used(Engine.from_file(path).host) == ["camcast-better:better"]
    assert imported == ["camcast-better:better"]


def test_a_worker_process_has_the_plugins_of_its_parent_in_their_order(install: Install) -> None:
    install(
        {OURS: Brings(transport("rtmp", "rtmp")), THEIRS: Brings(transport("better", "rtmp")), ("c", "c"): Brings()}
    )
    parent = Engine(Config(plugins=PluginsConfig(allow=("better", "rtmp"))))
    worker = _Engine(wire.Begin(Config().system, 0, tuple(used(parent.host))), lambda message: None)
    assert used(worker.host) == used(parent.host) == ["camcast-better:better", "camcast:rtmp"]
    assert worker.host.transport("", "rtmp").name == "better"


# --- of two that claim the same -----------------------------------------------------------------------------


def test_of_two_with_one_scheme_the_first_has_it_and_the_other_is_used_by_name(install: Install) -> None:
    install({THEIRS: Brings(transport("better", "rtmp", "best")), OURS: Brings(transport("rtmp", "rtmp"))})
    host = PluginHost()
    assert host.transport("", "rtmp").name == "rtmp"
    assert host.transport("better", "rtmp").name == "better"
    assert host.transport("", "best").name == "better"
    assert texts(host) == [
        (
            "better (camcast-better 1.0): rtmp:// is brought by rtmp (camcast 1.0) too, which comes first; this one "
            'takes it where "transport": "better" says so. To have it from this plugin, block the other: "plugins": '
            '{"block": ["rtmp"]} in the configuration, or camcast --block rtmp'
        )
    ]


@pytest.mark.parametrize("make", [source, encoder, codec, functools.partial(transport)])
def test_of_two_of_one_name_only_the_later_is_out_of_use(install: Install, make: Any) -> None:
    ours, theirs, alone = make("One"), make("one"), make("other")
    install({("z", "a"): Brings(theirs, alone), ("b", "b"): Brings(make("ONE")), ("camcast", "z"): Brings(ours)})
    host = PluginHost()
    tables = [*host.sources.values(), *host.encoders.values(), *host.codecs.values(), *host.transports.values()]
    assert tables == [ours, alone]
    assert [text.partition(" is brought by ")[2].partition(" too")[0] for text in texts(host)] == [
        "z (camcast 1.0)"
    ] * 2
    assert [text.partition(":")[0] for text in texts(host)] == ["a (z 1.0)", "b (b 1.0)"]


def test_a_codecs_further_name_gives_way_to_a_name(install: Install) -> None:
    install(
        {("a", "a"): Brings(codec("x", "y", "w")), ("b", "b"): Brings(codec("y")), ("c", "c"): Brings(codec("v", "W"))}
    )
    host = PluginHost()
    assert (host.codec("y").name, host.codec("w").name, host.codec("v").name) == ("y", "x", "v")
    assert [text.partition(" is brought")[0] for text in texts(host)] == ['c (c 1.0): codec name "W"']
    # Not one that is only spelt alike: ffv1 is not flv1.
    with pytest.raises(MediaError, match=r'^unknown codec "vv"; known: v, x, y$'):
        host.codec("vv")


def test_a_program_can_put_its_own_first(install: Install) -> None:
    install({OURS: Brings(transport("rtmp", "rtmp"))})
    host = PluginHost()
    host.register(Brings(transport("rtmp", "rtmp")), "late")
    assert host.plugin_of(host.transport("", "rtmp")).name == "rtmp"  # type: ignore[union-attr]
    first = PluginHost()
    first.register(Brings(transport("rtmp", "rtmp")), "mine", first=True)
    assert first.plugin_of(first.transport("", "rtmp")).name == "mine"  # type: ignore[union-attr]
    assert [text.partition(":")[0] for text in texts(first)] == ["rtmp (camcast 1.0)"]


def test_a_transport_by_name_only_claims_no_scheme(install: Install) -> None:
    install({("a", "a"): Brings(transport("a", "rtmp", by_name_only=True)), ("b", "b"): Brings(transport("b", "rtmp"))})
    host = PluginHost()
    assert host.transport("", "rtmp").name == "b"
    assert texts(host) == []


# --- what is wrong with one ---------------------------------------------------------------------------------


@hookimpl
async def _awaits(event: object) -> None:
    raise AssertionError


@hookimpl
async def _awaits_and_yields(event: object) -> AsyncIterator[None]:
    yield None


@hookimpl
def _yields(event: object) -> Iterator[None]:
    yield None


@hookimpl(wrapper=True)
def _wraps(event: object) -> Iterator[None]:
    yield None


@pytest.mark.parametrize(
    ("watcher", "word"),
    [
        (_awaits, "an async function"),
        (_awaits_and_yields, "an async function"),
        (_yields, "a generator"),
        (_wraps, "a wrapper around other plugins' hooks"),
    ],
)
def test_a_hook_that_would_never_run_is_refused(watcher: object, word: str) -> None:
    host = PluginHost(entry_points=False)
    host.register(SimpleNamespace(camcast_session_event=watcher), "bell")
    assert texts(host) == [
        (
            f'bell (registered): "camcast_session_event" is {word}, which would never run: hooks are called, and what '
            'they return is all. Make it a plain "def"; what takes time belongs into a queue or task of your own. '
            "The plugin is left out."
        )
    ]
    assert not host.listens("camcast_session_event")


def test_kinds_may_come_from_a_generator() -> None:
    @hookimpl
    def camcast_sources() -> Iterator[SourceKind]:
        yield source("made")

    host = PluginHost(entry_points=False)
    host.register(SimpleNamespace(camcast_sources=camcast_sources), "maker")
    assert (list(host.sources), texts(host)) == (["made"], [])


def _sources(answer: object) -> object:
    @hookimpl
    def camcast_sources() -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return SimpleNamespace(camcast_sources=camcast_sources)


@hookimpl
def camcast_sorces() -> Sequence[SourceKind]:
    return []


@hookimpl
def camcast_codecs(colour: str) -> Sequence[object]:
    return []


@pytest.mark.parametrize(
    ("plugin", "text"),
    [
        (SimpleNamespace(), "has no function marked with camcast's hookimpl"),
        (
            SimpleNamespace(camcast_sorces=camcast_sorces),
            '"camcast_sorces" is not a hook of camcast; did you mean "camcast_sources"? The plugin is left out.',
        ),
        (SimpleNamespace(camcast_codecs=camcast_codecs), "Argument(s) {'colour'} are declared in the hookimpl but"),
        (_sources(ValueError("what")), "camcast_sources raised ValueError: what"),
        (_sources(7), "camcast_sources returned int, not a sequence of kinds"),
        (_sources([codec("x")]), "camcast_sources returned a CodecKind, not a SourceKind"),
    ],
)
def test_what_is_wrong_is_told_and_harms_no_other(plugin: object, text: str) -> None:
    host = PluginHost(entry_points=False)
    host.register(Brings(source("good")), "good")
    host.register(plugin, "bad")
    (problem,) = host.problems
    assert problem.plugin == "bad (registered)"
    assert text in problem.reason
    assert list(host.sources) == ["good"]
    assert texts(host.limited(Choice(block=("good",)))) == texts(host)


def test_a_property_that_raises_is_the_plugins_own_business() -> None:
    class Moody(Brings):
        @property
        def mood(self) -> str:
            raise RuntimeError("not now")

    host = PluginHost(entry_points=False)
    host.register(Moody(source("good")), "moody")
    assert (list(host.sources), texts(host)) == (["good"], [])
