"""Services: run beside the engine, brought back when they fail, and never a stream's problem."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import attrs
import pytest
from tests.core.engine import service_plugins as bad
from tests.core.engine.service_plugins import Plugin
from tests.core.session.test_session import KEY, chain
from tests.core.world import World, until

from camcast.camera.stats import ServiceMetrics
from camcast.config import Config, ServiceConfig, dumps, json_schema, loads
from camcast.engine import Engine, service_run, service_thread
from camcast.errors import ConfigError, MediaError, NotFound, OutOfRange, WrongState
from camcast.events import ServiceChanged, ServiceNote, ServiceState, SessionKey, SessionState, StateChanged
from camcast.host import PluginHost
from camcast.services import ServiceContext

BELL = ServiceConfig(type="bell", options={"word": "ding", "token": "hidden-token"})


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses and looks of seconds pass in hundredths."""
    for name, value in (("FIRST_PAUSE", 0.02), ("LONGEST_PAUSE", 0.08), ("UNREAD", 0.05), ("END_DEADLINE", 0.2)):
        monkeypatch.setattr(service_run, name, value)
    monkeypatch.setattr(service_run, "LOOK", 0.02)


async def start(world: World, plugin: Plugin, *services: ServiceConfig) -> Engine:
    """An engine with a stream that is on the air, and these services."""
    world.host.register(plugin, "bells")
    config = attrs.evolve(world.config(chain("a")), services=services or (BELL,))
    world.engine = Engine(config, host=world.host)
    await world.engine.start()
    await until(lambda: (0, 0) in world.sinks)
    world.flow()
    await until(lambda: world.servers.live("a"))
    return world.engine


def one(engine: Engine) -> ServiceMetrics:
    (metrics,) = engine.stats().services
    return metrics


def changes(world: World) -> list[tuple[ServiceState, str]]:
    return [(event.new, event.reason) for event in world.events if isinstance(event, ServiceChanged)]


async def on_service(context: ServiceContext, work: Callable[[], object]) -> object:
    """What a coroutine function gives on a loop in another thread, as a service calls it."""

    def run() -> object:
        return asyncio.run(work())  # type: ignore[arg-type]

    return await asyncio.to_thread(run)


def service_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("camcast-service")]


async def test_a_service_runs_in_a_thread_of_its_own_and_ends_with_the_engine(world: World) -> None:
    before = set(threading.enumerate())  # those that hang, of tests before
    plugin = Plugin(bad.reads)
    engine = await start(world, plugin)
    await until(lambda: plugin.contexts)
    (context,) = plugin.contexts
    assert (context.name, context.options.word, context.options.token) == ("bell", "ding", "hidden-token")
    assert "hidden-token" not in repr(context)
    assert plugin.threads != [threading.get_ident()]
    assert one(engine) == ServiceMetrics(
        name="bell", type="bell", state=ServiceState.RUNNING, starts=1, failures=0, last_error="", events_lost=0
    )
    await engine.stop()
    assert changes(world) == [(ServiceState.RUNNING, ""), (ServiceState.STOPPED, "")]
    # Its last act is to say that it ends; the thread itself needs a moment more.
    await until(lambda: not [one for one in service_threads() if one not in before])


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (bad.raises, "it failed by a bug of its own: RuntimeError: the token is ***"),
        (bad.away, "the broker refuses ***"),
        (bad.returns, "it ended by itself"),
        (bad.leaves, "it failed by a bug of its own: SystemExit: 3"),
    ],
    ids=["raises", "away", "returns", "leaves"],
)
async def test_one_that_ends_is_started_again_and_no_stream_notices(
    world: World, quick: None, caplog: pytest.LogCaptureFixture, run: bad.Run, reason: str
) -> None:
    plugin = Plugin(run)
    engine = await start(world, plugin)
    await until(lambda: len(plugin.contexts) > 4)
    first = next(change for change in changes(world) if change[0] is ServiceState.WAITING)
    assert first == (ServiceState.WAITING, reason)
    told = [event for event in world.events if isinstance(event, ServiceChanged) and event.retry_in is not None]
    assert [event.retry_in for event in told[:4]] == [0.02, 0.04, 0.08, 0.08]
    metrics = one(engine)
    assert metrics.failures >= 3
    assert metrics.last_error == reason
    assert "hidden-token" not in caplog.text
    assert len(world.servers.at("a")) == 1


async def test_one_that_cannot_be_mended_waits_for_a_reload(world: World, quick: None) -> None:
    plugin = Plugin(bad.hopeless)
    engine = await start(world, plugin)
    await until(lambda: one(engine).state is ServiceState.FAILED)
    assert len(plugin.contexts) == 1
    assert await engine.reload(engine.config) == ["service bell tried again (it had failed)"]
    await until(lambda: len(plugin.contexts) == 2)


