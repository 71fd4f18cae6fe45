/* The steady path from a feed to its outlets' transports: what `FastPath.take` and `Tap.offer` do in stream/fastpath.py,
step by step, on the same objects. Read that first; here is only what C adds.

Whatever is of another type or size than usual goes back to Python before anything has been done. Two rules keep this
safe: nothing is followed that a setter has not checked (fields.h) or that is not looked at here; and what Python code
may let go of while it is called from here is held until it returns. */

#include "calls.h"
#include "states.h"

#define NS_PER_MS 1000000
#define HALF_MS (NS_PER_MS / 2)
#define MOST_BRANCHES 8 /* as in fastpath.py */

/* What `setup` is given: constants that Python has too. */
static struct {
    PyObject *live, *video, *audio, *monotonic, *perf_counter;
    int64_t group_bytes, group_packets, last;
    double slice, slow_send;
} known;

static PyObject *empty, *name_failed, *name_look, *name_offer, *name_packet, *name_send, *name_slow, *name_take,
    *name_unit;

/* One message on its way. All but `unit` is borrowed from whoever called. */
typedef struct {
    PyObject *packet, *payload, *type, *kind, *arrival;
    int64_t dts, time, arrived, key; /* `key`: of its tags' heads */
    int is_video;
    PyObject *head, *unit; /* of the branch: what the packer would have made of it; NULL = not asked for yet */
    int whole;             /* of the branch: that is the packet itself */
} Message;

PyObject *known_video(void)
{
    return known.video;
}

PyObject *known_audio(void)
{
    return known.audio;
}

/* Seconds by a clock that Python has chosen; -1 = it raised. On Linux both usual ones are CLOCK_MONOTONIC. */
static int read_clock(PyObject *clock, double *seconds)
{
    if (clock == known.monotonic || clock == known.perf_counter) {
        *seconds = (double)monotonic_ns() / 1e9;
        return 0;
    }
    if (clock == NULL) {
        PyErr_SetString(PyExc_AttributeError, "now");
        return -1;
    }
    PyObject *told = PyObject_CallNoArgs(clock);
    if (told == NULL)
        return -1;
    *seconds = PyFloat_AsDouble(told);
    Py_DECREF(told);
    return *seconds == -1.0 && PyErr_Occurred() ? -1 : 0;
}

static PyObject *unit_of(TapState *tap, Message *message)
{
    if (message->unit == NULL && message->whole)
        message->unit = Py_NewRef(message->packet);
    if (message->unit == NULL) {
        PyObject *time = PyLong_FromLongLong(message->time);
        if (time == NULL)
            return NULL;
        message->unit = PyObject_CallMethodObjArgs((PyObject *)tap, name_unit, message->type, time, message->head,
                                                   message->packet, NULL);
        Py_DECREF(time);
    }
    return message->unit;
}

/* --- one outlet ------------------------------------------------------------------------------------------------- */

/* The table of `tap`'s port. It is looked up here, not when the port is set, so that a port that is none is an error of
the transport's, told as all of them are. -1 = it raised. */
static int find_table(TapState *tap)
{
    PyObject *capsule = PyObject_GetAttrString(tap->port, "table");
    if (capsule == NULL)
        return -1;
    const CamcastPort *table = PyCapsule_GetPointer(capsule, CAMCAST_PORT);
    Py_DECREF(capsule);
    if (table == NULL)
        return -1;
    if (table->version != CAMCAST_PORT_VERSION) {
        PyErr_Format(PyExc_RuntimeError, "the transport's port is of version %u, expected %u: build its plugin anew",
                     (unsigned)table->version, (unsigned)CAMCAST_PORT_VERSION);
        return -1;
    }
    tap->table = table;
    return 0;
}

