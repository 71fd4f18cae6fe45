/* Types whose attributes lie in a C struct: Python reads and writes the same memory as C does, under the same names.

A table of fields makes the type. (Numbers are not PyMemberDef's: what it refuses it has written already.) Python's classes derive from it: `__slots__` names its fields, so attrs takes over
their descriptors instead of making slots of its own. What C follows without looking (TYPED, TUPLE_OF) is checked when
it is set, so no mistake in Python can make C read what is not there; a field that was never set is NULL, and is asked
for before each use. */

#ifndef CAMCAST_FIELDS_H
#define CAMCAST_FIELDS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <structmember.h>

typedef enum {
    FLAG,     /* char, True or False */
    ANY,      /* PyObject * of whatever type */
    I64,      /* int64_t */
    F64,      /* double */
    OPT_I64,  /* int64_t, NO_I64 = None */
    OPT_F64,  /* double, NaN = None */
    TYPED,    /* PyObject *, an instance of `*type` */
    OPT_TYPED, /* the same, or None */
    TUPLE_OF, /* PyObject *, a tuple of such instances */
} FieldKind;

typedef struct {
    const char *name;
    FieldKind kind;
    Py_ssize_t offset;
    PyTypeObject **type;
} Field;

/* Whoever includes this for the names alone makes no type. */
#define UNUSED __attribute__((unused))
#define NO_I64 INT64_MIN
#define IS_NONE(object) ((object) == NULL || (PyObject *)(object) == Py_None)
#define FIELD(state, name, kind) {#name, kind, offsetof(state, name), NULL}
#define FIELD_AS(text, state, name, kind) {text, kind, offsetof(state, name), NULL}
#define FIELD_OF_AS(text, state, name, kind, type) {text, kind, offsetof(state, name), &type}
#define FIELD_OF(state, name, kind, type) {#name, kind, offsetof(state, name), &type}
#define NO_FIELD {NULL, ANY, 0, NULL}
#define AT(self, field, c_type) (*(c_type *)((char *)(self) + (field)->offset))

static inline int field_is_object(const Field *field)
{
    return field->kind == ANY || field->kind >= TYPED;
}

static PyObject *field_get(PyObject *self, void *closure)
{
    const Field *field = closure;
    PyObject *value;
    switch (field->kind) {
    case OPT_I64:
        if (AT(self, field, int64_t) == NO_I64)
            Py_RETURN_NONE;
        /* fallthrough */
    case I64:
        return PyLong_FromLongLong(AT(self, field, int64_t));
    case OPT_F64:
        if (isnan(AT(self, field, double)))
            Py_RETURN_NONE;
        /* fallthrough */
    case F64:
        return PyFloat_FromDouble(AT(self, field, double));
    default:
        value = AT(self, field, PyObject *);
        if (value == NULL) {
            PyErr_SetString(PyExc_AttributeError, field->name);
            return NULL;
        }
        Py_INCREF(value);
        return value;
    }
}

static int field_fits(const Field *field, PyObject *value)
{
    if (field->kind == OPT_TYPED && value == Py_None)
        return 1;
    if (field->kind != TUPLE_OF)
        return PyObject_TypeCheck(value, *field->type);
    if (!PyTuple_CheckExact(value))
        return 0;
    for (Py_ssize_t at = 0; at < PyTuple_GET_SIZE(value); at++)
        if (!PyObject_TypeCheck(PyTuple_GET_ITEM(value, at), *field->type))
            return 0;
    return 1;
}

static int field_set(PyObject *self, PyObject *value, void *closure)
{
    const Field *field = closure;
    if (value == NULL) {
        PyErr_Format(PyExc_TypeError, "%s cannot be deleted", field->name);
        return -1;
    }
    if (field->kind == I64 || field->kind == OPT_I64) {
        int64_t number = NO_I64;
        if (field->kind == I64 || value != Py_None) {
            number = PyLong_AsLongLong(value);
            if (number == -1 && PyErr_Occurred())
                return -1;
        }
        AT(self, field, int64_t) = number;
        return 0;
    }
    if (field->kind == F64 || field->kind == OPT_F64) {
        double number = NAN;
        if (field->kind == F64 || value != Py_None) {
            number = PyFloat_AsDouble(value);
            if (number == -1.0 && PyErr_Occurred())
                return -1;
        }
        AT(self, field, double) = number;
        return 0;
    }
    if (!field_fits(field, value)) {
        PyErr_Format(PyExc_TypeError, "%s is a %s, expected %s%s", field->name, Py_TYPE(value)->tp_name,
                     field->kind == TUPLE_OF ? "a tuple of " : "", (*field->type)->tp_name);
        return -1;
    }
    PyObject *before = AT(self, field, PyObject *);
    Py_INCREF(value);
    AT(self, field, PyObject *) = value;
    Py_XDECREF(before);
    return 0;
}

