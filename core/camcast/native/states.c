/* The types of states.h. */

#include "states.h"

#define PREFIX "camcast.native._fastpath."

static PyTypeObject *CountsState_type, *FeedCountersState_type, *FlowCountersState_type, *LineState_type,
    *ClockState_type, *PulseState_type, *GroupState_type, *PresentState_type, *SlateState_type, *RenditionsState_type,
    *RenditionState_type, *PackerState_type, *HubState_type, *LedgerState_type, *SenderState_type, *OutletState_type,
    *TapState_type, *WayState_type, *BranchState_type, *SteadyState_type, *PathState_type, *FeedState_type, *ParserState_type;
PyTypeObject *WireState_type;

static const Field CountsState_fields[] = {
    FIELD(CountsState, video, I64), FIELD(CountsState, audio, I64), NO_FIELD};
static const Field FeedCountersState_fields[] = {
    FIELD_OF(FeedCountersState, received, TYPED, CountsState_type), FIELD(FeedCountersState, bytes, I64),
    FIELD(FeedCountersState, sound_bytes, I64), NO_FIELD};
static const Field FlowCountersState_fields[] = {
    FIELD_OF(FlowCountersState, offered, TYPED, CountsState_type),
    FIELD_OF(FlowCountersState, sent, TYPED, CountsState_type), FIELD(FlowCountersState, bytes, I64),
    FIELD(FlowCountersState, sound_bytes, I64), NO_FIELD};
static const Field LineState_fields[] = {
    FIELD(LineState, offset, I64), FIELD(LineState, source_dts, I64), FIELD(LineState, dts, I64),
    FIELD(LineState, arrival, I64), FIELD(LineState, shift, I64), FIELD(LineState, step, I64), NO_FIELD};
static const Field ClockState_fields[] = {FIELD(ClockState, broken, ANY), NO_FIELD};
static const Field PulseState_fields[] = {
    FIELD(PulseState, last, F64), FIELD(PulseState, source, F64), FIELD(PulseState, awaited, FLAG), NO_FIELD};
static const Field GroupState_fields[] = {
    FIELD(GroupState, packets, ANY), FIELD(GroupState, bytes, I64), FIELD(GroupState, sounds, I64), NO_FIELD};
static const Field PresentState_fields[] = {
    FIELD_OF(PresentState, group, TYPED, GroupState_type), FIELD(PresentState, sound, ANY), NO_FIELD};
static const Field SlateState_fields[] = {FIELD(SlateState, on_air, FLAG), NO_FIELD};
static const Field RenditionsState_fields[] = {FIELD(RenditionsState, all, ANY), NO_FIELD};
static const Field RenditionState_fields[] = {FIELD(RenditionState, straight, ANY), NO_FIELD};
static const Field PackerState_fields[] = {FIELD(PackerState, time, I64), NO_FIELD};
static const Field HubState_fields[] = {
    FIELD_OF(HubState, group, TYPED, GroupState_type), FIELD(HubState, latest_video, OPT_I64),
    FIELD(HubState, latest_audio, OPT_I64), FIELD(HubState, attached, ANY), FIELD(HubState, behind, ANY),
    FIELD(HubState, now, ANY), NO_FIELD};
static const Field LedgerState_fields[] = {
    FIELD(LedgerState, end, I64), FIELD(LedgerState, clear_until, I64), FIELD(LedgerState, clear_before, I64),
    FIELD_OF(LedgerState, marks, TYPED, Marks_type), NO_FIELD};
static const Field SenderState_fields[] = {
    FIELD(SenderState, base, OPT_I64), FIELD(SenderState, last_video, I64), FIELD(SenderState, last_audio, I64),
    FIELD(SenderState, last_picture, OPT_F64), FIELD_OF(SenderState, counters, TYPED, FlowCountersState_type),
    FIELD(SenderState, now, ANY), FIELD(SenderState, transport, ANY), NO_FIELD};
static const Field OutletState_fields[] = {FIELD(OutletState, state, ANY), NO_FIELD};
static const Field TapState_fields[] = {
    FIELD_OF(TapState, outlet, TYPED, OutletState_type), FIELD_OF(TapState, sender, TYPED, SenderState_type),
    FIELD_OF(TapState, ledger, TYPED, LedgerState_type), FIELD(TapState, send_tag, ANY), FIELD(TapState, port, ANY),
    NO_FIELD};
static const Field WayState_fields[] = {
    FIELD_OF(WayState, line, TYPED, LineState_type), FIELD(WayState, type, ANY), NO_FIELD};
static const Field BranchState_fields[] = {
    FIELD_OF(BranchState, rendition, TYPED, RenditionState_type), FIELD(BranchState, straight, ANY),
    FIELD_OF(BranchState, hub, TYPED, HubState_type), FIELD(BranchState, attached, ANY),
    FIELD_OF(BranchState, packer, OPT_TYPED, PackerState_type),
    FIELD_OF(BranchState, taps, TUPLE_OF, TapState_type), FIELD(BranchState, video_heads, ANY),
    FIELD(BranchState, audio_heads, ANY), NO_FIELD};