/* Hand the message to the transport. A new reference to the position as it says; NULL where it raised. Where a port
has taken it, `*end` is the position and the reference is to None. */
static PyObject *hand_over(TapState *tap, SenderState *sender, int64_t own, Message *message, int64_t *end)
{
    *end = -1;
    if (!IS_NONE(tap->port)) {
        if (tap->table == NULL && find_table(tap) < 0)
            return NULL;
        const CamcastPort *table = tap->table;
        int64_t position = CAMCAST_PORT_NOT_ORDINARY;
        if (!message->whole && table->send != NULL)
            position = table->send(tap->port, message->is_video ? 9 : 8, own, message->head, message->payload);
        else if (message->whole && table->packet != NULL)
            position = table->packet(tap->port, own, message->packet, message->payload);
        if (position >= 0) {
            *end = position;
            Py_RETURN_NONE;
        }
        if (position == CAMCAST_PORT_RAISED)
            return NULL;
    }
    PyObject *time = PyLong_FromLongLong(own), *position = NULL;
    if (time == NULL)
        return NULL;
    if (!IS_NONE(tap->send_tag)) {
        PyObject *arguments[] = {NULL, message->type, time, message->head, message->payload};
        position =
            PyObject_Vectorcall(tap->send_tag, arguments + 1, 4 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    } else if (unit_of(tap, message) != NULL && sender->transport != NULL) {
        PyObject *arguments[] = {sender->transport, message->unit, time};
        position = PyObject_VectorcallMethod(name_send, arguments, 3 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    }
    Py_DECREF(time);
    return position;
}

/* What follows a send that gave `position`, or `end` from a port. */
static int account(SenderState *sender, LedgerState *ledger, FlowCountersState *counters, CountsState *sent,
                   PyObject *position, int64_t end, double started, Message *message)
{
    double now;
    if (read_clock(sender->now, &now) < 0)
        return -1;
    if (now - started > known.slow_send) {
        PyObject *took = PyFloat_FromDouble(now - started);
        if (took == NULL)
            return -1;
        int told = done(PyObject_CallMethodOneArg((PyObject *)sender, name_slow, took));
        Py_DECREF(took);
        if (told < 0)
            return -1;
    }
    int64_t size = PyBytes_GET_SIZE(message->head) + PyBytes_GET_SIZE(message->payload);
    if (end < 0)
        as_int64(position, &end);
    if (end <= ledger->end || end > known.last) {
        /* It says none, or has left it out, or says something else than a position. */
        PyObject *told = end < 0 ? (Py_INCREF(position), position) : PyLong_FromLongLong(end);
        PyObject *result =
            told == NULL ? NULL
                         : PyObject_CallMethod((PyObject *)sender, "account", "OLLdOO", told, (long long)size,
                                               (long long)message->time, started, message->arrival, message->kind);
        Py_XDECREF(told);
        return done(result);
    }
    *(message->is_video ? &sent->video : &sent->audio) += 1;
    counters->bytes += size;
    if (!message->is_video)
        counters->sound_bytes += size;
    ledger->end = end;
    Mark mark = {end, message->time, started, message->arrived, message->is_video ? MARK_VIDEO : MARK_AUDIO};
    return marks_add(ledger->marks, &mark);
}

/* `Tap.offer`: 1 = it is sent, or has failed and is told; 0 = nothing has been done; -1 = an exception. */
static int offer(TapState *tap, Message *message)
{
    OutletState *outlet = tap->outlet;
    SenderState *sender = tap->sender;
    LedgerState *ledger = tap->ledger;
    if (outlet == NULL || sender == NULL || ledger == NULL || ledger->marks == NULL || outlet->state != known.live ||
        ledger->end > ledger->clear_until || message->dts > ledger->clear_before || sender->base == NO_I64 ||
        IS_NONE(sender->counters) || sender->counters->offered == NULL || sender->counters->sent == NULL)
        return 0;
    int64_t own = message->time - sender->base;
    if (own < (message->is_video ? sender->last_video : sender->last_audio))
        return 0;
    double started;
    if (read_clock(sender->now, &started) < 0)
        return -1;
    FlowCountersState *counters = sender->counters;
    CountsState *sent = counters->sent;
    if (message->is_video) {
        counters->offered->video++;
        sender->last_video = own;
        sender->last_picture = started;
    } else {
        counters->offered->audio++;
        sender->last_audio = own;
    }
    Py_INCREF(sender);
    Py_INCREF(ledger);
    Py_INCREF(counters);
    Py_INCREF(sent);
    int64_t end;
    int result;
    PyObject *position = hand_over(tap, sender, own, message, &end);
    if (position != NULL) {
        result = account(sender, ledger, counters, sent, position, end, started, message);
        Py_DECREF(position);
    } else if (PyErr_ExceptionMatches(PyExc_Exception)) {
        PyObject *error = raised();
        result = done(PyObject_CallMethodObjArgs((PyObject *)sender, name_failed, message->kind, error, NULL));
        Py_XDECREF(error);
    } else {
        result = -1;
    }
    Py_DECREF(sent);
    Py_DECREF(counters);
    Py_DECREF(ledger);
    Py_DECREF(sender);
    return result < 0 ? -1 : 1;
}

/* As the hub would: to an outlet that does not take it the short way. */
static int offer_long(TapState *tap, Message *message)
{
    PyObject *unit = unit_of(tap, message);
    if (unit == NULL)
        return -1;
    return done(PyObject_CallMethodObjArgs((PyObject *)tap->outlet, name_offer, unit, message->packet, NULL));
}

/* --- all outlets ------------------------------------------------------------------------------------------------ */

static int fan_out(HubState *hub, PyObject *taps, Message *message)
{
    Py_ssize_t count = PyTuple_GET_SIZE(taps);
    double started = 0, now;
    if (count > 1 && read_clock(hub->now, &started) < 0)
        return -1;
    for (Py_ssize_t at = 0; at < count; at++) {
        TapState *tap = (TapState *)PyTuple_GET_ITEM(taps, at);
        int taken = offer(tap, message);
        if (taken < 0 || (!taken && offer_long(tap, message) < 0))
            return -1;
        if (count == 1)
            break;
        if (read_clock(hub->now, &now) < 0)
            return -1;
        if (now - started > known.slice && at + 1 < count) {
            if (unit_of(tap, message) == NULL)
                return -1;
            PyObject *outlets = PyTuple_New(count);
            if (outlets == NULL)
                return -1;
            for (Py_ssize_t each = 0; each < count; each++) {
                OutletState *outlet = ((TapState *)PyTuple_GET_ITEM(taps, each))->outlet;
                PyTuple_SET_ITEM(outlets, each, Py_NewRef(outlet != NULL ? (PyObject *)outlet : Py_None));
            }
            PyObject *result = PyObject_CallMethod((PyObject *)hub, "postpone", "OOOn", message->unit, message->packet,
                                                   outlets, at + 1);
            Py_DECREF(outlets);
            return done(result);
        }
    }
    return 0;
}

static int has_room(GroupState *group, int64_t size)
{
    if (group == NULL || group->packets == NULL || !PyList_CheckExact(group->packets))
        return 0;
    Py_ssize_t count = PyList_GET_SIZE(group->packets);
    return count > 0 && group->bytes + size <= known.group_bytes && count < known.group_packets;
}

static int add(GroupState *group, PyObject *packet, int64_t size)
{
    group->bytes += size;
    return PyList_Append(group->packets, packet);
}

static int put_int(PyObject **slot, int64_t number)
{
    PyObject *object = PyLong_FromLongLong(number);
    if (object == NULL)
        return -1;
    Py_XSETREF(*slot, object);
    return 0;
}

/* --- all renditions --------------------------------------------------------------------------------------------- */

/* `Branch.holds`. */
static int branch_holds(BranchState *branch)
{
    return branch->rendition != NULL && branch->rendition->straight == branch->straight && branch->hub != NULL &&
           branch->hub->attached == branch->attached && branch->taps != NULL;
}

/* Whether what `steady` was made from is still what there is. */
static int holds(PathState *path, SteadyState *steady)
{
    if (path->renditions == NULL || path->renditions->all != steady->all || steady->branches == NULL)
        return 0;
    for (Py_ssize_t at = 0; at < PyTuple_GET_SIZE(steady->branches); at++)
        if (!branch_holds((BranchState *)PyTuple_GET_ITEM(steady->branches, at)))
            return 0;
    return 1;
}

/* Whether all of them pass `track` on as it is; -1 = an exception. */
static int all_straight(SteadyState *steady, PyObject *track)
{
    int found = 1;
    for (Py_ssize_t at = 0; found > 0 && at < PyTuple_GET_SIZE(steady->branches); at++) {
        PyObject *straight = ((BranchState *)PyTuple_GET_ITEM(steady->branches, at))->straight;
        found = straight != NULL && PyAnySet_Check(straight) ? PySet_Contains(straight, track) : 0;
    }
    return found;
}

/* `Branch.head`, borrowed; NULL without an exception = the message is not ordinary here. */
static PyObject *head_of(BranchState *branch, Message *message)
{
    HubState *hub = branch->hub;
    PyObject *heads = message->is_video ? branch->video_heads : branch->audio_heads;
    if (hub->group == NULL || hub->behind == NULL ||
        (message->is_video && !has_room(hub->group, PyBytes_GET_SIZE(message->payload))) ||
        PyObject_Size(hub->behind))
        return NULL;
    if (IS_NONE(heads))
        return empty;
    if (!PyDict_CheckExact(heads))
        return NULL;
    PyObject *key = PyLong_FromLongLong(message->key);
    if (key == NULL)
        return NULL;
    PyObject *head = PyDict_GetItemWithError(heads, key);
    Py_DECREF(key);
    return head != NULL && PyBytes_CheckExact(head) ? head : NULL;
}

/* `Branch.feed`. */
static int feed(BranchState *branch, Message *message)
{
    HubState *hub = branch->hub;
    if (message->is_video) {
        if (add(hub->group, message->packet, PyBytes_GET_SIZE(message->payload)) < 0)
            return -1;
        hub->latest_video = message->dts;
    } else {
        hub->group->sounds++;
        hub->latest_audio = message->dts;
    }
    message->whole = IS_NONE(branch->packer);
    PyObject *taps = Py_NewRef(branch->taps);
    if (!message->whole && PyTuple_GET_SIZE(taps))
        branch->packer->time = message->time;
    int result = fan_out(hub, taps, message);
    Py_DECREF(taps);
    Py_CLEAR(message->unit);
    return result;
}

/* Feed all of them; what was fed before may have changed what comes after. `heads`: as `head_of` has found them. */
static int feed_all(PathState *path, SteadyState *steady, PyObject *const *heads, Message *message)
{
    PyObject *branches = steady->branches;
    int result = 0;
    for (Py_ssize_t at = 0; result == 0 && at < PyTuple_GET_SIZE(branches); at++) {
        BranchState *branch = (BranchState *)PyTuple_GET_ITEM(branches, at);
        if (at && !(branch_holds(branch) && head_of(branch, message) != NULL)) {
            if (PyErr_Occurred())
                return -1;
            result = done(PyObject_CallMethodObjArgs((PyObject *)path->renditions, name_packet, branch->rendition,
                                                     message->packet, NULL));
            continue;
        }
        message->head = heads[at];
        result = feed(branch, message);
    }
    return result;
}

/* Take it, having checked all that `take` checks; -1 = an exception. */
static int carry(PathState *path, SteadyState *steady, LineState *line, PyObject *const *heads, Message *message,
                 int64_t source, int64_t pts, int64_t arrival)
{
    PyObject *packet = message->packet;
    FeedCountersState *counters = path->counters;
    int64_t size = PyBytes_GET_SIZE(message->payload), now = monotonic_ns();
    if (message->is_video) {
        if (add(path->present->group, packet, size) < 0)
            return -1;
        counters->received->video++;
    } else {
        Py_INCREF(packet);
        Py_XSETREF(path->present->sound, packet);
        path->present->group->sounds++;
        counters->received->audio++;
        counters->sound_bytes += size;
    }
    counters->bytes += size;
    if (!arrival) {
        arrival = now;
        if (put_int(&SLOT(packet, arrival), now) < 0)
            return -1;
    }
    path->pulse->last = path->pulse->source = (double)now / 1e9;
    line->step = source - line->source_dts;
    line->source_dts = source;
    line->arrival = arrival;
    line->dts = message->dts;
    if (put_int(&SLOT(packet, dts), message->dts) < 0 || put_int(&SLOT(packet, pts), pts) < 0)
        return -1;
    message->arrived = arrival;
    message->arrival = Py_NewRef(SLOT(packet, arrival));
    int result = feed_all(path, steady, heads, message);
    Py_DECREF(message->arrival);
    return result;
}

/* `FastPath.take` with what there is to be; 1 = taken, 0 = not, -1 = an exception. */
static int take(PathState *path, SteadyState *steady, PyObject *packet)
{
    Message message = {.packet = packet};
    WayState *way;
    PyObject *track = SLOT(packet, track), *keyframe = SLOT(packet, keyframe);
    if (track == NULL)
        return 0;
    if (track == steady->video_track) {
        way = steady->video;
        message.is_video = 1;
    } else if (track == steady->audio_track) {
        way = steady->audio;
    } else {
        int begins = all_straight(steady, track);
        if (begins > 0) {
            Py_INCREF(Py_None);
            Py_XSETREF(path->steady, (SteadyState *)Py_None);
        }
        return begins < 0 ? -1 : 0;
    }
    LineState *line = IS_NONE(way) ? NULL : way->line;
    Py_ssize_t branches = PyTuple_GET_SIZE(steady->branches);
    int64_t source, shown, arrival, step, pts, dts;
    if (line == NULL || path->clock == NULL || path->pulse == NULL || path->slate == NULL || path->present == NULL ||
        path->present->group == NULL || path->counters == NULL || path->counters->received == NULL ||
        branches > MOST_BRANCHES || path->clock->broken == NULL || !PyAnySet_Check(path->clock->broken) ||
        !as_int64(SLOT(packet, dts), &source) || !as_int64(SLOT(packet, pts), &shown) ||
        !as_int64(SLOT(packet, arrival), &arrival) || (keyframe != Py_True && keyframe != Py_False) ||
        SLOT(packet, payload) == NULL || !PyBytes_CheckExact(SLOT(packet, payload)))
        return 0;
    if (__builtin_sub_overflow(source, line->source_dts, &step) || step <= 0 || step >= NS_PER_S ||
        PySet_GET_SIZE(path->clock->broken) || path->pulse->awaited || path->slate->on_air)
        return 0;
    if (__builtin_add_overflow(shown, line->offset, &pts) || __builtin_add_overflow(source, line->offset, &dts) ||
        __builtin_sub_overflow(dts, line->shift, &dts) || pts < dts || dts < line->dts || dts < 0 ||
        pts > INT64_MAX - HALF_MS)
        return 0;
    message.dts = dts;
    message.time = (dts + HALF_MS) / NS_PER_MS;
    message.key = ((pts + HALF_MS) / NS_PER_MS - message.time) << 1 | (keyframe == Py_True);
    message.payload = SLOT(packet, payload);
    message.type = way->type;
    message.kind = message.is_video ? known.video : known.audio;
    if (message.type == NULL || (message.is_video && (keyframe == Py_True ||
                                                      !has_room(path->present->group, PyBytes_GET_SIZE(message.payload)))))
        return 0;
    /* A change of the track clears the heads, and whoever is called may change it. */
    PyObject *heads[MOST_BRANCHES];
    Py_ssize_t found = 0;
    while (found < branches) {
        PyObject *head = head_of((BranchState *)PyTuple_GET_ITEM(steady->branches, found), &message);
        if (head == NULL)
            break;
        heads[found++] = Py_NewRef(head);
    }
    int result = found == branches ? 1 : PyErr_Occurred() ? -1 : 0;
    if (result > 0) {
        Py_INCREF(message.payload);
        if (carry(path, steady, line, heads, &message, source, pts, arrival) < 0)
            result = -1;
        Py_DECREF(message.payload);
    }
    while (found)
        Py_DECREF(heads[--found]);
    return result;
}

/* The same with what there is now. */
static int take_now(PathState *path, PyObject *packet)
{
    SteadyState *steady = path->steady;
    if (known.live == NULL || known.video == NULL || packets.type == NULL || Py_TYPE(packet) != packets.type)
        return 0;
    if (IS_NONE(steady) || !holds(path, steady))
        return done(PyObject_CallMethodNoArgs((PyObject *)path, name_look));
    Py_INCREF(steady);
    int taken = take(path, steady, packet);
    Py_DECREF(steady);
    return taken;
}

static PyObject *path_take(PyObject *self, PyObject *packet)
{
    int taken = take_now((PathState *)self, packet);
    return taken < 0 ? NULL : PyBool_FromLong(taken);
}

static PyObject *feed_packet(PyObject *self, PyObject *packet)
{
    PathState *path = ((FeedState *)self)->fast;
    int taken = 0;
    if (path != NULL) {
        Py_INCREF(path);
        taken = take_now(path, packet);
        Py_DECREF(path);
    }
    if (!taken)
        taken = done(PyObject_CallMethodOneArg(self, name_take, packet));
    if (taken < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyMethodDef path_methods[] = {
    {"take", path_take, METH_O, "As `FastPath.take` in stream/fastpath.py."},
    {NULL, NULL, 0, NULL},
};

PyMethodDef feed_methods[] = {
    {"packet", feed_packet, METH_O, "As `Feed.packet` in stream/feed.py."},
    {NULL, NULL, 0, NULL},
};

/* --- what Python knows ------------------------------------------------------------------------------------------ */

PyObject *path_kinds(PyObject *module, PyObject *args)
{
    PyObject *video, *audio;
    if (!PyArg_ParseTuple(args, "OO", &video, &audio))
        return NULL;
    Py_XSETREF(known.video, Py_NewRef(video));
    Py_XSETREF(known.audio, Py_NewRef(audio));
    Py_RETURN_NONE;
}

PyObject *path_setup(PyObject *module, PyObject *args, PyObject *named)
{
    static char *names[] = {"live", "monotonic", "perf_counter", "group_bytes", "group_packets",
                            "slice", "slow_send", "last", NULL};
    PyObject *live, *monotonic, *perf_counter;
    long long group_bytes, group_packets, last;
    double slice, slow_send;
    if (!PyArg_ParseTupleAndKeywords(args, named, "$OOOLLddL", names, &live, &monotonic, &perf_counter, &group_bytes,
                                     &group_packets, &slice, &slow_send, &last))
        return NULL;
    static const struct { PyObject **name; const char *text; } texts[] = {
        {&name_failed, "failed"}, {&name_look, "look"}, {&name_offer, "offer"},
        {&name_packet, "packet"}, {&name_send, "send"}, {&name_slow, "slow"}, {&name_take, "_take"}, {&name_unit, "unit"},
    };
    for (size_t at = 0; at < sizeof texts / sizeof *texts; at++)
        if (*texts[at].name == NULL && (*texts[at].name = PyUnicode_InternFromString(texts[at].text)) == NULL)
            return NULL;
    if (empty == NULL && (empty = PyBytes_FromStringAndSize(NULL, 0)) == NULL)
        return NULL;
    Py_XSETREF(known.live, Py_NewRef(live));
    Py_XSETREF(known.monotonic, Py_NewRef(monotonic));
    Py_XSETREF(known.perf_counter, Py_NewRef(perf_counter));
    known.group_bytes = group_bytes;
    known.group_packets = group_packets;
    known.slice = slice;
    known.slow_send = slow_send;
    known.last = last;
    Py_RETURN_NONE;
}