UNUSED static int fields_traverse(PyObject *self, const Field *field, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    for (; field->name != NULL; field++)
        if (field_is_object(field))
            Py_VISIT(AT(self, field, PyObject *));
    return 0;
}

UNUSED static int fields_clear(PyObject *self, const Field *field)
{
    for (; field->name != NULL; field++)
        if (field_is_object(field)) {
            PyObject *before = AT(self, field, PyObject *);
            AT(self, field, PyObject *) = NULL;
            Py_XDECREF(before);
        }
    return 0;
}

/* A type without methods; `extra` has slots of its own, as of PyType_Spec, and ends with a 0. NULL = an exception. The
tables live as long as the process, as the type does. */
UNUSED static PyTypeObject *make_type(const char *name, Py_ssize_t size, const Field *fields, destructor dealloc,
                               traverseproc traverse, inquiry clear, const PyType_Slot *extra)
{
    Py_ssize_t count = 0;
    while (fields[count].name != NULL)
        count++;
    PyMemberDef *members = PyMem_Calloc((size_t)count + 1, sizeof *members);
    PyGetSetDef *properties = PyMem_Calloc((size_t)count + 1, sizeof *properties);
    PyObject *names = PyTuple_New(count), *type = NULL;
    if (members == NULL || properties == NULL || names == NULL) {
        PyErr_NoMemory();
        goto failed;
    }
    PyMemberDef *member = members;
    PyGetSetDef *property = properties;
    for (Py_ssize_t at = 0; at < count; at++) {
        const Field *field = fields + at;
        PyObject *text = PyUnicode_InternFromString(field->name);
        if (text == NULL)
            goto failed;
        PyTuple_SET_ITEM(names, at, text);
        if (field->kind <= ANY) {
            int type = field->kind == FLAG ? T_BOOL : T_OBJECT_EX;
            *member++ = (PyMemberDef){field->name, type, field->offset, 0, NULL};
        } else {
            *property++ = (PyGetSetDef){field->name, field_get, field_set, NULL, (void *)field};
        }
    }
    PyType_Slot slots[12] = {
        {Py_tp_members, members},
        {Py_tp_getset, properties},
        {Py_tp_dealloc, (void *)dealloc},
        {Py_tp_traverse, (void *)traverse},
        {Py_tp_clear, (void *)clear},
    };
    for (int at = 5; at < 11 && extra != NULL && extra->slot; at++)
        slots[at] = *extra++;
    PyType_Spec spec = {name, (int)size, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
    type = PyType_FromSpec(&spec);
    if (type != NULL && PyObject_SetAttrString(type, "__slots__", names) < 0)
        Py_CLEAR(type);
failed:
    if (type == NULL) {
        PyMem_Free(members);
        PyMem_Free(properties);
    }
    Py_XDECREF(names);
    return (PyTypeObject *)type;
}

/* The functions of a type whose table is `state##_fields`, and the type itself, `state##_type`. */
#define STATE_TYPE(state) \
    static int state##_traverse(PyObject *self, visitproc visit, void *arg) \
    { \
        return fields_traverse(self, state##_fields, visit, arg); \
    } \
    static int state##_clear(PyObject *self) \
    { \
        return fields_clear(self, state##_fields); \
    } \
    static void state##_dealloc(PyObject *self) \
    { \
        PyTypeObject *type = Py_TYPE(self); \
        PyObject_GC_UnTrack(self); \
        fields_clear(self, state##_fields); \
        type->tp_free(self); \
        Py_DECREF(type); \
    }

#define ADD_TYPE(module, prefix, state, extra) \
    ((state##_type = make_type(prefix #state, sizeof(state), state##_fields, state##_dealloc, state##_traverse, \
                               state##_clear, extra)) == NULL || \
     PyModule_AddObjectRef(module, #state, (PyObject *)state##_type) < 0)

#endif
