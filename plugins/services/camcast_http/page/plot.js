// A plot of one figure over the last minutes: its curve, its largest value, and what it was where one points at.

import * as clock from "./clock.js";
import { bars, curve, roundUp } from "./curve.js";
import { el, setAttribute, setText, svg } from "./dom.js";
import { grouped } from "./past.js";
import { long } from "./words.js";

const [WIDTH, HEIGHT, GROUPS] = [600, 120, 240];

export class Plot {
  /** `field` of past.js; `words` makes a value readable; `least`: the upper edge is never below it. */
  constructor(title, field, words, { least = 0, sums = false } = {}) {
    Object.assign(this, { title, field, words, least, sums });
    this.value = el("span", { class: "plot-value" });
    this.top = el("span", { class: "plot-top" });
    this.begin = el("span");
    const names = sums ? ["off", "bars"] : ["area", "off", "first", "other"];
    this.lines = Object.fromEntries(names.map((name) => [name, svg("path", { class: `line-${name}` })]));
    this.cross = svg("line", { class: "cross", y1: 0, y2: HEIGHT, visibility: "hidden" });
    this.picture = svg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" },
      svg("path", { class: "line-grid", d: `M0 0.5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}` }),
      ...Object.values(this.lines),
      this.cross,
    );
    this.picture.addEventListener("pointermove", (event) => this.point(event));
    this.picture.addEventListener("pointerleave", () => this.leave());
    this.element = el(
      "figure",
      { class: "plot" },
      el("figcaption", {}, el("span", { text: title }), this.value),
      el("div", { class: "plot-box" }, this.top, this.picture),
      el("div", { class: "plot-axis" }, this.begin, el("span", { text: "now" })),
    );
  }

  draw(points, span) {
    const to = clock.now();
    this.from = to - span;
    this.span = span;
    this.groups = grouped(points, this.from, GROUPS);
    const values = this.groups.map((group) => group[this.field]).filter((value) => value !== null && value !== undefined);
    const top = roundUp(Math.max(this.least, ...values, 0));
    const box = { from: this.from, to, top, width: WIDTH, height: HEIGHT };
    const found = curve(this.groups, this.field, box);
    if (this.sums) found.bars = bars(this.groups, this.field, box);
    for (const [name, line] of Object.entries(this.lines)) setAttribute(line, "d", found[name]);
    setText(this.top, this.words(top));
    setText(this.begin, `${long(span).replace(" 0 s", "")} ago`);
    const last = values.at(-1);
    const total = values.reduce((sum, value) => sum + value, 0);
    this.now = this.sums ? `${this.words(total)} in all` : last === undefined ? "–" : this.words(last);
    const most = values.length ? `at most ${this.words(Math.max(...values))}` : "nothing is known";
    setAttribute(this.picture, "aria-label", `${this.title} over ${long(span)}: ${this.now}, ${most}`);
    if (this.cross.getAttribute("visibility") === "hidden") setText(this.value, this.now);
  }

  point(event) {
    const box = this.picture.getBoundingClientRect();
    const at = this.from + ((event.clientX - box.left) / box.width) * this.span;
    let near = null;
    for (const group of this.groups ?? []) if (!near || Math.abs(group.t - at) < Math.abs(near.t - at)) near = group;
    if (!near) return;
    const x = ((near.t - this.from) / this.span) * WIDTH;
    for (const name of ["x1", "x2"]) this.cross.setAttribute(name, x);
    this.cross.setAttribute("visibility", "visible");
    const value = near[this.field];
    const what = near.target === null && !this.sums ? "off the air" : value === null || value === undefined ? "not known" : this.words(value);
    const where = near.target > 0 ? ` on fallback ${near.target}` : "";
    setText(this.value, `${what}${where}, ${long(clock.now() - near.t)} ago`);
  }

  leave() {
    this.cross.setAttribute("visibility", "hidden");
    setText(this.value, this.now ?? "");
  }
}
