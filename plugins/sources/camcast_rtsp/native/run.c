/* camcast_rtsp.native._run: what `FragmentRun.take` does with the packets of an ordinary picture (fragments.py).

Ordinary is a picture that comes as fragments in order: a first one that begins it, others that go on, a last one that
ends it, by the marker or not. Whatever is not exactly so is the Python form's, from the packet where it begins. The
bytes are a stranger's: each is read only after the frame that holds it is known to lie within the buffer. */

#include "calls.h"
#include "part.h"

#define PREFIX "camcast_rtsp.native._run."
#define FORM 1 /* of what Python and this agree on; `camcast_rtsp.native` expects the same */
#define BEFORE_PAYLOAD 16 /* interleaved header 4, RTP header 12 */
#define LAST_NUMBER 0xFFFF /* the end of a cycle is counted elsewhere */

typedef struct {
    PyObject_HEAD
    PyObject *held;
    int64_t ssrc, received, arrival, payload_type, expected;
} ReceiverState;

typedef struct {
    PyObject_HEAD
    PyObject *sink, *collected, *broken, *unopened;
    int64_t timestamp, started, last_sent;
    char suspect, trust_marker, pictured, ended;
} AssemblerState;

typedef struct {
    PyObject_HEAD
    ReceiverState *receiver;
    AssemblerState *assembler;
    PyObject *slices;
    int64_t mask, kind, header;
} RunState;

static PyTypeObject *ReceiverState_type, *AssemblerState_type, *RunState_type;
static PyObject *in_python, *whole, *name_flush, *name_unit;
static int64_t nearly_full;

static const Field ReceiverState_fields[] = {
    FIELD(ReceiverState, held, ANY), FIELD(ReceiverState, ssrc, OPT_I64), FIELD(ReceiverState, received, I64),
    FIELD(ReceiverState, arrival, I64), FIELD(ReceiverState, payload_type, I64), FIELD(ReceiverState, expected, I64),
    NO_FIELD};

static const Field AssemblerState_fields[] = {
    FIELD_AS("_sink", AssemblerState, sink, ANY), FIELD(AssemblerState, collected, ANY),
    FIELD_AS("_broken", AssemblerState, broken, ANY), FIELD_AS("_unopened", AssemblerState, unopened, ANY),
    FIELD(AssemblerState, timestamp, I64), FIELD(AssemblerState, started, I64),
    FIELD_AS("_last_sent", AssemblerState, last_sent, I64), FIELD_AS("_suspect", AssemblerState, suspect, FLAG),
    FIELD_AS("_trust_marker", AssemblerState, trust_marker, FLAG),
    FIELD_AS("_pictured", AssemblerState, pictured, FLAG), FIELD(AssemblerState, ended, FLAG), NO_FIELD};

static const Field RunState_fields[] = {
    FIELD_OF_AS("_receiver", RunState, receiver, TYPED, ReceiverState_type),
    FIELD_OF_AS("_assembler", RunState, assembler, OPT_TYPED, AssemblerState_type),
    FIELD_AS("_slices", RunState, slices, ANY), FIELD_AS("_mask", RunState, mask, I64),
    FIELD_AS("_kind", RunState, kind, I64), FIELD_AS("_header", RunState, header, I64), NO_FIELD};

STATE_TYPE(ReceiverState)
STATE_TYPE(AssemblerState)
STATE_TYPE(RunState)

static uint32_t number_at(const unsigned char *bytes, int count)
{
    uint32_t number = 0;
    for (int at = 0; at < count; at++)
        number = number << 8 | bytes[at];
    return number;
}

/* Whether 00 00 01 is anywhere in it. */
static int has_mark(const unsigned char *bytes, Py_ssize_t size)
{
    for (Py_ssize_t at = 2; at < size;) {
        if (bytes[at] > 1)
            at += 3;
        else if (bytes[at] == 1 && !bytes[at - 1] && !bytes[at - 2])
            return 1;
        else
            at++;
    }
    return 0;
}