async def test_one_that_holds_its_loop_is_named_left_behind_and_finally_left_alone(world: World, quick: None) -> None:
    plugin = Plugin(bad.blocks)
    engine = await start(world, plugin)
    await until(lambda: one(engine).state is ServiceState.FAILED, 20.0)
    assert len(plugin.contexts) == service_run.MOST_LEFT
    reason = next(reason for state, reason in changes(world) if state is ServiceState.WAITING)
    assert reason.startswith("it hangs, in service_plugins.py:")
    assert reason.endswith(" in blocks")
    assert one(engine).last_error.endswith("3 of its threads hang, so it is not started again by itself")
    with pytest.raises(WrongState, match="closed"):
        await plugin.contexts[0].engine.stats()
    assert len(world.servers.at("a")) == 1


async def test_one_that_reads_no_events_is_started_again_and_what_it_misses_is_counted(
    world: World, quick: None
) -> None:
    plugin = Plugin(bad.deaf)
    engine = await start(world, plugin)
    await until(lambda: plugin.contexts)
    await asyncio.sleep(0.05)
    for number in range(10):
        engine.cameras.stream(0, 0).note("odd", f"number {number}")
    await until(lambda: one(engine).failures)
    assert one(engine).events_lost > 0
    assert (ServiceState.WAITING, "it has not read its events for 0.05 s") in changes(world)


async def test_one_that_will_not_end_holds_up_neither_a_reload_nor_the_end(world: World, quick: None) -> None:
    plugin = Plugin(bad.stubborn)
    engine = await start(world, plugin)
    await until(lambda: plugin.contexts)
    other = attrs.evolve(engine.config, services=(attrs.evolve(BELL, options={"word": "dong"}),))
    async with asyncio.timeout(5):
        lines = await engine.reload(other)
    assert lines == ["service bell restarted (options.token, options.word)"]
    await until(lambda: len(plugin.contexts) == 2)
    async with asyncio.timeout(5):
        await engine.stop()


async def test_notes_become_events_and_a_flood_of_them_is_bounded(world: World) -> None:
    await start(world, Plugin(bad.chatters))
    await until(lambda: len([e for e in world.events if isinstance(e, ServiceNote)]) >= service_run.NOTES_AT_ONCE)
    notes = [event for event in world.events if isinstance(event, ServiceNote)]
    assert notes[0].text == "Service bell: number 0 of *** [chatter]"
    assert len(notes) < service_run.NOTES_AT_ONCE + 10


async def test_its_own_figures_are_among_its_metrics_while_it_runs_and_bounded(world: World) -> None:
    plugin = Plugin(bad.waits)
    engine = await start(world, plugin)
    await until(lambda: plugin.contexts)
    figure = plugin.contexts[0].figure
    figure("ends", 1)
    figure("ends", 2)
    assert one(engine).figures == {"ends": 2.0}
    for number in range(1000):
        figure(f"more_{number}", number)
    figure("ends", 3)
    assert len(one(engine).figures) == service_run.MOST_FIGURES
    assert one(engine).figures["ends"] == 3.0
    other = attrs.evolve(engine.config, services=(attrs.evolve(BELL, options={"word": "dong"}),))
    await engine.reload(other)
    await until(lambda: len(plugin.contexts) == 2)
    figure("ends", 4)  # of a run that has ended
    assert one(engine).figures == {}


async def test_the_view_shows_and_steers_from_any_thread(world: World) -> None:
    plugin = Plugin(bad.waits)
    engine = await start(world, plugin)
    await until(lambda: plugin.contexts)
    view = plugin.contexts[0].engine

    async def look() -> object:
        stats, cameras, sessions = await view.stats(), await view.cameras(), await view.sessions()
        return [one.key for one in stats.sessions], [one.name for one in cameras], [one.key for one in sessions]

    assert await on_service(plugin.contexts[0], look) == ([KEY], ["toy"], [KEY])

    async def steer() -> None:
        await view.pause(KEY)
        await view.resume(KEY)
        await view.retry(KEY)
        await view.switch(KEY, 0)
        assert await view.request_keyframe(0, 0) is True
        assert await view.set_bitrate(0, 0, 500) is False
        await view.retry_source(0, 0)

    await on_service(plugin.contexts[0], steer)
    await until(lambda: world.keyframes_asked)
    assert SessionState.DISCONNECTED in [e.new for e in world.events if isinstance(e, StateChanged)]

    async def wrong() -> None:
        with pytest.raises(NotFound, match="no session 0/0/other; known: 0/0/rtmp"):
            await view.pause(SessionKey(0, 0, "other"))
        with pytest.raises(NotFound, match="no stream 7; known: 0"):
            await view.request_keyframe(0, 7)
        with pytest.raises(NotFound):
            await view.remove_camera(9)
        with pytest.raises(OutOfRange):
            await view.switch(KEY, 5)
        with pytest.raises(MediaError, match="nothing here decodes toyvideo"):
            await view.snapshot(0, 0)
        with pytest.raises(NotFound):
            await view.snapshot(0, 7)
        with pytest.raises(WrongState, match="has not said how it reads a file again"):
            await view.reload_file()
        with pytest.raises(WrongState, match="has not said how it ends it"):
            view.stop()

    await on_service(plugin.contexts[0], wrong)

    async def change() -> list[str]:
        key = await view.add_output(chain("b").evolve(output="second"))
        await view.remove_output(key)
        return await view.reload(attrs.evolve(engine.config, cameras=()))

    assert await on_service(plugin.contexts[0], change) == ["camera 0 removed"]
    await engine.stop()
    with pytest.raises(WrongState):
        await view.stats()


