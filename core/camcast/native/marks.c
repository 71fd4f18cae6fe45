/* What an attempt has under way: `Marks` of stream/marks.py, a ring that grows. To Python its items are tuples. */

#include "states.h"

#define FIRST_ROOM 16

PyTypeObject *Marks_type;

static Mark *mark_at(Marks *marks, Py_ssize_t at)
{
    return marks->ring + ((marks->first + at) & (marks->room - 1));
}

int marks_add(Marks *marks, const Mark *mark)
{
    if (marks->count == marks->room) {
        Py_ssize_t room = marks->room ? 2 * marks->room : FIRST_ROOM;
        Mark *ring = PyMem_Malloc((size_t)room * sizeof *ring);
        if (ring == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        for (Py_ssize_t at = 0; at < marks->count; at++)
            ring[at] = *mark_at(marks, at);
        PyMem_Free(marks->ring);
        marks->ring = ring;
        marks->room = room;
        marks->first = 0;
    }
    *mark_at(marks, marks->count) = *mark;
    marks->count++;
    return 0;
}

static void remove_first(Marks *marks)
{
    marks->first = (marks->first + 1) & (marks->room - 1);
    marks->count--;
}

static PyObject *as_tuple(const Mark *mark)
{
    PyObject *kind = mark->kind == MARK_VIDEO ? known_video() : mark->kind == MARK_AUDIO ? known_audio() : Py_None;
    return Py_BuildValue("LLdLO", (long long)mark->end, (long long)mark->time, mark->sent, (long long)mark->arrival,
                         kind);
}

static PyObject *marks_append(PyObject *self, PyObject *item)
{
    long long end, time, arrival;
    double sent;
    PyObject *kind;
    if (!PyTuple_CheckExact(item)) {
        PyErr_Format(PyExc_TypeError, "a mark is a tuple, not a %s", Py_TYPE(item)->tp_name);
        return NULL;
    }
    if (!PyArg_ParseTuple(item, "LLdLO;a mark is (end, time, sent, arrival, kind)", &end, &time, &sent, &arrival,
                          &kind))
        return NULL;
    Mark mark = {end, time, sent, arrival, MARK_NONE};
    if (kind == known_video())
        mark.kind = MARK_VIDEO;
    else if (kind == known_audio())
        mark.kind = MARK_AUDIO;
    else if (kind != Py_None) {
        PyErr_Format(PyExc_TypeError, "a mark's kind is %R, expected one of MediaKind or None", kind);
        return NULL;
    }
    if (marks_add((Marks *)self, &mark) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *marks_settle(PyObject *self, PyObject *done)
{
    Marks *marks = (Marks *)self;
    int over;
    long long until = PyLong_AsLongLongAndOverflow(done, &over);
    if (until == -1 && !over && PyErr_Occurred())
        return NULL;
    if (over)
        until = over > 0 ? INT64_MAX : INT64_MIN;
    Mark newest;
    int found = 0;
    while (marks->count && mark_at(marks, 0)->end <= until) {
        newest = *mark_at(marks, 0);
        found = 1;
        remove_first(marks);
    }
    if (!found)
        Py_RETURN_NONE;
    return as_tuple(&newest);
}

static PyObject *marks_clear(PyObject *self, PyObject *unused)
{
    ((Marks *)self)->count = 0;
    Py_RETURN_NONE;
}

static Py_ssize_t marks_length(PyObject *self)
{
    return ((Marks *)self)->count;
}

static PyObject *marks_item(PyObject *self, Py_ssize_t at)
{
    Marks *marks = (Marks *)self;
    if (at < 0 || at >= marks->count) {
        PyErr_SetString(PyExc_IndexError, "no such mark");
        return NULL;
    }
    return as_tuple(mark_at(marks, at));
}

static PyObject *marks_compare(PyObject *self, PyObject *other, int how)
{
    if ((how != Py_EQ && how != Py_NE) || !PyObject_TypeCheck(other, Marks_type))
        Py_RETURN_NOTIMPLEMENTED;
    PyObject *mine = PySequence_List(self), *theirs = PySequence_List(other), *result = NULL;
    if (mine != NULL && theirs != NULL)
        result = PyObject_RichCompare(mine, theirs, how);
    Py_XDECREF(mine);
    Py_XDECREF(theirs);
    return result;
}

static PyObject *marks_repr(PyObject *self)
{
    PyObject *list = PySequence_List(self);
    PyObject *text = list == NULL ? NULL : PyUnicode_FromFormat("Marks(%R)", list);
    Py_XDECREF(list);
    return text;
}

static void marks_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyMem_Free(((Marks *)self)->ring);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"append", marks_append, METH_O, "Add (end, time, sent, arrival, kind)."},
    {"settle", marks_settle, METH_O, "Remove those that end at or before a position; the newest of them, or None."},
    {"clear", marks_clear, METH_NOARGS, "Remove all."},
    {NULL, NULL, 0, NULL},
};

int add_marks(PyObject *module)
{
    static PyType_Slot slots[] = {
        {Py_tp_methods, methods},
        {Py_tp_dealloc, (void *)marks_dealloc},
        {Py_tp_richcompare, (void *)marks_compare},
        {Py_tp_hash, (void *)PyObject_HashNotImplemented},
        {Py_tp_repr, (void *)marks_repr},
        {Py_sq_length, (void *)marks_length},
        {Py_sq_item, (void *)marks_item},
        {0, NULL},
    };
    static PyType_Spec spec = {"camcast.native._fastpath.Marks", sizeof(Marks), 0, Py_TPFLAGS_DEFAULT, slots};
    Marks_type = (PyTypeObject *)PyType_FromSpec(&spec);
    return Marks_type == NULL ? -1 : PyModule_AddObjectRef(module, "Marks", (PyObject *)Marks_type);
}
