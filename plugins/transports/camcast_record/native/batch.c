/* camcast_record.native._batch: what `Batch.take` does while all goes well (batch.py), for the fast path. */

#include "fields.h"
#include "part.h"
#include "port.h"

#define PREFIX "camcast_record.native._batch."
#define FORM 1 /* of what Python and this agree on; `camcast_record.native` expects the same */

typedef struct {
    PyObject_HEAD
    int64_t size, taken, room, whole_at;
    PyObject *units;
} BatchState;

static PyTypeObject *BatchState_type;

static const Field BatchState_fields[] = {
    FIELD(BatchState, size, I64), FIELD(BatchState, taken, I64), FIELD(BatchState, room, I64),
    FIELD(BatchState, whole_at, I64), FIELD(BatchState, units, ANY), NO_FIELD};

STATE_TYPE(BatchState)

static int64_t take(PyObject *self, int64_t time, PyObject *packet, PyObject *payload)
{
    if (!PyObject_TypeCheck(self, BatchState_type))
        return CAMCAST_PORT_NOT_ORDINARY;
    BatchState *batch = (BatchState *)self;
    int64_t size = batch->size + PyBytes_GET_SIZE(payload);
    if (size > batch->room || time >= batch->whole_at || batch->units == NULL ||
        !PyList_CheckExact(batch->units))
        return CAMCAST_PORT_NOT_ORDINARY;
    PyObject *moment = PyLong_FromLongLong(time);
    PyObject *timed = moment == NULL ? NULL : PyTuple_Pack(2, packet, moment);
    int added = timed == NULL ? -1 : PyList_Append(batch->units, timed);
    Py_XDECREF(moment);
    Py_XDECREF(timed);
    if (added < 0)
        return CAMCAST_PORT_RAISED;
    batch->size = size;
    batch->taken += PyBytes_GET_SIZE(payload);
    return batch->taken;
}

static const CamcastPort table = {CAMCAST_PORT_VERSION, NULL, take};

static PyObject *batch_take(PyObject *self, PyObject *args)
{
    long long time;
    PyObject *packet, *payload;
    if (!PyArg_ParseTuple(args, "LOS", &time, &packet, &payload))
        return NULL;
    int64_t taken = take(self, time, packet, payload);
    if (taken == CAMCAST_PORT_RAISED)
        return NULL;
    if (taken == CAMCAST_PORT_NOT_ORDINARY)
        Py_RETURN_NONE;
    return PyLong_FromLongLong(taken);
}

static PyMethodDef methods[] = {
    {"packet", batch_take, METH_VARARGS, "What the fast path calls in C: the bytes taken so far, or None = not ordinary."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_batch", .m_doc = "See native/__init__.py.", .m_size = -1,
};

static int fill(PyObject *module)
{
    static const PyType_Slot of_batch[] = {{Py_tp_methods, methods}, {0, NULL}};
    if (ADD_TYPE(module, PREFIX, BatchState, of_batch))
        return -1;
    PyObject *capsule = PyCapsule_New((void *)&table, CAMCAST_PORT, NULL);
    int result = capsule == NULL ? -1 : PyModule_AddObjectRef(module, "table", capsule);
    Py_XDECREF(capsule);
    return result;
}

PyMODINIT_FUNC PyInit__batch(void)
{
    return make_part(&definition, FORM, fill);
}
