/* camcast_rtmp.native._port: what `RtmpTransport.send_tag` does while all goes well (driver.py), for the fast path.

Ordinary is a message of one chunk, on a chunk stream that has had one of the same message stream, to a wire without a
tail; over TLS to one that may have one. Its header is of type 1 (RTMP 1.0 §5.3.1.2.2). Everything else is `send_tag`'s, on the same state. */

#include "calls.h"
#include "part.h"
#include "port.h"

#define PREFIX "camcast_rtmp.native._port."
#define FORM 3 /* of what Python and this agree on; `camcast_rtmp.native` expects the same */
#define EXTENDED 0xFFFFFF
#define HEADER 8
#define LONGEST_HEAD 64 /* the codecs' take 8 */

typedef struct { PyObject_HEAD int64_t time, stream_id; } LastState;
typedef struct { PyObject_HEAD int64_t chunk_size; PyObject *last; } WriterState;
typedef struct { PyObject_HEAD int64_t tags_sent; } CountsState;
typedef struct { PyObject_HEAD int64_t largest; } LineState;
typedef struct { PyObject_HEAD PyObject *live; int64_t base; } TransportState;

typedef struct {
    PyObject_HEAD
    TransportState *transport;
    LineState *line;
    WriterState *writer;
    CountsState *counts;
    PyObject *wire, *encrypt; /* `encrypt`: a TLS session's `send`; None = nothing does */
    int64_t stream_id;
} PortState;

static const CamcastWire *wires;
static PyTypeObject *LastState_type, *WriterState_type, *CountsState_type, *LineState_type, *TransportState_type,
    *PortState_type, *wire_type;
static PyObject *audio, *video; /* numbers of the chunk streams */
static PyObject *name_fail_soon;

static const Field LastState_fields[] = {FIELD(LastState, time, I64), FIELD(LastState, stream_id, I64), NO_FIELD};
static const Field WriterState_fields[] = {
    FIELD(WriterState, chunk_size, I64), FIELD_AS("_last", WriterState, last, ANY), NO_FIELD};
static const Field CountsState_fields[] = {FIELD(CountsState, tags_sent, I64), NO_FIELD};
static const Field LineState_fields[] = {FIELD(LineState, largest, I64), NO_FIELD};
static const Field TransportState_fields[] = {
    FIELD_AS("_live", TransportState, live, ANY), FIELD_AS("_base", TransportState, base, I64), NO_FIELD};
static const Field PortState_fields[] = {
    FIELD_OF(PortState, transport, TYPED, TransportState_type), FIELD_OF(PortState, line, TYPED, LineState_type),
    FIELD_OF(PortState, writer, TYPED, WriterState_type), FIELD_OF(PortState, counts, TYPED, CountsState_type),
    FIELD_OF(PortState, wire, TYPED, wire_type), FIELD(PortState, encrypt, ANY), FIELD(PortState, stream_id, I64),
    NO_FIELD};

STATE_TYPE(LastState)
STATE_TYPE(WriterState)
STATE_TYPE(CountsState)
STATE_TYPE(LineState)
STATE_TYPE(TransportState)
STATE_TYPE(PortState)

/* What was last written on a chunk stream, borrowed; NULL = nothing that a header of type 1 can follow. */
static LastState *last_of(PortState *port, PyObject *chunk_stream)
{
    PyObject *known = port->writer->last;
    if (chunk_stream == NULL || known == NULL || !PyDict_CheckExact(known))
        return NULL;
    PyObject *last = PyDict_GetItemWithError(known, chunk_stream);
    if (last == NULL || !PyObject_TypeCheck(last, LastState_type))
        return NULL;
    return ((LastState *)last)->stream_id == port->stream_id ? (LastState *)last : NULL;
}

/* What `TlsWire.write` does with what encrypting gave, or with the error that is set. All is borrowed. */
static int write_records(PyObject *wire, PyObject *records)
{
    if (records == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_OSError))
            return -1;
        PyObject *error = raised();
        int result = error == NULL ? -1 : done(PyObject_CallMethodOneArg(wire, name_fail_soon, error));
        Py_XDECREF(error);
        return result;
    }
    int written = PyBytes_CheckExact(records) ? wires->write(wire, "", 0, records) : -2;
    return written == -2 ? done(PyObject_CallMethod(wire, "write", "((O))", records)) : written;
}

/* As `wires->write`, over TLS: in one piece, since encrypting copies it. */
static int write_encrypted(PortState *port, const char *front, Py_ssize_t size, PyObject *body)
{
    if (!wires->alive(port->wire))
        return -2;
    Py_ssize_t rest = PyBytes_GET_SIZE(body);
    PyObject *message = PyBytes_FromStringAndSize(NULL, size + rest);
    if (message == NULL)
        return -1;
    memcpy(PyBytes_AS_STRING(message), front, (size_t)size);
    memcpy(PyBytes_AS_STRING(message) + size, PyBytes_AS_STRING(body), (size_t)rest);
    PyObject *wire = Py_NewRef(port->wire), *encrypt = Py_NewRef(port->encrypt);
    PyObject *records = PyObject_CallOneArg(encrypt, message);
    Py_DECREF(message);
    int result = write_records(wire, records);
    Py_XDECREF(records);
    Py_DECREF(encrypt);
    Py_DECREF(wire);
    return result;
}

