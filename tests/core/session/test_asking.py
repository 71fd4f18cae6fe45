"""Plugins that are asked and do not answer: who, what for, and where they are."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from camcast.config.secrets import secret
from camcast.hooks import hookimpl
from camcast.host import PluginHost
from camcast.session.asking import Secrets, overdue
from camcast.session.hook_threads import HookThreads, Late


class Vault:
    """Answers once it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.entered = threading.Event()

    @hookimpl
    def camcast_resolve_secret(self, reference: str) -> str | None:
        if reference != "vault:camera/7":
            return None
        self.entered.set()
        return self.wait_for_the_vault()

    def wait_for_the_vault(self) -> str:
        self.opened.wait()
        return "the value"


@pytest.fixture
def vault() -> Iterator[Vault]:
    vault = Vault()
    yield vault
    vault.opened.set()


@pytest.fixture
def host(vault: Vault) -> PluginHost:
    host = PluginHost(entry_points=False)
    host.register(vault, "vault")
    return host


async def late(threads: HookThreads, secrets: Secrets, reference: str) -> Late:
    with pytest.raises(Late) as caught:
        await threads.run(lambda: secrets(reference), 0.2)
    return caught.value


async def test_a_plugin_that_does_not_answer_is_named_with_what_it_was_asked_for_and_its_line(
    vault: Vault, host: PluginHost
) -> None:
    secrets = Secrets(host)
    told = overdue(await late(HookThreads(), secrets, "vault:camera/7"), secrets, 0.2, host)
    begin, _, where = told.partition("it is in test_asking.py:")
    assert begin == 'resolving the secret "vault:camera/7" took longer than 0.2 s: plugin vault has not answered, '
    assert where.endswith(" in wait_for_the_vault")


async def test_where_no_thread_is_free_nobody_is_blamed(vault: Vault, host: PluginHost) -> None:
    threads, first, second = HookThreads(threads=1), Secrets(host), Secrets(host)
    assert (await late(threads, first, "vault:camera/7")).thread is not None
    assert vault.entered.is_set()
    told = overdue(await late(threads, second, "vault:camera/7"), second, 0.2, host)
    assert told == "resolving a secret took longer than 0.2 s"


async def test_one_that_has_answered_meanwhile_is_not_blamed(vault: Vault, host: PluginHost) -> None:
    secrets = Secrets(host)
    found = await late(HookThreads(), secrets, "vault:camera/7")
    vault.opened.set()
    gone = Late(None if found.thread is None else -found.thread)
    assert overdue(gone, secrets, 0.2, host) == 'resolving the secret "vault:camera/7" took longer than 0.2 s'


async def test_a_plugins_own_timeout_is_its_own(host: PluginHost) -> None:
    def times_out() -> None:
        raise TimeoutError("of a library")

    with pytest.raises(TimeoutError) as caught:
        await HookThreads().run(times_out, 5)
    assert not isinstance(caught.value, Late)


def test_what_no_plugin_knows_comes_from_elsewhere(host: PluginHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMERA_KEY", "from the environment")
    assert Secrets(host)("env:CAMERA_KEY") == secret(host, "env:CAMERA_KEY") == "from the environment"
