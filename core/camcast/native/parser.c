/* `NalParser.parse` for an ordinary access unit: sizes of four bytes, roles by the first byte of each unit, and nothing
that has to be changed. The bytes may be a stranger's, so nothing but sizes and roles is read of them, each within its
bounds; whatever else there may be goes to Python, before anything has been done. */

#include "calls.h"
#include "states.h"

static struct {
    PyObject *in_python; /* the Python form */
    int64_t starved, most;
    int reference, picture, drop, bad, sei;
} known;

static PyObject *zero, *name_passes_by, *name_delimited;

/* What one look over an access unit has told. */
typedef struct {
    int seen, behind_first; /* roles, of all and of all but the first unit */
    int begins;             /* the role of the first */
    Py_ssize_t first_end;
} Scan;

/* 0 = sizes that do not fit, or too many units. */
static int scan(const unsigned char *roles, int64_t header_size, PyObject *data, Scan *found)
{
    const unsigned char *bytes = (const unsigned char *)PyBytes_AS_STRING(data);
    Py_ssize_t at = 0, end = PyBytes_GET_SIZE(data);
    int64_t count = 0;
    *found = (Scan){0, 0, 0, 0};
    while (at < end) {
        if (end - at < 4 || ++count > known.most)
            return 0;
        uint32_t size = (uint32_t)bytes[at] << 24 | (uint32_t)bytes[at + 1] << 16 | (uint32_t)bytes[at + 2] << 8 |
                        bytes[at + 3];
        at += 4;
        if (size > (size_t)(end - at))
            return 0;
        int role = size < header_size || !size ? known.bad : roles[bytes[at]];
        at += (Py_ssize_t)size;
        found->seen |= role;
        if (count == 1) {
            found->begins = role;
            found->first_end = at;
        } else {
            found->behind_first |= role;
        }
    }
    return 1;
}

/* 1 = it has been so long without a keyframe, 0 = it has not, -1 = it cannot be told here. */
static int starved(ParserState *parser, PyObject *dts)
{
    int64_t now, since;
    if (parser->refreshed)
        return 1;
    if (IS_NONE(parser->since_keyframe))
        return 0;
    if (!as_int64(dts, &now) || !as_int64(parser->since_keyframe, &since) || __builtin_sub_overflow(now, since, &since))
        return -1;
    return since > known.starved;
}

/* 1 = `packet` is what `data` makes, 0 = it is not ordinary and nothing has been done, -1 = an exception. */
static int parse(ParserState *parser, PyObject *data, PyObject *dts, PyObject *pts, PyObject *arrival,
                 PyObject **packet)
{
    Scan found;
    if (packets.type == NULL || parser->framing != 4 || parser->divided || IS_NONE(parser->track) || !PyBytes_CheckExact(data) ||
        parser->roles == NULL || !PyBytes_CheckExact(parser->roles) || PyBytes_GET_SIZE(parser->roles) != 256 ||
        !scan((const unsigned char *)PyBytes_AS_STRING(parser->roles), parser->header_size, data, &found))
        return 0;
    int delimited = found.seen & known.drop && !(found.seen & known.bad) && found.begins == known.drop;
    int seen = delimited ? found.behind_first : found.seen;
    if (!(seen & known.picture) || seen & (int)parser->special ||
        (parser->keyless && (IS_NONE(parser->since_keyframe) || starved(parser, dts))))
        return 0;
    int disposable = !(seen & known.reference);
    if (disposable && parser->layered)
        return 0;
    if (seen & known.sei && (IS_NONE(parser->since_keyframe) || starved(parser, dts)))
        return 0;
    PyObject *track = Py_NewRef(parser->track);
    PyObject *payload = delimited ? PyBytes_FromStringAndSize(PyBytes_AS_STRING(data) + found.first_end,
                                                              PyBytes_GET_SIZE(data) - found.first_end)
                                  : Py_NewRef(data);
    int taken = payload == NULL ? -1 : 1;
    if (taken > 0 && seen & known.sei) {
        PyObject *by = PyObject_CallMethodOneArg((PyObject *)parser, name_passes_by, payload);
        taken = by == NULL ? -1 : PyObject_IsTrue(by);
        Py_XDECREF(by);
    }
    if (taken > 0) {
        parser->failures = 0;
        if (delimited && done(PyObject_CallMethodOneArg((PyObject *)parser, name_delimited, data)) < 0)
            taken = -1;
    }
    if (taken > 0 && (*packet = packets.make(track, dts, pts, 0, payload, disposable, arrival)) == NULL)
        taken = -1;
    Py_XDECREF(payload);
    Py_DECREF(track);
    return taken;
}

static PyObject *parser_parse(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    if (names == NULL && (count == 3 || count == 4)) {
        PyObject *packet;
        int taken = parse((ParserState *)self, args[0], args[1], args[2], count == 4 ? args[3] : zero, &packet);
        if (taken)
            return taken < 0 ? NULL : packet;
    }
    return call_with_self(known.in_python, self, args, count, names);
}

PyMethodDef parser_methods[] = {
    {"parse", (PyCFunction)(void (*)(void))parser_parse, METH_FASTCALL | METH_KEYWORDS,
     "parse($self, data, dts, pts, arrival=0)\n--\n\nAs `NalParser.parse` in bitstream/parser.py."},
    {NULL, NULL, 0, NULL},
};

PyObject *parsers_are(PyObject *module, PyObject *args, PyObject *named)
{
    static char *names[] = {"in_python", "starved", "most", "reference", "picture", "drop", "bad", "sei", NULL};
    PyObject *in_python;
    long long starved, most;
    int reference, picture, drop, bad, sei;
    if (!PyArg_ParseTupleAndKeywords(args, named, "$OLLiiiii", names, &in_python, &starved, &most, &reference,
                                     &picture, &drop, &bad, &sei))
        return NULL;
    if ((zero == NULL && (zero = PyLong_FromLong(0)) == NULL) ||
        (name_passes_by == NULL && (name_passes_by = PyUnicode_InternFromString("passes_by")) == NULL) ||
        (name_delimited == NULL && (name_delimited = PyUnicode_InternFromString("delimited")) == NULL))
        return NULL;
    known.starved = starved;
    known.most = most;
    known.reference = reference;
    known.picture = picture;
    known.drop = drop;
    known.bad = bad;
    known.sei = sei;
    Py_INCREF(in_python);
    Py_XSETREF(known.in_python, in_python);
    Py_RETURN_NONE;
}