/* Whether all that is to be of a type is so, and nothing is amiss with what has been collected. */
static int usual(RunState *run)
{
    ReceiverState *receiver = run->receiver;
    AssemblerState *assembler = run->assembler;
    return receiver != NULL && !IS_NONE(assembler) && receiver->ssrc != NO_I64 && receiver->held != NULL &&
           PyDict_CheckExact(receiver->held) && !PyDict_GET_SIZE(receiver->held) && assembler->sink != NULL &&
           assembler->collected != NULL && PyByteArray_CheckExact(assembler->collected) && assembler->broken != NULL &&
           PyUnicode_CheckExact(assembler->broken) && !PyUnicode_GET_LENGTH(assembler->broken) &&
           assembler->unopened != NULL && PyBytes_CheckExact(assembler->unopened) &&
           !PyBytes_GET_SIZE(assembler->unopened) && !assembler->suspect && run->slices != NULL &&
           PyBytes_CheckExact(run->slices) && PyBytes_GET_SIZE(run->slices) == 256 &&
           (run->header == 2 || run->header == 3) && PyByteArray_GET_SIZE(assembler->collected) < nearly_full &&
           (assembler->started < 0 || assembler->started <= PyByteArray_GET_SIZE(assembler->collected) - 4);
}

/* As `NalAssembler._flush`, of a picture that is closed and not broken. -1 = an exception. */
static int flush(AssemblerState *assembler)
{
    const char *bytes = PyByteArray_AS_STRING(assembler->collected);
    Py_ssize_t size = PyByteArray_GET_SIZE(assembler->collected);
    if (has_mark((const unsigned char *)bytes, size))
        return done(PyObject_CallMethodNoArgs((PyObject *)assembler, name_flush));
    assembler->last_sent = assembler->timestamp;
    PyObject *unit = PyBytes_FromStringAndSize(bytes, size);
    PyObject *timestamp = PyLong_FromLongLong(assembler->timestamp), *sink = Py_NewRef(assembler->sink);
    int told = unit == NULL || timestamp == NULL
                   ? -1
                   : done(PyObject_CallMethodObjArgs(sink, name_unit, unit, timestamp, NULL));
    Py_DECREF(sink);
    Py_XDECREF(timestamp);
    Py_XDECREF(unit);
    PyObject *anew = told < 0 ? NULL : PyByteArray_FromStringAndSize(NULL, 0);
    if (anew == NULL)
        return -1;
    Py_XSETREF(assembler->collected, anew);
    Py_XSETREF(assembler->broken, Py_NewRef(whole));
    assembler->started = -1;
    assembler->pictured = 0;
    return 0;
}

/* Takes packets from `at` on, up to the end of a picture; how far, -1 = an exception. `*ended`: a picture has. */
static Py_ssize_t take(RunState *run, const unsigned char *bytes, Py_ssize_t at, Py_ssize_t end, unsigned channel,
                       int64_t arrival, int *ended)
{
    ReceiverState *receiver = run->receiver;
    AssemblerState *assembler = run->assembler;
    const unsigned char *slices = (const unsigned char *)PyBytes_AS_STRING(run->slices);
    Py_ssize_t header = (Py_ssize_t)run->header, used = PyByteArray_GET_SIZE(assembler->collected), begun = at;
    PyObject *collected = assembler->collected;
    /* So much may come to it in all. */
    if (PyByteArray_Resize(collected, used + (end - at)) < 0)
        return -1;
    unsigned char *into = (unsigned char *)PyByteArray_AS_STRING(collected);
    int64_t expected = receiver->expected;
    while (end - at > BEFORE_PAYLOAD + header && !*ended) {
        const unsigned char *frame = bytes + at, *payload = frame + BEFORE_PAYLOAD;
        Py_ssize_t size = (Py_ssize_t)number_at(frame + 2, 2), left = size - 12 - header;
        if (frame[0] != '$' || frame[1] != channel || left <= 0 || size + 4 > end - at || frame[4] != 0x80 ||
            (frame[5] & 0x7F) != receiver->payload_type || number_at(frame + 6, 2) != expected ||
            expected == LAST_NUMBER || number_at(frame + 12, 4) != receiver->ssrc ||
            (payload[0] & run->mask) != run->kind)
            break;
        int64_t time = number_at(frame + 8, 4);
        int marked = frame[5] >= 0x80, begins = payload[header - 1] >= 0x80, ends = payload[header - 1] >> 6 & 1;
        const unsigned char *data = payload + header;
        if (begins) {
            /* The fragmented unit's own header. */
            unsigned char own[2] = {0, payload[1]};
            own[0] = header == 2 ? (payload[0] & 0xE0) | (payload[1] & 0x1F)
                                 : (payload[0] & 0x81) | (unsigned char)((payload[2] & 0x3F) << 1);
            if (ends || marked || assembler->started >= 0 || (time != assembler->timestamp && used) ||
                (!assembler->pictured && !(slices[own[0]] && data[0] >= 0x80)))
                break;
            assembler->timestamp = time;
            assembler->pictured = 1;
            assembler->started = used;
            memset(into + used, 0, 4);
            memcpy(into + used + 4, own, (size_t)header - 1);
            used += 4 + header - 1;
        } else if (assembler->started < 0 || time != assembler->timestamp || (marked && !ends)) {
            break;
        }
        memcpy(into + used, data, (size_t)left);
        used += left;
        if (ends) {
            Py_ssize_t unit = used - assembler->started - 4;
            for (int byte = 0; byte < 4; byte++)
                into[assembler->started + byte] = (unsigned char)(unit >> (24 - 8 * byte));
            assembler->started = -1;
        }
        assembler->ended = marked && assembler->trust_marker;
        *ended = ends && assembler->ended;
        expected++;
        at += size + 4;
        receiver->received++;
    }
    receiver->expected = expected;
    if (at > begun)
        receiver->arrival = arrival;
    return PyByteArray_Resize(collected, used) < 0 ? -1 : at;
}

