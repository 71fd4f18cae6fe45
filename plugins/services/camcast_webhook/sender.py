"""Sends messages one after the other, each until it is taken or given up; what waits is bounded."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from camcast.errors import ErrorClass, TransportError
from camcast.net.http import ask
from camcast.net.http_message import Answer
from camcast.session.connection import ConnectionManager
from camcast.session.resolver import NameResolver
from camcast.target import Target
from camcast_webhook.message import Message, signed
from camcast_webhook.options import WebhookOptions

WAITING = 500
"""Messages; beyond them the oldest is left out, counted."""
_AGAIN = frozenset({408, 425, 429})
"""Answers besides 5xx after which the same message may be taken later."""
LONGEST_WAIT = 600.0
"""Seconds for which a server's Retry-After is kept to."""


class Sender:
    """Of one service. `note(code, text)` tells an operator."""

    def __init__(self, options: WebhookOptions, note: Callable[[str, str], object]) -> None:
        self._options = options
        self._note = note
        self._waiting: deque[Message] = deque()
        self._wake = asyncio.Event()
        self._resolver = NameResolver()
        self._target = Target(url=options.url, connect_timeout=options.timeout, ca_file=options.ca_file)
        self._lost = 0

    def add(self, message: Message) -> None:
        """Send it when its turn comes."""
        if len(self._waiting) >= WAITING:
            self._waiting.popleft()
            self._lost += 1
        self._waiting.append(message)
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            while not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            await self._deliver(self._waiting.popleft())
            if lost := self._lost:
                self._lost = 0
                self._note("messages_lost", f"{lost} messages were left out: their server did not take them in time")

    async def _deliver(self, message: Message) -> None:
        policy = ConnectionManager(1, self._options.retry_policy)
        while True:
            wait, why = await self._once(message)
            if wait is None:
                if why:
                    self._note("refused", f"the server refuses a message: {why}")
                return
            policy.on_disconnect(ErrorClass.NETWORK, 0)
            if not policy.should_reconnect():
                self._note("not_delivered", f"a message was not taken in {policy.attempt + 1} tries: {why}")
                return
            await asyncio.sleep(max(wait, policy.next_attempt_at - time.monotonic(), 0.0))

    async def _once(self, message: Message) -> tuple[float | None, str]:
        """(seconds to wait at least before it is sent again; None = no more, why). "" when it was taken."""
        options = self._options
        body = message.body(options.form)
        headers = signed(body, options.secret, time.time())
        try:
            answer = await ask(
                self._target,
                "POST",
                options.url,
                self._resolver,
                headers=headers,
                body=body,
                answer_within=options.timeout,
            )
        except TransportError as error:
            hopeless = error.error_class is ErrorClass.MISCONFIGURED
            return None if hopeless else 0.0, self._target.scrub(str(error))
        if 200 <= answer.status < 300:
            return None, ""
        why = f"it answers {answer.status}"
        if answer.status in _AGAIN or answer.status >= 500:
            return _retry_after(answer), why
        return None, why


def _retry_after(answer: Answer) -> float:
    """Seconds; a date is taken for "later"."""
    text = answer.get("retry-after")
    return min(float(text), LONGEST_WAIT) if text.isascii() and text.isdecimal() and len(text) < 10 else 0.0
