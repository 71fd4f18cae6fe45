/* How the fast path hands a tag, or a packet, to a transport's own C code, without an object for it.

A transport that has a port says so by an attribute `native_port`: an object of its plugin's, whose attribute `table` is
a capsule named CAMCAST_PORT with a pointer to a CamcastPort that lives as long as the process. None, or no attribute,
is as good: the tag goes to `send_tag`, or to `send`, and the packet to `send`. */

#ifndef CAMCAST_PORT_H
#define CAMCAST_PORT_H

#include <Python.h>
#include <stdint.h>

#define CAMCAST_PORT "camcast.port"
#define CAMCAST_PORT_VERSION 2
#define CAMCAST_PORT_RAISED (-1)
#define CAMCAST_PORT_NOT_ORDINARY (-2)

typedef struct {
    uint32_t version; /* CAMCAST_PORT_VERSION */

    /* As `send_tag(type, time, head, body)`: the same bytes, the same position, the same promises; `type` is the
    number of the tag's type (FLV spec E.4.1: 8 sound, 9 picture). Returns the position, which is never negative;
    CAMCAST_PORT_RAISED with an exception set; or CAMCAST_PORT_NOT_ORDINARY, with nothing done: `send_tag` is called
    then. Holds the interpreter lock, and never blocks. */
    int64_t (*send)(PyObject *port, int type, int64_t time, PyObject *head, PyObject *body);

    /* As `send(packet, time)`, for a transport that takes packets; NULL for one that takes tags, whose `send` above is
    NULL where this is not. `payload` is the packet's, a `bytes`; pictures that stand alone go to `send` alone. */
    int64_t (*packet)(PyObject *port, int64_t time, PyObject *packet, PyObject *payload);
} CamcastPort;

/* What `camcast.native._fastpath.wire` is, a capsule: a `Wire` for ports of transports that own one. */
#define CAMCAST_WIRE "camcast.native._fastpath.wire"
#define CAMCAST_WIRE_VERSION 2

typedef struct {
    uint32_t version;

    /* As `wire.write((head, body))`: 0, or -1 with an exception. -2, with nothing done, where it has a tail, or is over.
    `head` is copied, where it has to wait. */
    int (*write)(PyObject *wire, const char *head, Py_ssize_t size, PyObject *body);

    /* How much has been handed to it. */
    int64_t (*handed)(PyObject *wire);

    /* Whether it is neither lost nor closed. */
    int (*alive)(PyObject *wire);

    PyTypeObject *type; /* what `wire` must be an instance of */
} CamcastWire;

#endif
