/* What the steady state of a stream is made of. What each field means is said by the Python class of that name. */

#ifndef CAMCAST_STATES_H
#define CAMCAST_STATES_H

#include "fields.h"
#include "packets.h"
#include "port.h"

#define CAMCAST_FORM 6 /* of what Python and this agree on; `camcast.native` expects the same */

typedef struct { PyObject_HEAD int64_t video, audio; } CountsState;
typedef struct { PyObject_HEAD CountsState *received; int64_t bytes, sound_bytes; } FeedCountersState;
typedef struct { PyObject_HEAD CountsState *offered, *sent; int64_t bytes, sound_bytes; } FlowCountersState;
typedef struct { PyObject_HEAD int64_t offset, source_dts, dts, arrival, shift, step; } LineState;
typedef struct { PyObject_HEAD PyObject *broken; } ClockState;
typedef struct { PyObject_HEAD double last, source; char awaited; } PulseState;
typedef struct { PyObject_HEAD PyObject *packets; int64_t bytes, sounds; } GroupState;
typedef struct { PyObject_HEAD GroupState *group; PyObject *sound; } PresentState;
typedef struct { PyObject_HEAD char on_air; } SlateState;
typedef struct { PyObject_HEAD PyObject *all; } RenditionsState;
typedef struct { PyObject_HEAD PyObject *straight; } RenditionState;
typedef struct { PyObject_HEAD int64_t time; } PackerState;

typedef struct {
    PyObject_HEAD
    GroupState *group;
    int64_t latest_video, latest_audio;
    PyObject *attached, *behind, *now;
} HubState;

typedef enum { MARK_NONE, MARK_VIDEO, MARK_AUDIO } MarkKind;
typedef struct { int64_t end, time; double sent; int64_t arrival; MarkKind kind; } Mark;

typedef struct {
    PyObject_HEAD
    Mark *ring;
    Py_ssize_t room, first, count; /* `room` is a power of two, or 0 */
} Marks;

typedef struct {
    PyObject_HEAD
    int64_t end, clear_until, clear_before;
    Marks *marks;
} LedgerState;

typedef struct {
    PyObject_HEAD
    int64_t base, last_video, last_audio;
    double last_picture;
    FlowCountersState *counters;
    PyObject *now, *transport;
} SenderState;

typedef struct { PyObject_HEAD PyObject *state; } OutletState;

typedef struct {
    PyObject_HEAD
    OutletState *outlet;
    SenderState *sender;
    LedgerState *ledger;
    PyObject *send_tag, *port;
    const CamcastPort *table; /* of `port`; NULL = none, or not looked up yet */
} TapState;

typedef struct {
    PyObject_HEAD
    LineState *line;
    PyObject *type;
} WayState;

typedef struct {
    PyObject_HEAD
    RenditionState *rendition;
    PyObject *straight, *attached, *taps, *video_heads, *audio_heads;
    HubState *hub;
    PackerState *packer;
} BranchState;

typedef struct {
    PyObject_HEAD
    PyObject *all, *branches, *video_track, *audio_track;
    WayState *video, *audio;
} SteadyState;

typedef struct {
    PyObject_HEAD
    FeedCountersState *counters;
    ClockState *clock;
    PulseState *pulse;
    PresentState *present;
    SlateState *slate;
    RenditionsState *renditions;
    SteadyState *steady;
} PathState;

typedef struct { PyObject_HEAD PathState *fast; } FeedState;

typedef struct {
    PyObject_HEAD
    PyObject *track, *roles, *since_keyframe;
    int64_t header_size, framing, failures, special;
    char refreshed, keyless, layered, divided;
} ParserState;

typedef struct {
    PyObject_HEAD
    int64_t handed, tail_bytes, descriptor;
    char failed, closed;
} WireState;

extern PyTypeObject *WireState_type, *Marks_type;
extern CamcastPackets packets;
#define SLOT(packet, name) SLOT_OF(&packets, packet, name)

/* Each returns 0, or -1 with an exception. */
int add_states(PyObject *module);
int add_packets(PyObject *module);
int add_wire(PyObject *module);
int add_marks(PyObject *module);
int marks_add(Marks *marks, const Mark *mark);

/* `MediaKind`'s members, borrowed; NULL before `kinds`. */
PyObject *known_video(void);
PyObject *known_audio(void);

extern PyMethodDef path_methods[], feed_methods[], parser_methods[];
PyObject *packets_are(PyObject *module, PyObject *type);
PyObject *parsers_are(PyObject *module, PyObject *args, PyObject *named);
PyObject *path_kinds(PyObject *module, PyObject *args);
PyObject *path_setup(PyObject *module, PyObject *args, PyObject *named);

#endif
