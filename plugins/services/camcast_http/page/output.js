// One output in a camera's card: its state and why, its target, its figures, and a small curve of its bitrate.

import * as clock from "./clock.js";
import { button, ofOutput } from "./commands.js";
import { curve } from "./curve.js";
import { el, setAttribute, setHidden, setText, svg } from "./dom.js";
import * as past from "./past.js";
import { rate, reason, short, standing } from "./words.js";

const [WIDTH, HEIGHT, GROUPS] = [96, 26, 60];
const YOUNG = 120; // seconds that the curve spans at least

export class OutputRow {
  constructor(key, open) {
    this.key = key;
    this.name = el("button", { type: "button", class: "output-name", on: { click: () => open(key) } });
    this.badge = el("span", { class: "badge" });
    this.target = el("span", { class: "target" });
    this.rate = el("span", { class: "rate" });
    this.more = el("span", { class: "more" });
    this.why = el("p", { class: "why" });
    this.due = el("span", { class: "due" });
    this.retry = button("Retry now", ofOutput(key, "retry"), {
      kind: "small-button",
      told: () => `${key}: trying at once`,
    });
    this.trouble = el("div", { class: "trouble" }, this.due, this.retry);
    this.lines = Object.fromEntries(["off", "first", "other"].map((name) => [name, svg("path", { class: `line-${name}` })]));
    this.curve = svg(
      "svg",
      { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
      ...Object.values(this.lines),
    );
    this.element = el(
      "li",
      { class: "output" },
      el("div", { class: "output-head" }, this.name, this.badge),
      el("div", { class: "output-numbers" }, this.more, this.rate),
      this.target,
      this.curve,
      this.why,
      this.trouble,
    );
  }

  /** What says how it is; shown of every output, wherever the page stands. */
  update(output, stream) {
    this.output = output;
    const { word, tone } = standing(output);
    setAttribute(this.element, "data-tone", tone);
    setText(this.name, output.output);
    setText(this.badge, word);
    setText(this.target, output.target);
    setAttribute(this.target, "title", output.target);
    const why = reason(output, stream);
    setText(this.why, why);
    setHidden(this.why, !why);
    const at = output.next_attempt_at ?? (output.health === "waiting for media" ? stream.next_attempt_at : null);
    this.at = at;
    setHidden(this.trouble, at === null && tone !== "bad");
    setHidden(this.retry, output.next_attempt_at === null);
    setHidden(this.due, at === null);
    this.tick();
  }

  /** The countdown, once a second. */
  tick() {
    if (this.at !== null) setText(this.due, `Next try ${clock.until(this.at)}`);
  }

  /** What changes all the time; for those that are in sight. */
  figures() {
    const { output } = this;
    const on = output.state === "connected";
    setText(this.rate, on ? rate(output.bitrate) : "–");
    setText(this.more, on ? (output.lag >= 0.3 ? `${short(output.lag)} behind` : `${Math.round(output.fps)} fps`) : "");
    const [to, kept] = [clock.now(), past.of(this.key)];
    const from = Math.max(to - past.SPAN, Math.min(to - YOUNG, kept.points[0]?.t ?? to));
    const groups = past.grouped(kept.points, from, GROUPS);
    const top = Math.max(1, ...groups.map((group) => group.bitrate ?? 0)) * 1.15;
    const found = curve(groups, "bitrate", { from, to, top, width: WIDTH, height: HEIGHT - 1 });
    for (const [name, line] of Object.entries(this.lines)) setAttribute(line, "d", found[name]);
    if (!kept.whole) void past.load(this.key).then((more) => more && this.element.isConnected && this.figures());
  }
}