async def test_a_reload_that_a_service_asks_for_may_end_the_service_itself(world: World) -> None:
    async def asks(context: ServiceContext) -> None:
        if context.options.word == "ding":
            config = context.engine.config
            await context.engine.reload(attrs.evolve(config, services=(attrs.evolve(BELL, options={"word": "dong"}),)))
        await asyncio.Event().wait()

    plugin = Plugin(asks)
    engine = await start(world, plugin)
    await until(lambda: len(plugin.contexts) == 2)
    await until(lambda: engine.config.services[0].options == {"word": "dong"})
    assert one(engine).state is ServiceState.RUNNING


async def test_the_program_is_asked_to_reload_and_to_stop(world: World) -> None:
    class Program:
        stopped = False

        async def reload(self) -> list[str]:
            return ["as asked"]

        def stop(self) -> None:
            self.stopped = True

    plugin = Plugin(bad.waits)
    engine = await start(world, plugin)
    program = engine.program = Program()
    await until(lambda: plugin.contexts)
    view = plugin.contexts[0].engine
    assert await on_service(plugin.contexts[0], view.reload_file) == ["as asked"]
    view.stop()
    await until(lambda: program.stopped)


async def test_services_are_added_and_removed_by_a_reload_and_cameras_go_on(world: World) -> None:
    plugin = Plugin(bad.waits)
    engine = await start(world, plugin, BELL, BELL)
    assert [service.name for service in engine.stats().services] == ["bell", "bell2"]
    assert await engine.reload(attrs.evolve(engine.config, services=(BELL,))) == ["service bell2 removed"]
    assert await engine.reload(attrs.evolve(engine.config, services=(BELL, BELL))) == ["service bell2 added"]
    assert await engine.reload(engine.config) == []
    assert len(world.servers.at("a")) == 1


# --- in a file ------------------------------------------------------------------------------------------------


def host(plugin: Plugin | None = None) -> PluginHost:
    host = PluginHost(entry_points=False)
    host.register(plugin or Plugin(bad.waits), "bells")
    return host


def test_a_file_names_services_by_their_kind() -> None:
    text = '{"services": {"bell": [{"word": "a"}, {"word": "b", "token": "env:BELL"}]}}'
    config = loads(text, host())
    assert config.services == (
        ServiceConfig(type="bell", options={"word": "a"}),
        ServiceConfig(type="bell", options={"word": "b", "token": "env:BELL"}),
    )
    for one in (text, '{"services": {"bell": true}}', '{"services": {"bell": {"word": "c"}}}', "{}"):
        config = loads(one, host())
        assert loads(dumps(config), host()) == config
    assert loads('{"services": {"bell": false}}', host()) == Config()


def test_what_is_wrong_with_a_service_is_told_at_its_place() -> None:
    def check(options: object) -> None:
        raise ValueError("cannot ring at night")

    text = '{"services": {"bel": {}, "bell": [{"wort": 1}, 3]}}'
    with pytest.raises(ConfigError) as error:
        loads(text, host())
    assert [str(issue) for issue in error.value.issues] == [
        'services.bel: unknown service "bel"; did you mean "bell"?',
        "services.bell: expected a list of objects, got 3 as number 2",
    ]
    with pytest.raises(ConfigError, match=r'services\.bell\[0\]\.wort: unknown key; did you mean "word"\?'):
        loads('{"services": {"bell": [{"wort": 1}]}}', host())
    with pytest.raises(ConfigError, match=r"services\.bell: cannot ring at night"):
        loads('{"services": {"bell": {}}}', host(Plugin(bad.waits, check=check)))
    with pytest.raises(ConfigError, match=r"services\[0\]\.options\.word: expected text, got 3"):
        Engine(Config(services=(ServiceConfig(type="bell", options={"word": 3}),)), host=host())


def test_the_schema_describes_each_services_options() -> None:
    services = json_schema(host())["properties"]["services"]
    _flag, options, _several = services["properties"]["bell"]["anyOf"]
    assert set(options["properties"]) == {"word", "token"}


async def test_a_secret_of_a_service_is_resolved_for_it_alone(world: World, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    plugin = Plugin(bad.waits)
    reference = ServiceConfig(type="bell", options={"token": f"file:{tmp_path / 'token'}"})
    engine = await start(world, plugin, reference)
    await until(lambda: plugin.contexts)
    assert plugin.contexts[0].options.token == "from-a-file"
    assert engine.config.services == (reference,)


def test_looks_and_deadlines_fit_what_the_contract_says() -> None:
    assert service_thread.LOOK * service_thread.MISSED_LOOKS == 10.0
    assert (service_run.FIRST_PAUSE, service_run.LONGEST_PAUSE, service_run.UNREAD) == (1.0, 60.0, 30.0)
