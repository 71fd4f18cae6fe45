/* camcast_file.native._play: what `MemoryFeed.take` and `Player._step` do while a file plays on (feeds.py, player.py).

Ordinary is a packet that goes on where the last one was, of a track that is known, at the usual speed. The beginning,
the end, breaks and whatever else there may be are left to the Python forms, on the same state. */

#include "calls.h"
#include "packets.h"
#include "part.h"

#define PREFIX "camcast_file.native._play."
#define FORM 2 /* of what Python and this agree on; `camcast_file.native` expects the same */

typedef struct {
    PyObject_HEAD
    PyObject *packets;
    int64_t start, next;
} MemoryState;

typedef struct {
    PyObject_HEAD
    PyObject *sink, *feed, *tracks, *last, *next;
    int64_t origin, anchor, front, behind;
    double speed;
    char started, bursting;
} PlayerState;

static const CamcastPackets *packets;
static PyTypeObject *MemoryState_type, *PlayerState_type;
static PyObject *take_in_python, *step_in_python, *zero;
static PyObject *name_take, *name_packet, *name_place, *name_retrack, *name_dry, *name_finish, *name_kind;
static PyObject *audio;
static int64_t late, ahead_of_time, gap, back;

static const Field MemoryState_fields[] = {
    FIELD_AS("_packets", MemoryState, packets, ANY), FIELD_AS("_start", MemoryState, start, I64),
    FIELD_AS("_next", MemoryState, next, I64), NO_FIELD};
static const Field PlayerState_fields[] = {
    FIELD_AS("_sink", PlayerState, sink, ANY), FIELD_AS("_feed", PlayerState, feed, ANY),
    FIELD_AS("_tracks", PlayerState, tracks, ANY), FIELD_AS("_last", PlayerState, last, ANY),
    FIELD_AS("_next", PlayerState, next, ANY), FIELD_AS("_origin", PlayerState, origin, I64),
    FIELD_AS("_anchor", PlayerState, anchor, I64), FIELD_AS("_front", PlayerState, front, I64),
    FIELD(PlayerState, behind, I64), FIELD_AS("_speed", PlayerState, speed, F64),
    FIELD_AS("_started", PlayerState, started, FLAG), FIELD_AS("_bursting", PlayerState, bursting, FLAG), NO_FIELD};

STATE_TYPE(MemoryState)
STATE_TYPE(PlayerState)

/* --- a clip in memory ------------------------------------------------------------------------------------------- */

static PyObject *sum(PyObject *number, int64_t more)
{
    int64_t at;
    if (!as_int64(number, &at) || __builtin_add_overflow(at, more, &at))
        return NULL;
    return PyLong_FromLongLong(at);
}

static PyObject *memory_take(PyObject *self, PyObject *unused)
{
    MemoryState *memory = (MemoryState *)self;
    /* The first of each pass is Python's: it begins the pass. */
    if (packets->type == NULL || memory->packets == NULL || !PyTuple_CheckExact(memory->packets) || memory->next < 1 ||
        memory->next >= PyTuple_GET_SIZE(memory->packets))
        return PyObject_CallOneArg(take_in_python, self);
    PyObject *from = PyTuple_GET_ITEM(memory->packets, memory->next), *packet = NULL;
    if (Py_TYPE(from) != packets->type || SLOT_OF(packets, from, track) == NULL ||
        SLOT_OF(packets, from, payload) == NULL)
        return PyObject_CallOneArg(take_in_python, self);
    PyObject *dts = sum(SLOT_OF(packets, from, dts), memory->start);
    PyObject *pts = sum(SLOT_OF(packets, from, pts), memory->start);
    if (dts != NULL && pts != NULL) {
        packet = packets->make(SLOT_OF(packets, from, track), dts, pts, SLOT_OF(packets, from, keyframe) == Py_True,
                               SLOT_OF(packets, from, payload), SLOT_OF(packets, from, disposable) == Py_True, zero);
        memory->next += packet != NULL;
    } else if (!PyErr_Occurred()) {
        packet = PyObject_CallOneArg(take_in_python, self);
    }
    Py_XDECREF(dts);
    Py_XDECREF(pts);
    return packet;
}

/* --- playing ---------------------------------------------------------------------------------------------------- */

