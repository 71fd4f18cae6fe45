/* camcast_push.native._push: what `PushFeed.packet` and `Intake.packet` do with an ordinary packet (feed.py, source.py).

Ordinary is a packet in bytes, of the configured codec and of a kind that has come before, pushed on the loop while the
source runs. What is out of the ordinary is left to the Python form before anything has been done, or, once a parser
has read it, to `Intake.unusual`, as in the Python form. */

#include "calls.h"
#include "packets.h"
#include "part.h"

#define PREFIX "camcast_push.native._push."
#define FORM 1 /* of what Python and this agree on; `camcast_push.native` expects the same */

typedef struct {
    PyObject_HEAD
    PyObject *door;
    int64_t offered_on_loop, delivered;
    char ending;
} FeedState;

typedef struct {
    PyObject_HEAD
    int64_t thread;
    PyObject *last, *usual, *sink, *video, *audio;
    char announced;
} IntakeState;

static const CamcastPackets *packets;
static PyTypeObject *FeedState_type, *IntakeState_type;
static PyObject *in_python, *video, *audio, *media_error;
static int64_t small;

enum { KIND, CODEC, PTS, DTS, KEYFRAME, TIMEOUT, OPTIONS };
static PyObject *option_names[OPTIONS], *name_parse, *name_packet, *name_unusual, *name_damaged;

static const Field FeedState_fields[] = {
    FIELD_AS("_door", FeedState, door, ANY), FIELD_AS("_ending", FeedState, ending, FLAG),
    FIELD_AS("_offered_on_loop", FeedState, offered_on_loop, I64), FIELD(FeedState, delivered, I64), NO_FIELD};
static const Field IntakeState_fields[] = {
    FIELD(IntakeState, thread, I64), FIELD_AS("_last", IntakeState, last, ANY),
    FIELD_AS("_usual", IntakeState, usual, ANY), FIELD_AS("_sink", IntakeState, sink, ANY),
    FIELD_AS("_video", IntakeState, video, ANY), FIELD_AS("_audio", IntakeState, audio, ANY),
    FIELD_AS("_announced", IntakeState, announced, FLAG), NO_FIELD};

STATE_TYPE(FeedState)
STATE_TYPE(IntakeState)

/* Whatever was given by name; 0 = there is something else. */
static int options_of(PyObject *const *args, Py_ssize_t count, PyObject *names, PyObject **options)
{
    for (Py_ssize_t at = 0; names != NULL && at < PyTuple_GET_SIZE(names); at++) {
        int which = 0;
        while (which < OPTIONS && PyTuple_GET_ITEM(names, at) != option_names[which])
            which++;
        if (which == OPTIONS)
            return 0;
        options[which] = args[count + at];
    }
    return 1;
}

/* `Intake._damaged`, if what is raised is a `MediaError`; a new reference, or NULL with an exception. */
static PyObject *damaged(PyObject *door, PyObject *kind)
{
    if (!PyErr_ExceptionMatches(media_error))
        return NULL;
    PyObject *error = raised();
    PyObject *result = PyObject_CallMethodObjArgs(door, name_damaged, kind, error, NULL);
    Py_XDECREF(error);
    return result;
}

/* Whether `packet` goes on where the last ones of its track were. */
static int goes_on(IntakeState *door, PyObject *kind, PyObject *packet)
{
    int64_t dts, last, step;
    if (Py_TYPE(packet) != packets->type || !as_int64(SLOT_OF(packets, packet, dts), &dts))
        return 0;
    PyObject *track = SLOT_OF(packets, packet, track);
    if (track == NULL || track == Py_None || (track != door->video && track != door->audio))
        return 0;
    return kind != video || (as_int64(door->last, &last) && (!last || (!__builtin_sub_overflow(dts, last, &step) &&
                                                                       (step > 0 || step <= -small))));
}

