/* camcast_aac.native._frames: what `AacParser.parse` does with a frame like the one before it (codec.py).

Ordinary is a bare frame of a known track, or a single whole ADTS frame without a CRC whose fixed header is the last
one's (ISO 14496-3 §1.A.2.2). Everything else is the Python form's. */

#include "calls.h"
#include "packets.h"
#include "part.h"

#define PREFIX "camcast_aac.native._frames."
#define FORM 1 /* of what Python and this agree on; `camcast_aac.native` expects the same */
#define HEADER 7

typedef struct {
    PyObject_HEAD
    PyObject *track;
    int64_t usual_header, headers;
} ParserState;

static const CamcastPackets *packets;
static PyTypeObject *ParserState_type;
static PyObject *in_python, *zero;

static const Field ParserState_fields[] = {
    FIELD_AS("_track", ParserState, track, ANY), FIELD_AS("_usual_header", ParserState, usual_header, I64),
    FIELD_AS("_headers", ParserState, headers, I64), NO_FIELD};

STATE_TYPE(ParserState)

/* Bytes of the header that `frame` begins with, 0 = none; -1 = it is not ordinary. */
static Py_ssize_t header_of(ParserState *parser, const unsigned char *frame, Py_ssize_t size)
{
    if (size < 2 || frame[0] != 0xFF || (frame[1] & 0xF6) != 0xF0)
        return 0;
    if (size <= HEADER)
        return -1;
    uint64_t value = 0;
    for (int at = 0; at < HEADER; at++)
        value = value << 8 | frame[at];
    int ordinary = (int64_t)(value >> 28) == parser->usual_header && (value >> 13 & 0x1FFF) == (uint64_t)size &&
                   !(value & 3);
    return ordinary ? HEADER : -1;
}

static PyObject *parser_parse(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    ParserState *parser = (ParserState *)self;
    if (names == NULL && (count == 3 || count == 4) && PyBytes_CheckExact(args[0]) && PyBytes_GET_SIZE(args[0]) &&
        !IS_NONE(parser->track) && packets->type != NULL) {
        const char *frame = PyBytes_AS_STRING(args[0]);
        Py_ssize_t size = PyBytes_GET_SIZE(args[0]), header = header_of(parser, (const unsigned char *)frame, size);
        if (header >= 0) {
            PyObject *payload = header ? PyBytes_FromStringAndSize(frame + header, size - header) : Py_NewRef(args[0]);
            if (payload == NULL)
                return NULL;
            parser->headers += header > 0;
            PyObject *packet =
                packets->make(parser->track, args[1], args[2], 1, payload, 0, count == 4 ? args[3] : zero);
            Py_DECREF(payload);
            return packet;
        }
    }
    return call_with_self(in_python, self, args, count, names);
}

static PyMethodDef methods[] = {
    {"parse", (PyCFunction)(void (*)(void))parser_parse, METH_FASTCALL | METH_KEYWORDS,
     "parse($self, data, dts, pts, arrival=0)\n--\n\nAs `AacParser.parse` in codec.py."},
    {NULL, NULL, 0, NULL},
};

static PyObject *setup(PyObject *module, PyObject *form)
{
    Py_INCREF(form);
    Py_XSETREF(in_python, form);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"setup", setup, METH_O, "Say what the Python form of `parse` is."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_frames", .m_doc = "See native/__init__.py.", .m_size = -1,
    .m_methods = functions,
};

static int fill(PyObject *module)
{
    static const PyType_Slot of_parser[] = {{Py_tp_methods, methods}, {0, NULL}};
    if (zero == NULL && (zero = PyLong_FromLong(0)) == NULL)
        return -1;
    return ADD_TYPE(module, PREFIX, ParserState, of_parser) ? -1 : 0;
}

PyMODINIT_FUNC PyInit__frames(void)
{
    packets = table_of_core(CAMCAST_PACKETS, CAMCAST_PACKETS_VERSION);
    return packets == NULL ? NULL : make_part(&definition, FORM, fill);
}