static const Field SteadyState_fields[] = {
    FIELD(SteadyState, all, ANY), FIELD_OF(SteadyState, branches, TUPLE_OF, BranchState_type),
    FIELD(SteadyState, video_track, ANY), FIELD(SteadyState, audio_track, ANY),
    FIELD_OF(SteadyState, video, OPT_TYPED, WayState_type), FIELD_OF(SteadyState, audio, OPT_TYPED, WayState_type),
    NO_FIELD};
static const Field PathState_fields[] = {
    FIELD_OF_AS("_counters", PathState, counters, TYPED, FeedCountersState_type),
    FIELD_OF_AS("_clock", PathState, clock, TYPED, ClockState_type),
    FIELD_OF_AS("_pulse", PathState, pulse, TYPED, PulseState_type),
    FIELD_OF_AS("_present", PathState, present, TYPED, PresentState_type),
    FIELD_OF_AS("_slate", PathState, slate, TYPED, SlateState_type),
    FIELD_OF_AS("_renditions", PathState, renditions, TYPED, RenditionsState_type),
    FIELD_OF_AS("_steady", PathState, steady, OPT_TYPED, SteadyState_type), NO_FIELD};
static const Field FeedState_fields[] = {FIELD_OF(FeedState, fast, TYPED, PathState_type), NO_FIELD};
static const Field ParserState_fields[] = {
    FIELD_AS("_track", ParserState, track, ANY), FIELD_AS("_roles", ParserState, roles, ANY),
    FIELD_AS("_header_size", ParserState, header_size, I64), FIELD_AS("_framing", ParserState, framing, I64),
    FIELD_AS("_failures", ParserState, failures, I64), FIELD_AS("_special", ParserState, special, I64),
    FIELD_AS("_since_keyframe", ParserState, since_keyframe, ANY),
    FIELD_AS("_refreshed", ParserState, refreshed, FLAG), FIELD_AS("_keyless", ParserState, keyless, FLAG),
    FIELD_AS("_layered", ParserState, layered, FLAG), FIELD_AS("_divided", ParserState, divided, FLAG), NO_FIELD};
static const Field WireState_fields[] = {
    FIELD(WireState, handed, I64), FIELD(WireState, tail_bytes, I64), FIELD(WireState, descriptor, I64),
    FIELD_AS("_failed", WireState, failed, FLAG),
    FIELD_AS("_closed", WireState, closed, FLAG), NO_FIELD};

STATE_TYPE(CountsState)
STATE_TYPE(FeedCountersState)
STATE_TYPE(FlowCountersState)
STATE_TYPE(LineState)
STATE_TYPE(ClockState)
STATE_TYPE(PulseState)
STATE_TYPE(GroupState)
STATE_TYPE(PresentState)
STATE_TYPE(SlateState)
STATE_TYPE(RenditionsState)
STATE_TYPE(RenditionState)
STATE_TYPE(PackerState)
STATE_TYPE(HubState)
STATE_TYPE(LedgerState)
STATE_TYPE(SenderState)
STATE_TYPE(OutletState)
STATE_TYPE(TapState)
STATE_TYPE(WayState)
STATE_TYPE(BranchState)
STATE_TYPE(SteadyState)
STATE_TYPE(PathState)
STATE_TYPE(FeedState)
STATE_TYPE(ParserState)
STATE_TYPE(WireState)

int add_states(PyObject *module)
{
    static const PyType_Slot of_path[] = {{Py_tp_methods, path_methods}, {0, NULL}},
                             of_feed[] = {{Py_tp_methods, feed_methods}, {0, NULL}},
                             of_parser[] = {{Py_tp_methods, parser_methods}, {0, NULL}};
    return ADD_TYPE(module, PREFIX, CountsState, NULL) || ADD_TYPE(module, PREFIX, FeedCountersState, NULL) ||
                   ADD_TYPE(module, PREFIX, FlowCountersState, NULL) || ADD_TYPE(module, PREFIX, LineState, NULL) ||
                   ADD_TYPE(module, PREFIX, ClockState, NULL) || ADD_TYPE(module, PREFIX, PulseState, NULL) ||
                   ADD_TYPE(module, PREFIX, GroupState, NULL) || ADD_TYPE(module, PREFIX, PresentState, NULL) ||
                   ADD_TYPE(module, PREFIX, SlateState, NULL) || ADD_TYPE(module, PREFIX, RenditionsState, NULL) ||
                   ADD_TYPE(module, PREFIX, RenditionState, NULL) || ADD_TYPE(module, PREFIX, PackerState, NULL) ||
                   ADD_TYPE(module, PREFIX, HubState, NULL) || ADD_TYPE(module, PREFIX, LedgerState, NULL) ||
                   ADD_TYPE(module, PREFIX, SenderState, NULL) || ADD_TYPE(module, PREFIX, OutletState, NULL) ||
                   ADD_TYPE(module, PREFIX, TapState, NULL) || ADD_TYPE(module, PREFIX, WayState, NULL) ||
                   ADD_TYPE(module, PREFIX, BranchState, NULL) ||
                   ADD_TYPE(module, PREFIX, SteadyState, NULL) || ADD_TYPE(module, PREFIX, PathState, of_path) ||
                   ADD_TYPE(module, PREFIX, FeedState, of_feed) ||
                   ADD_TYPE(module, PREFIX, ParserState, of_parser) || ADD_TYPE(module, PREFIX, WireState, NULL)
               ? -1
               : 0;
}
