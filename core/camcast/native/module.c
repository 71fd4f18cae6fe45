/* camcast.native._fastpath: the steady path of a stream, and the state that it works on. */

#include "states.h"

static PyMethodDef functions[] = {
    {"setup", (PyCFunction)(void (*)(void))path_setup, METH_VARARGS | METH_KEYWORDS,
     "Say what the fast path needs of Python's constants and types. Once, before the first packet."},
    {"packets_are", packets_are, METH_O, "Say what a packet is. Once, before the first one."},
    {"parsers_are", (PyCFunction)(void (*)(void))parsers_are, METH_VARARGS | METH_KEYWORDS,
     "Say what parsers know. Once, before the first access unit."},
    {"kinds", path_kinds, METH_VARARGS, "Say what stands for pictures and what for sound. Once, before the first mark."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_fastpath", .m_doc = "See stream/fastpath.py.", .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__fastpath(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && (add_marks(module) < 0 || add_states(module) < 0 || add_wire(module) < 0 || add_packets(module) < 0 ||
                           PyModule_AddIntConstant(module, "FORM", CAMCAST_FORM) < 0))
        Py_CLEAR(module);
    return module;
}