static PyObject *take(PyObject *feed)
{
    if (PyObject_TypeCheck(feed, MemoryState_type))
        return memory_take(feed, NULL);
    return PyObject_CallMethodNoArgs(feed, name_take);
}

static int near(int64_t dts, int64_t place)
{
    int64_t ahead;
    return !__builtin_sub_overflow(dts, place, &ahead) && -back <= ahead && ahead <= gap;
}

/* `_place`, which is Python's unless the packet goes on where its track or the other one was; -1 = an exception. So all
times are as near to 0 as that has them. */
static int place(PlayerState *player, PyObject *kind, PyObject *packet, int64_t dts, PyObject *now)
{
    int64_t last;
    if (player->started && PyDict_CheckExact(player->last)) {
        PyObject *known = PyDict_GetItemWithError(player->last, kind);
        if (known == NULL && PyErr_Occurred())
            return -1;
        if (as_int64(known, &last) && (near(dts, last) || near(dts, player->front)))
            return 0;
    }
    return done(PyObject_CallMethodObjArgs((PyObject *)player, name_place, packet, now, NULL));
}

/* Hand over what is due. 1 = `*due` says when the next one is; 0 = the feed is dry; -1 = an exception. */
static int play(PlayerState *player, PyObject *feed, PyObject *at, int64_t now, int64_t *due)
{
    for (;;) {
        PyObject *packet = player->next, *kind = NULL, *track;
        int fresh = IS_NONE(packet), result = -1;
        int64_t dts, ahead, behind;
        if (fresh && (packet = take(feed)) == NULL)
            return -1;
        if (packet == Py_None) {
            Py_DECREF(packet);
            return 0;
        }
        if (!fresh)
            Py_INCREF(packet);
        if (Py_TYPE(packet) != packets->type || (track = SLOT_OF(packets, packet, track)) == NULL) {
            PyErr_SetString(PyExc_TypeError, "a feed gave what is no packet");
            goto over;
        }
        if (!as_int64(SLOT_OF(packets, packet, dts), &dts)) {
            /* Which refuses it. */
            if (done(PyObject_CallMethodObjArgs((PyObject *)player, name_place, packet, at, NULL)) == 0)
                PyErr_SetString(PyExc_OverflowError, "a packet's time has more than 64 bits");
            goto over;
        }
        Py_INCREF(track);
        kind = PyObject_GetAttr(track, name_kind);
        if (kind == NULL || (fresh && place(player, kind, packet, dts, at) < 0))
            goto done_with_track;
        if (__builtin_sub_overflow(dts, player->origin, &ahead)) {
            PyErr_SetString(PyExc_OverflowError, "a packet's time is too far from the others'");
            goto done_with_track;
        }
        if (player->speed != 1.0) {
            double slowed = (double)ahead / player->speed;
            ahead = fabs(slowed) < 0x1p63 ? (int64_t)slowed : slowed < 0 ? INT64_MIN : INT64_MAX;
        }
        if (__builtin_add_overflow(player->anchor, ahead, due)) {
            PyErr_SetString(PyExc_OverflowError, "a packet's time is too far from now");
            goto done_with_track;
        }
        if (*due > now + (kind == audio ? ahead_of_time : 0)) {
            player->bursting = 0;
            Py_INCREF(packet);
            Py_XSETREF(player->next, packet);
            result = 1;
            goto done_with_track;
        }
        /* A track that is behind the other one is late by itself; the playing is not. */
        if (dts >= player->front && !player->bursting && !__builtin_sub_overflow(now, *due, &behind) && behind > late) {
            player->behind++;
            player->anchor += behind;
        }
        Py_INCREF(Py_None);
        Py_XSETREF(player->next, Py_None);
        if (player->last == NULL || !PyDict_CheckExact(player->last) || player->tracks == NULL ||
            !PyDict_CheckExact(player->tracks) || player->sink == NULL) {
            PyErr_SetString(PyExc_TypeError, "a player without what it plays by");
            goto done_with_track;
        }
        if (PyDict_SetItem(player->last, kind, SLOT_OF(packets, packet, dts)) < 0)
            goto done_with_track;
        if (dts > player->front)
            player->front = dts;
        if (PyDict_GetItemWithError(player->tracks, kind) != track &&
            (PyErr_Occurred() || done(PyObject_CallMethodOneArg((PyObject *)player, name_retrack, track)) < 0))
            goto done_with_track;
        Py_INCREF(at);
        Py_XSETREF(SLOT_OF(packets, packet, arrival), at);
        PyObject *sink = Py_NewRef(player->sink);
        result = done(PyObject_CallMethodOneArg(sink, name_packet, packet));
        Py_DECREF(sink);
    done_with_track:
        Py_DECREF(track);
        Py_XDECREF(kind);
    over:
        Py_DECREF(packet);
        if (result)
            return result;
    }
}