/* From the parser on. All is borrowed. */
static PyObject *pass_on(FeedState *feed, IntakeState *door, PyObject *parser, PyObject *kind, PyObject *data,
                         PyObject *dts, PyObject *pts, PyObject *now)
{
    PyObject *asked[] = {parser, data, dts, pts, now};
    PyObject *packet = PyObject_VectorcallMethod(name_parse, asked, 5 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    if (packet == NULL)
        return damaged((PyObject *)door, kind);
    if (!door->announced || !goes_on(door, kind, packet)) {
        PyObject *result = PyObject_CallMethodObjArgs((PyObject *)door, name_unusual, kind, packet, Py_None, parser,
                                                      NULL);
        Py_DECREF(packet);
        return result;
    }
    PyObject *sink = Py_NewRef(door->sink), *at = Py_NewRef(SLOT_OF(packets, packet, dts));
    PyObject *result = PyObject_CallMethodOneArg(sink, name_packet, packet); /* which moves the packet's time */
    Py_DECREF(sink);
    Py_DECREF(packet);
    if (result != NULL) {
        Py_DECREF(result);
        feed->delivered++;
        if (kind == video)
            Py_XSETREF(door->last, Py_NewRef(at));
    }
    Py_DECREF(at);
    return result == NULL ? damaged((PyObject *)door, kind) : Py_NewRef(Py_True);
}

/* NULL without an exception = it is not ordinary, and nothing has been done. */
static PyObject *push(FeedState *feed, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *options[OPTIONS] = {video, Py_None, Py_None, Py_None, Py_None, NULL};
    if (count != 1 || !PyBytes_CheckExact(args[0]) || !options_of(args, count, names, options) ||
        options[CODEC] != Py_None || options[KEYFRAME] != Py_None || feed->ending || feed->door == NULL ||
        (options[KIND] != video && options[KIND] != audio) || !PyObject_TypeCheck(feed->door, IntakeState_type))
        return NULL;
    IntakeState *door = (IntakeState *)feed->door;
    PyObject *pts = options[PTS], *dts = options[DTS];
    if ((pts != Py_None && !PyLong_CheckExact(pts)) || (dts != Py_None && !PyLong_CheckExact(dts)) ||
        door->usual == NULL || !PyDict_CheckExact(door->usual) || door->sink == NULL ||
        (uint64_t)door->thread != (uint64_t)PyThread_get_thread_ident())
        return NULL;
    PyObject *parser = PyDict_GetItemWithError(door->usual, options[KIND]);
    if (parser == NULL)
        return NULL;
    PyObject *now = PyLong_FromLongLong(monotonic_ns());
    if (now == NULL)
        return NULL;
    if (pts == Py_None)
        pts = dts == Py_None ? now : dts;
    if (dts == Py_None)
        dts = pts;
    feed->offered_on_loop++;
    Py_INCREF(door);
    Py_INCREF(parser);
    PyObject *result = pass_on(feed, door, parser, options[KIND], args[0], dts, pts, now);
    Py_DECREF(parser);
    Py_DECREF(door);
    Py_DECREF(now);
    return result;
}

static PyObject *feed_packet(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    PyObject *result = push((FeedState *)self, args, count, names);
    if (result != NULL || PyErr_Occurred())
        return result;
    return call_with_self(in_python, self, args, count, names);
}

static PyMethodDef methods[] = {
    {"packet", (PyCFunction)(void (*)(void))feed_packet, METH_FASTCALL | METH_KEYWORDS,
     "packet($self, data, *, kind=..., codec=None, pts=None, dts=None, keyframe=None, timeout=0.0)\n--\n\n"
     "Push one access unit; see `camcast.contracts.PushHandle.packet`."},
    {NULL, NULL, 0, NULL},
};

static PyObject *setup(PyObject *module, PyObject *args, PyObject *named)
{
    static char *names[] = {"in_python", "video", "audio", "damaged", "small", NULL};
    PyObject *form, *of_video, *of_audio, *error;
    long long step;
    if (!PyArg_ParseTupleAndKeywords(args, named, "$OOOOL", names, &form, &of_video, &of_audio, &error, &step))
        return NULL;
    Py_XSETREF(in_python, Py_NewRef(form));
    Py_XSETREF(video, Py_NewRef(of_video));
    Py_XSETREF(audio, Py_NewRef(of_audio));
    Py_XSETREF(media_error, Py_NewRef(error));
    small = step;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"setup", (PyCFunction)(void (*)(void))setup, METH_VARARGS | METH_KEYWORDS,
     "Say what this needs of Python's constants and types. Once, before the first packet."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_push", .m_doc = "See native/__init__.py.", .m_size = -1, .m_methods = functions,
};

static const Word words[] = {
    {&option_names[KIND], "kind"}, {&option_names[CODEC], "codec"}, {&option_names[PTS], "pts"},
    {&option_names[DTS], "dts"}, {&option_names[KEYFRAME], "keyframe"}, {&option_names[TIMEOUT], "timeout"},
    {&name_parse, "parse"}, {&name_packet, "packet"}, {&name_unusual, "unusual"}, {&name_damaged, "damaged"},
    {NULL, NULL},
};

static int fill(PyObject *module)
{
    static const PyType_Slot of_feed[] = {{Py_tp_methods, methods}, {0, NULL}};
    return ADD_TYPE(module, PREFIX, FeedState, of_feed) || ADD_TYPE(module, PREFIX, IntakeState, NULL) ? -1 : 0;
}

PyMODINIT_FUNC PyInit__push(void)
{
    packets = table_of_core(CAMCAST_PACKETS, CAMCAST_PACKETS_VERSION);
    return packets == NULL || intern(words) < 0 ? NULL : make_part(&definition, FORM, fill);
}
