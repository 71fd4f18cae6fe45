/* Packets that C makes and reads; see packets.h. */

#include "states.h"

static PyObject *make(PyObject *track, PyObject *dts, PyObject *pts, int keyframe, PyObject *payload, int disposable,
                      PyObject *arrival)
{
    /* To ask for memory may collect what runs anything, also what lets go of what the caller has borrowed. */
    PyObject *parts[] = {Py_NewRef(track), Py_NewRef(dts), Py_NewRef(pts), Py_NewRef(payload), Py_NewRef(arrival)};
    PyObject *packet = packets.type->tp_alloc(packets.type, 0);
    if (packet == NULL) {
        for (size_t at = 0; at < sizeof parts / sizeof *parts; at++)
            Py_DECREF(parts[at]);
        return NULL;
    }
    SLOT(packet, track) = parts[0];
    SLOT(packet, dts) = parts[1];
    SLOT(packet, pts) = parts[2];
    SLOT(packet, payload) = parts[3];
    SLOT(packet, arrival) = parts[4];
    SLOT(packet, keyframe) = PyBool_FromLong(keyframe);
    SLOT(packet, disposable) = PyBool_FromLong(disposable);
    return packet;
}

CamcastPackets packets = {CAMCAST_PACKETS_VERSION, NULL, 0, 0, 0, 0, 0, 0, 0, make};

static int find_slot(PyTypeObject *type, const char *name, Py_ssize_t *offset)
{
    PyObject *found = PyObject_GetAttrString((PyObject *)type, name);
    if (found == NULL)
        return -1;
    int usual = Py_IS_TYPE(found, &PyMemberDescr_Type) && ((PyMemberDescrObject *)found)->d_member->type == T_OBJECT_EX;
    if (usual)
        *offset = ((PyMemberDescrObject *)found)->d_member->offset;
    else
        PyErr_Format(PyExc_TypeError, "%s.%s is no slot", type->tp_name, name);
    Py_DECREF(found);
    return usual ? 0 : -1;
}

PyObject *packets_are(PyObject *module, PyObject *of)
{
    if (!PyType_Check(of)) {
        PyErr_Format(PyExc_TypeError, "packets are of a type, not a %s", Py_TYPE(of)->tp_name);
        return NULL;
    }
    PyTypeObject *type = (PyTypeObject *)of;
    if (find_slot(type, "track", &packets.track) < 0 || find_slot(type, "dts", &packets.dts) < 0 ||
        find_slot(type, "pts", &packets.pts) < 0 || find_slot(type, "keyframe", &packets.keyframe) < 0 ||
        find_slot(type, "payload", &packets.payload) < 0 || find_slot(type, "disposable", &packets.disposable) < 0 ||
        find_slot(type, "arrival", &packets.arrival) < 0)
        return NULL;
    Py_INCREF(type);
    Py_XSETREF(packets.type, type);
    Py_RETURN_NONE;
}

int add_packets(PyObject *module)
{
    PyObject *capsule = PyCapsule_New(&packets, CAMCAST_PACKETS, NULL);
    int result = capsule == NULL ? -1 : PyModule_AddObjectRef(module, "packets", capsule);
    Py_XDECREF(capsule);
    return result;
}
