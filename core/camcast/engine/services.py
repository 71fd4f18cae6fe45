"""All services of an engine, by name: started with it, changed by a reload, ended first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from camcast.camera.stats import ServiceMetrics
from camcast.config.service import ServiceConfig, named
from camcast.engine.differences import places, told
from camcast.engine.plan import Action, Step
from camcast.engine.service_run import ServiceRun
from camcast.engine.view import View
from camcast.events import ServiceState
from camcast.session.environment import Environment


class Services:
    """All calls on the loop."""

    def __init__(self, environment: Environment, view: Callable[[], View]) -> None:
        self._environment = environment
        self._view = view
        self._runs: dict[str, ServiceRun] = {}

    def begin(self, name: str, config: ServiceConfig) -> None:
        """Start a service; one of its name has ended."""
        run = self._runs[name] = ServiceRun(name, config, self._environment, self._view)
        run.start()

    async def end(self, name: str) -> None:
        """End a service and forget it."""
        run = self._runs.pop(name, None)
        if run is not None:
            await run.stop()

    def retry_now(self, name: str) -> None:
        """Start one that has failed."""
        if name in self._runs:
            self._runs[name].retry_now()

    async def close(self) -> None:
        """End all side by side."""
        await asyncio.gather(*(self.end(name) for name in tuple(self._runs)))

    def metrics(self) -> tuple[ServiceMetrics, ...]:
        """A snapshot of each."""
        return tuple(run.metrics for run in self._runs.values())

    def plan(self, wanted: Iterable[ServiceConfig]) -> list[Step]:
        """What has to be done to have these."""
        return service_steps(
            {name: run.config for name, run in self._runs.items()},
            named(wanted),
            {name for name, run in self._runs.items() if run.state is ServiceState.FAILED},
        )


def service_steps(
    running: Mapping[str, ServiceConfig], wanted: Mapping[str, ServiceConfig], failed: set[str]
) -> list[Step]:
    """The steps from the services that run to those that are wanted. Pure."""
    steps = []
    for name in sorted(running.keys() | wanted.keys()):
        old, new = running.get(name), wanted.get(name)
        key, label = f"{KEY}{name}", f"service {name}"
        if new is None:
            steps.append(Step(action=Action.REMOVE, key=key, label=label))
        elif old is None:
            steps.append(Step(action=Action.ADD, key=key, label=label, config=new))
        elif why := told(places(old, new)):
            steps.append(Step(action=Action.RESTART, key=key, label=label, why=why, config=new))
        elif name in failed:
            steps.append(Step(action=Action.RETRY, key=key, label=label, why="it had failed"))
    return steps


KEY = "services."
"""What a step's key begins with, before the service's name."""
