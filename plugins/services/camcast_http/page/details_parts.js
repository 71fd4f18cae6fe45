// The chain of targets and the table of figures in an output's details.

import { button, ofOutput } from "./commands.js";
import { el, setAttribute, setChildren, setHidden, setText } from "./dom.js";
import { bytes, long, number, rate, short } from "./words.js";

export class Chain {
  constructor(key, after) {
    this.key = key;
    this.after = after;
    this.element = el("ol", { class: "chain", start: 0 });
    this.links = [];
  }

  update(session) {
    const on = session.state === "connected";
    session.targets.forEach((target, index) => {
      const link = (this.links[index] ??= this.link(index));
      const here = session.target_index === index;
      setText(link.url, here && session.redirected_from ? session.target : target);
      setText(link.role, index ? `fallback ${index}` : "primary");
      setText(link.state, here ? (on ? "on the air here" : "tried last") : "");
      setAttribute(link.element, "data-here", here && on ? "" : null);
      setHidden(link.change, here && on);
    });
    this.links.length = session.targets.length;
    setChildren(this.element, this.links.map((link) => link.element));
  }

  link(index) {
    const [role, url, state] = [el("span", { class: "role" }), el("span", { class: "target" }), el("span", { class: "state" })];
    const change = button("Switch here", ofOutput(this.key, "switch"), {
      kind: "small-button",
      body: { target: index },
      told: () => `It moves to target ${index} at the next keyframe.`,
      after: this.after,
    });
    return { role, url, state, change, element: el("li", {}, role, url, state, change) };
  }
}

const FIGURES = [
  ["On the air for", (one) => long(one.uptime)],
  ["Off the air for", (one) => long(one.downtime)],
  ["Waited for media", (one) => long(one.waiting)],
  ["Bitrate, mean / peak", (one) => `${rate(one.bitrate_average)} / ${rate(one.bitrate_peak)}`],
  ["Encoder is told", (one) => (one.bitrate_target ? `${rate(one.bitrate_target)}${one.bitrate_reason ? ` (${one.bitrate_reason})` : ""}` : "")],
  ["Sent of its camera's pictures", (one) => (one.picture ? `${one.picture}${one.picture_reason ? ` (${one.picture_reason})` : ""}` : "")],
  ["Share of an uplink", (one) => (one.uplink ? `${one.uplink}: ${one.uplink_share ? rate(one.uplink_share) : "as much as it takes"}` : "")],
  ["Platform", (one) => one.platform],
  ["Unlike what the platform wants", (one) => one.platform_reason],
  ["Sent", (one) => `${bytes(one.bytes_sent)}, ${number(one.frames_sent)} frames`],
  ["Dropped", (one) => number(one.frames_dropped)],
  ["Latency to acknowledgement", (one) => short(one.latency || null)],
  ["… of it inside camcast", (one) => short(one.latency_inside || null)],
  ["Not acknowledged yet", (one) => bytes(one.pending)],
  ["Tries / failed", (one) => `${number(one.attempts)} / ${number(one.failed_attempts)}`],
  ["Moves", (one) => number(one.moves)],
  ["Sent elsewhere by the server from", (one) => one.redirected_from],
  ["Last trouble", (one) => one.last_error],
];

export class Figures {
  constructor() {
    this.rows = FIGURES.map(([name, words]) => {
      const value = el("dd");
      return { words, value, row: el("div", {}, el("dt", { text: name }), value) };
    });
    this.own = new Map();
    this.element = el("dl", { class: "figures" }, ...this.rows.map((one) => one.row));
  }

  update(session) {
    for (const { words, value, row } of this.rows) {
      const text = words(session);
      setText(value, text);
      setHidden(row, text === "");
    }
    const more = [
      ...Object.entries(session.dropped).map(([name, count]) => [`Dropped, ${name}`, number(count)]),
      ...Object.entries(session.errors).map(([name, count]) => [`Failed: ${name}`, number(count)]),
      ...Object.entries(session.transport).map(([name, value]) => [name.replaceAll("_", " "), String(Math.round(value * 100) / 100)]),
    ];
    for (const [name, text] of more) {
      let one = this.own.get(name);
      if (!one) {
        const value = el("dd");
        this.own.set(name, (one = { value, row: el("div", {}, el("dt", { text: name }), value) }));
      }
      setText(one.value, text);
    }
    for (const name of this.own.keys()) if (!more.some(([wanted]) => wanted === name)) this.own.delete(name);
    setChildren(this.element, [...this.rows, ...this.own.values()].map((one) => one.row));
  }
}