static PyObject *player_step(PyObject *self, PyObject *at)
{
    PlayerState *player = (PlayerState *)self;
    int64_t now, due = 0;
    if (IS_NONE(player->feed) || !as_int64(at, &now) || packets->type == NULL)
        return PyObject_CallFunctionObjArgs(step_in_python, self, at, NULL);
    PyObject *feed = Py_NewRef(player->feed);
    int found = play(player, feed, at, now, &due);
    Py_DECREF(feed);
    if (found > 0)
        return PyLong_FromLongLong(due);
    if (!found)
        return PyObject_CallMethodNoArgs(self, name_dry);
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return NULL;
    PyObject *error = raised();
    PyObject *result = PyObject_CallMethodOneArg(self, name_finish, error);
    Py_XDECREF(error);
    return result;
}

/* --- the module ------------------------------------------------------------------------------------------------- */

static PyMethodDef memory_methods[] = {
    {"take", memory_take, METH_NOARGS, "As `MemoryFeed.take` in feeds.py."}, {NULL, NULL, 0, NULL}};
static PyMethodDef player_methods[] = {
    {"_step", player_step, METH_O, "As `Player._step` in player.py."}, {NULL, NULL, 0, NULL}};

static PyObject *set_memory(PyObject *module, PyObject *in_python)
{
    Py_INCREF(in_python);
    Py_XSETREF(take_in_python, in_python);
    Py_RETURN_NONE;
}

static PyObject *set_player(PyObject *module, PyObject *args, PyObject *named)
{
    static char *names[] = {"in_python", "audio", "late", "ahead", "gap", "back", NULL};
    PyObject *in_python, *of_audio;
    long long of_late, of_ahead, of_gap, of_back;
    if (!PyArg_ParseTupleAndKeywords(args, named, "$OOLLLL", names, &in_python, &of_audio, &of_late, &of_ahead,
                                     &of_gap, &of_back))
        return NULL;
    late = of_late;
    ahead_of_time = of_ahead;
    gap = of_gap;
    back = of_back;
    Py_XSETREF(audio, Py_NewRef(of_audio));
    Py_XSETREF(step_in_python, Py_NewRef(in_python));
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"memory", set_memory, METH_O, "Say what the Python form of `take` is."},
    {"player", (PyCFunction)(void (*)(void))set_player, METH_VARARGS | METH_KEYWORDS,
     "Say what a player needs of Python's constants."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_play", .m_doc = "See native/__init__.py.", .m_size = -1, .m_methods = functions,
};

static const Word words[] = {
    {&name_take, "take"}, {&name_packet, "packet"}, {&name_place, "_place"}, {&name_retrack, "_retrack"},
    {&name_dry, "_dry"}, {&name_finish, "_finish"}, {&name_kind, "kind"}, {NULL, NULL},
};

static int fill(PyObject *module)
{
    static const PyType_Slot of_memory[] = {{Py_tp_methods, memory_methods}, {0, NULL}},
                             of_player[] = {{Py_tp_methods, player_methods}, {0, NULL}};
    if (zero == NULL && (zero = PyLong_FromLong(0)) == NULL)
        return -1;
    return ADD_TYPE(module, PREFIX, MemoryState, of_memory) || ADD_TYPE(module, PREFIX, PlayerState, of_player) ? -1 : 0;
}

PyMODINIT_FUNC PyInit__play(void)
{
    packets = table_of_core(CAMCAST_PACKETS, CAMCAST_PACKETS_VERSION);
    return packets == NULL || intern(words) < 0 ? NULL : make_part(&definition, FORM, fill);
}