static PyObject *run_take(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    RunState *run = (RunState *)self;
    int64_t at, end, channel, arrival;
    if (count == 5 && as_int64(args[1], &at) && as_int64(args[2], &end) && as_int64(args[3], &channel) &&
        as_int64(args[4], &arrival) && usual(run)) {
        Py_buffer view;
        if (PyObject_GetBuffer(args[0], &view, PyBUF_SIMPLE) < 0)
            return NULL;
        int ended = 0;
        Py_ssize_t taken = at;
        if (at >= 0 && end <= view.len && at < end)
            taken = take(run, view.buf, (Py_ssize_t)at, (Py_ssize_t)end, (unsigned)channel, arrival, &ended);
        PyBuffer_Release(&view);
        if (taken < 0)
            return NULL;
        if (ended) {
            AssemblerState *assembler = (AssemblerState *)Py_NewRef(run->assembler);
            int flushed = flush(assembler);
            Py_DECREF(assembler);
            if (flushed < 0)
                return NULL;
        }
        if (taken != at)
            return PyLong_FromSsize_t(taken);
    }
    return call_with_self(in_python, self, args, count, NULL);
}

static PyMethodDef methods[] = {
    {"take", (PyCFunction)(void (*)(void))run_take, METH_FASTCALL,
     "take($self, view, at, end, channel, arrival)\n--\n\nAs `FragmentRun.take` in fragments.py."},
    {NULL, NULL, 0, NULL},
};

static PyObject *setup(PyObject *module, PyObject *args)
{
    PyObject *form;
    long long most;
    if (!PyArg_ParseTuple(args, "OL", &form, &most))
        return NULL;
    nearly_full = most;
    Py_INCREF(form);
    Py_XSETREF(in_python, form);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"setup", setup, METH_VARARGS, "Say what the Python form of `take` is, and of how many bytes a picture is large."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_run", .m_doc = "See native/__init__.py.", .m_size = -1,
    .m_methods = functions,
};

static int fill(PyObject *module)
{
    static const Word words[] = {{&whole, ""}, {&name_flush, "_flush"}, {&name_unit, "unit"}, {NULL, NULL}};
    static const PyType_Slot of_run[] = {{Py_tp_methods, methods}, {0, NULL}};
    return intern(words) < 0 || ADD_TYPE(module, PREFIX, ReceiverState, NULL) ||
                   ADD_TYPE(module, PREFIX, AssemblerState, NULL) || ADD_TYPE(module, PREFIX, RunState, of_run)
               ? -1
               : 0;
}

PyMODINIT_FUNC PyInit__run(void)
{
    return make_part(&definition, FORM, fill);
}
