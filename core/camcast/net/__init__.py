"""The kit for plugins that own their sockets. It knows no protocol of the media.

| module | what it is for |
|---|---|
| `kernel` | what the kernel says of a TCP connection: bytes not sent, bytes not acknowledged, round trip |
| `dial` | a connected socket from a name: addresses tried one after another, binding, proxy, deadlines |
| `proxy` | asking an HTTP or SOCKS5 proxy for a connection |
| `tls` | TLS settings, their checks, contexts, pins, and certificate errors in plain words |
| `tls_session` | a client's end of TLS without I/O |
| `wire` | a socket whose unsent tail is ours and counted, and which reads within limits |
| `tls_wire` | the same over TLS |
| `allowance` | how much a peer may send in a moment |
"""
