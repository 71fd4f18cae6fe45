/* Small steps that every C file here takes: numbers out of Python's, results that nobody wants, a method's other form. */

#ifndef CAMCAST_CALLS_H
#define CAMCAST_CALLS_H

#include "fields.h"
#include <time.h>

#define NS_PER_S 1000000000
#define MOST_ARGUMENTS 12

UNUSED static int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* An int of 64 bits; 0 = it is something else, and no exception is set. */
UNUSED static int as_int64(PyObject *object, int64_t *number)
{
    int over;
    if (object == NULL || !PyLong_CheckExact(object))
        return 0;
    *number = PyLong_AsLongLongAndOverflow(object, &over);
    return !over;
}

/* Drop what a call has given; -1 where it has raised. */
UNUSED static int done(PyObject *result)
{
    if (result == NULL)
        return -1;
    Py_DECREF(result);
    return 0;
}

/* The exception that is set, as an object; then none is. */
UNUSED static PyObject *raised(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    if (trace != NULL && error != NULL)
        PyException_SetTraceback(error, trace);
    Py_XDECREF(type);
    Py_XDECREF(trace);
    return error;
#endif
}

/* `function(self, *args)`, with the arguments as METH_FASTCALL | METH_KEYWORDS has them. */
UNUSED static PyObject *call_with_self(PyObject *function, PyObject *self, PyObject *const *args, Py_ssize_t count,
                                       PyObject *names)
{
    PyObject *all[MOST_ARGUMENTS + 1];
    Py_ssize_t total = count + (names == NULL ? 0 : PyTuple_GET_SIZE(names));
    if (function == NULL || total > MOST_ARGUMENTS) {
        PyErr_SetString(PyExc_TypeError, "too many arguments");
        return NULL;
    }
    all[0] = self;
    for (Py_ssize_t at = 0; at < total; at++)
        all[at + 1] = args[at];
    return PyObject_Vectorcall(function, all, (size_t)count + 1, names);
}

#endif
