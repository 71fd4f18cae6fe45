"""Faults in the kit for sockets, and in what a peer may send."""

from __future__ import annotations

from tools.mutants.mutant import Mutant

_NET = "core/camcast/net/"
_RTMP = "plugins/transports/camcast_rtmp/"

MUTANTS = (
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
)