static int64_t send_tag(PyObject *self, int type, int64_t time, PyObject *head, PyObject *body)
{
    if (!PyObject_TypeCheck(self, PortState_type))
        return CAMCAST_PORT_NOT_ORDINARY;
    PortState *port = (PortState *)self;
    TransportState *transport = port->transport;
    if (transport == NULL || port->line == NULL || port->writer == NULL || port->counts == NULL ||
        port->wire == NULL || transport->live != (PyObject *)port->line || !PyBytes_CheckExact(head) ||
        !PyBytes_CheckExact(body))
        return CAMCAST_PORT_NOT_ORDINARY;
    int64_t front = PyBytes_GET_SIZE(head), size = front + PyBytes_GET_SIZE(body);
    if (!size || size > port->line->largest || size > port->writer->chunk_size || front > LONGEST_HEAD ||
        wires->handed(port->wire) < transport->base)
        return CAMCAST_PORT_NOT_ORDINARY;
    PyObject *chunk_stream = type == 9 ? video : audio;
    LastState *last = last_of(port, chunk_stream);
    if (last == NULL)
        return PyErr_Occurred() ? CAMCAST_PORT_RAISED : CAMCAST_PORT_NOT_ORDINARY;
    uint32_t delta = (uint32_t)time - (uint32_t)last->time;
    if (delta >= EXTENDED)
        return CAMCAST_PORT_NOT_ORDINARY;
    uint64_t header = 1ull << 62 | (uint64_t)PyLong_AsLong(chunk_stream) << 56 | (uint64_t)delta << 32 |
                      (uint64_t)size << 8 | (uint64_t)type;
    char front_bytes[HEADER + LONGEST_HEAD];
    for (int at = 0; at < HEADER; at++)
        front_bytes[at] = (char)(header >> (8 * (HEADER - 1 - at)));
    memcpy(front_bytes + HEADER, PyBytes_AS_STRING(head), (size_t)front);
    Py_INCREF(last);
    int written = IS_NONE(port->encrypt) ? wires->write(port->wire, front_bytes, HEADER + front, body)
                                         : write_encrypted(port, front_bytes, HEADER + front, body);
    if (written != -2) {
        last->time = (uint32_t)time;
        port->counts->tags_sent++;
    }
    Py_DECREF(last);
    if (written == -2)
        return CAMCAST_PORT_NOT_ORDINARY;
    return written < 0 ? CAMCAST_PORT_RAISED : wires->handed(port->wire) - transport->base;
}

static const CamcastPort table = {CAMCAST_PORT_VERSION, send_tag, NULL};

static PyObject *port_send(PyObject *self, PyObject *args)
{
    int type;
    long long time;
    PyObject *head, *body;
    if (!PyArg_ParseTuple(args, "iLSS", &type, &time, &head, &body))
        return NULL;
    int64_t position = send_tag(self, type, time, head, body);
    if (position == CAMCAST_PORT_RAISED)
        return NULL;
    if (position == CAMCAST_PORT_NOT_ORDINARY)
        Py_RETURN_NONE;
    return PyLong_FromLongLong(position);
}

static PyMethodDef methods[] = {
    {"send", port_send, METH_VARARGS, "What the fast path calls in C: the position, or None = not ordinary."},
    {NULL, NULL, 0, NULL},
};

static PyObject *setup(PyObject *module, PyObject *args)
{
    PyObject *streams[2];
    if (!PyArg_ParseTuple(args, "O!O!", &PyLong_Type, &streams[0], &PyLong_Type, &streams[1]))
        return NULL;
    for (int at = 0; at < 2; at++) {
        long number = PyLong_AsLong(streams[at]);
        if (number < 2 || number > 63) {
            PyErr_SetString(PyExc_ValueError, "a chunk stream's number fits into one byte: 2 to 63");
            return NULL;
        }
    }
    Py_XSETREF(audio, Py_NewRef(streams[0]));
    Py_XSETREF(video, Py_NewRef(streams[1]));
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"setup", setup, METH_VARARGS, "Say which chunk streams carry sound and pictures."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_port", .m_doc = "See native/__init__.py.", .m_size = -1, .m_methods = functions,
};

static const Word words[] = {{&name_fail_soon, "fail_soon"}, {NULL, NULL}};

static int fill(PyObject *module)
{
    static const PyType_Slot of_port[] = {{Py_tp_methods, methods}, {0, NULL}};
    if (ADD_TYPE(module, PREFIX, LastState, NULL) || ADD_TYPE(module, PREFIX, WriterState, NULL) ||
        ADD_TYPE(module, PREFIX, CountsState, NULL) || ADD_TYPE(module, PREFIX, LineState, NULL) ||
        ADD_TYPE(module, PREFIX, TransportState, NULL) || ADD_TYPE(module, PREFIX, PortState, of_port))
        return -1;
    PyObject *capsule = PyCapsule_New((void *)&table, CAMCAST_PORT, NULL);
    int result = capsule == NULL ? -1 : PyModule_AddObjectRef(module, "table", capsule);
    Py_XDECREF(capsule);
    return result;
}

PyMODINIT_FUNC PyInit__port(void)
{
    wires = table_of_core(CAMCAST_WIRE, CAMCAST_WIRE_VERSION);
    if (wires == NULL)
        return NULL;
    wire_type = wires->type;
    return intern(words) < 0 ? NULL : make_part(&definition, FORM, fill);
}
