"""Faults in the kit for sockets, and in what a peer may send."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

_NET = "core/camcast/net/"
_RTMP = "plugins/transports/camcast_rtmp/"
_HTTP = "plugins/kits/camcast_kit_http/"

MUTANTS = (
    Mutant(
        "key updates are made up for by what comes between",
        f"{_NET}tls_bounds.py",
        '        got: Any = self._feeding(lambda: self._tls.read(*into), "of TLS that carry nothing")\n',
        '        got: Any = self._feeding(lambda: self._tls.read(*into), "of TLS that carry nothing")\n'
        "        self._idle = Allowance(MAX_IDLE, IDLE_RATE)\n",
        ("tests/core/net/test_tls_bounds.py",),
    ),
    Mutant(
        "an empty record of old TLS is a flood",
        f"{_NET}tls_bounds.py",
        "if not size or (size <= _EMPTY and self._tls.version() in _WITH_EMPTY):",
        "if not size:",
        ("tests/core/net/test_tls_bounds.py",),
    ),
    Mutant(
        "what key updates cost keeps nobody out",
        f"{_NET}tls_bounds.py",
        "            self._context.spent += size * IDLE_COST\n",
        "            pass\n",
        ("tests/core/net/test_tls_bounds.py",),
    ),
    Mutant(
        "accepting does not rest where handshakes cost nothing",
        f"{_NET}accept_pace.py",
        "        return rest\n",
        "        if rest:\n            self._turn = 0\n        return rest\n",
        ("tests/kits/test_http_server.py",),
    ),
    Mutant(
        "accepting RTMP does not rest where handshakes cost nothing",
        f"{_NET}accept_pace.py",
        "        return rest\n",
        "        if rest:\n            self._turn = 0\n        return rest\n",
        ("tests/plugins/test_rtmp_source_bounds.py",),
    ),
    Mutant(
        "whoever comes to a full port is told, however many",
        f"{_HTTP}accepting.py",
        "if len(self._refused) >= MOST:",
        "if False:",
        ("tests/kits/test_http_server.py",),
    ),
    Mutant(
        "who waits for his turn is cut off for it",
        f"{_HTTP}server.py",
        "self._head_since is not None and self._turn is None and",
        "self._head_since is not None and",
        ("tests/kits/test_http_server.py",),
    ),
    Mutant(
        "a flood from one place is everybody's",
        f"{_HTTP}turns.py",
        "known = self._places.get(place)",
        "known = next(iter(self._places.values()), None)",
        ("tests/kits/test_http_turns.py",),
    ),
    Mutant(
        "a broker's key updates are passed on for ever",
        "plugins/services/camcast_mqtt/tunnel.py",
        '            self.offence = f"{error}: cut off"\n',
        "            self.reason = str(error)\n",
        ("tests/plugins/test_mqtt_tls.py",),
    ),
    Mutant(
        "no TCP_NOTSENT_LOWAT",
        f"{_NET}kernel.py",
        "        sock.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, NOTSENT_LOWAT)\n",
        "",
        ("tests/core/net/test_kernel.py",),
    ),
    Mutant(
        "a pin is compared by eight digits",
        f"{_NET}tls.py",
        "hmac.compare_digest(found.encode(), settings.pin.encode())",
        "hmac.compare_digest(found[:8].encode(), settings.pin[:8].encode())",
        ("tests/core/net/test_tls.py",),
    ),
    Mutant(
        "a pin is not looked at",
        f"{_NET}tls_session.py",
        "        check_pin(self._tls.getpeercert(binary_form=True), self.settings)\n",
        "",
        ("tests/plugins/test_rtmp_tls.py",),
    ),
    Mutant(
        "any certificate will do",
        f"{_NET}tls.py",
        "return not self.insecure and self.fingerprint is None",
        "return False",
        ("tests/core/net/test_tls.py",),
    ),
    Mutant(
        "bytes of the handshake count as media",
        f"{_RTMP}driver.py",
        "max(0, self._line.wire.acked - self._base)",
        "max(0, self._line.wire.acked)",
        ("tests/plugins/test_rtmp_positions.py",),
    ),
    Mutant(
        "positions without chunk headers",
        f"{_RTMP}driver.py",
        "head, body))\n        return line.wire.handed - self._base",
        "head, body))\n        return line.wire.handed - self._base - 8",
        ("tests/plugins/test_rtmp_positions.py",),
    ),
    Mutant(
        "what the kernel has not sent is no business of ours",
        f"{_NET}wire.py",
        "return self.tail_bytes + self._kernel.unsent",
        "return self.tail_bytes",
        ("tests/plugins/test_rtmp_positions.py",),
    ),
    Mutant(
        "messages of nothing cost nothing",
        f"{_RTMP}chunk.py",
        "                self.allowed -= 1\n",
        "",
        ("tests/plugins/test_rtmp_chunk.py", "tests/plugins/test_rtmp_driver.py"),
    ),
    Mutant(
        "a peer may trickle for ever",
        f"{_NET}wire.py",
        "if not self._reads.take(1, now):",
        "if not self._reads.take(0, now):",
        ("tests/plugins/test_rtmp_driver.py",),
    ),
    Mutant(
        "the end that a server makes is a remark",
        f"{_RTMP}table.py",
        "        Input.UNPUBLISHED: Do.OVER,\n",
        "",
        ("tests/plugins/test_rtmp_client.py",),
    ),
    Mutant(
        "a peer's words are cut before they are searched",
        "core/camcast/redaction.py",
        "    line = text[:_MAX_READ]\n",
        "    line = text[:limit]\n",
        ("tests/core/test_redaction_of_words.py",),
    ),
    Mutant(
        "a secret that goes on where a URL is left out shows its beginning",
        "core/camcast/redaction.py",
        "                shown = _shown_url(self.plain(match[0]), self._name)\n",
        "                pass\n",
        ("tests/core/test_redaction_of_words.py",),
    ),
    Mutant(
        "half a secret at a text's end shows",
        "core/camcast/redaction.py",
        "        end = min(end, _begin_of(one, said))\n",
        "",
        ("tests/core/test_redaction_of_words.py",),
    ),
)
