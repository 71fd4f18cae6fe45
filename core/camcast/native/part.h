/* How each part of a plugin's begins: a table of the core's, the names that it calls by, its types, its form's number. */

#ifndef CAMCAST_PART_H
#define CAMCAST_PART_H

#include "fields.h"

typedef struct {
    PyObject **name;
    const char *text;
} Word;

/* What is in the core's capsule of that name, which begins with a version; NULL with an exception. */
UNUSED static const void *table_of_core(const char *capsule, uint32_t version)
{
    const uint32_t *table = PyCapsule_Import(capsule, 0);
    if (table != NULL && *table != version) {
        PyErr_Format(PyExc_ImportError, "%s is of version %u, expected %u: build this anew", capsule, *table, version);
        return NULL;
    }
    return table;
}

/* Make a str of each text, once; the last one is {NULL, NULL}. -1 with an exception. */
UNUSED static int intern(const Word *words)
{
    for (; words->name != NULL; words++)
        if (*words->name == NULL && (*words->name = PyUnicode_InternFromString(words->text)) == NULL)
            return -1;
    return 0;
}

/* The module, with what `fill` puts into it (-1 with an exception) and `FORM`, by which Python knows that it fits. */
UNUSED static PyObject *make_part(PyModuleDef *definition, int form, int (*fill)(PyObject *module))
{
    PyObject *module = PyModule_Create(definition);
    if (module != NULL && (fill(module) < 0 || PyModule_AddIntConstant(module, "FORM", form) < 0))
        Py_CLEAR(module);
    return module;
}

#endif
