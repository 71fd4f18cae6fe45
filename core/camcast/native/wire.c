/* What `Wire.write` in net/wire.py does while all goes well: one sendmsg of two pieces.

The interpreter lock is kept: the call never blocks, and whoever gave the lock away for these microseconds might wait
for it for milliseconds, with all other streams behind. */

#include "states.h"
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* What was not sent goes to the tail, which is Python's. */
static int keep(PyObject *wire, const char *head, Py_ssize_t size, PyObject *body, Py_ssize_t sent)
{
    PyObject *result = PyObject_CallMethod(wire, "_keep", "(y#O)n", head, size, body, sent);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int fail_soon(PyObject *wire, int why)
{
    PyObject *number = PyLong_FromLong(why), *text = PyUnicode_DecodeLocale(strerror(why), "surrogateescape");
    PyObject *error = NULL, *result = NULL;
    if (number != NULL && text != NULL)
        error = PyObject_CallFunctionObjArgs(PyExc_OSError, number, text, NULL);
    if (error != NULL)
        result = PyObject_CallMethod(wire, "fail_soon", "O", error);
    Py_XDECREF(number);
    Py_XDECREF(text);
    Py_XDECREF(error);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int wire_write(PyObject *self, const char *head, Py_ssize_t size, PyObject *body)
{
    WireState *wire = (WireState *)self;
    if (wire->failed || wire->closed || wire->tail_bytes || wire->descriptor < 0)
        return -2;
    struct iovec pieces[] = {{(void *)head, (size_t)size},
                             {PyBytes_AS_STRING(body), (size_t)PyBytes_GET_SIZE(body)}};
    struct msghdr message = {.msg_iov = size ? pieces : pieces + 1, .msg_iovlen = size && pieces[1].iov_len ? 2 : 1};
    Py_ssize_t whole = size + PyBytes_GET_SIZE(body);
    wire->handed += whole;
    ssize_t sent = sendmsg((int)wire->descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent == whole)
        return 0;
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        return fail_soon(self, errno);
    return keep(self, head, size, body, sent < 0 ? 0 : sent);
}

static int64_t wire_handed(PyObject *wire)
{
    return ((WireState *)wire)->handed;
}

static int wire_alive(PyObject *wire)
{
    return !((WireState *)wire)->failed && !((WireState *)wire)->closed;
}

static CamcastWire wire = {CAMCAST_WIRE_VERSION, wire_write, wire_handed, wire_alive, NULL};

int add_wire(PyObject *module)
{
    wire.type = WireState_type;
    PyObject *capsule = PyCapsule_New(&wire, CAMCAST_WIRE, NULL);
    int result = capsule == NULL ? -1 : PyModule_AddObjectRef(module, "wire", capsule);
    Py_XDECREF(capsule);
    return result;
}
