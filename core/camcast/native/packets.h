/* `camcast.media.Packet`, as C sees it: where its attributes lie, and how one is made.

The parts of other plugins get the same from the capsule CAMCAST_PACKETS of `camcast.native._fastpath`. */

#ifndef CAMCAST_PACKETS_H
#define CAMCAST_PACKETS_H

#include "fields.h"

#define CAMCAST_PACKETS "camcast.native._fastpath.packets"
#define CAMCAST_PACKETS_VERSION 1

typedef struct {
    uint32_t version;
    PyTypeObject *type; /* NULL before Python has said which */
    Py_ssize_t track, dts, pts, keyframe, payload, disposable, arrival;

    /* A new packet; NULL with an exception. Holds references of its own. */
    PyObject *(*make)(PyObject *track, PyObject *dts, PyObject *pts, int keyframe, PyObject *payload, int disposable,
                      PyObject *arrival);
} CamcastPackets;

#define SLOT_OF(packets, packet, name) (*(PyObject **)((char *)(packet) + (packets)->name))

#endif
