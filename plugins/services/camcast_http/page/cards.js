// The cameras, a card each. A card is made once; what changes in it is what is touched, and curves and pictures only
// while it is in sight.

import { byId, el, setAttribute, setChildren, setHidden, setText } from "./dom.js";
import { OutputRow } from "./output.js";
import { source, standing } from "./words.js";

const RANK = ["idle", "good", "warn", "bad"];

class Card {
  constructor(id, open) {
    this.id = id;
    this.open = open;
    this.visible = false;
    this.rows = new Map();
    this.streams = new Map();
    this.image = el("img", { alt: "", hidden: true, decoding: "async" });
    this.blank = el("span", { class: "blank", text: "No picture yet" });
    this.badge = el("span", { class: "badge" });
    this.name = el("h3", { id: `camera-${id}` });
    this.number = el("span", { class: "number" });
    this.list = el("div", { class: "streams" });
    this.element = el(
      "article",
      { class: "card", "aria-labelledby": `camera-${id}`, "data-camera": id },
      el("div", { class: "picture" }, this.blank, this.image, this.badge,
        el("div", { class: "caption" }, this.name, this.number)),
      this.list,
    );
  }

  update(camera) {
    this.camera = camera;
    const name = camera.name || `Camera ${camera.camera_id}`;
    setText(this.name, name);
    setText(this.number, camera.name ? `camera ${camera.camera_id}` : "");
    setAttribute(this.image, "alt", `What ${name} sends`);
    const keys = new Set();
    let worst = { word: "No output", tone: "idle" };
    const parts = camera.streams.map((stream) => {
      const part = this.stream(stream.stream_id);
      setText(part.name, stream.name || `stream ${stream.stream_id}`);
      setText(part.state, stream.state === "running" && !source(stream) ? "" : `source ${stream.state}`);
      const rows = stream.outputs.map((output) => {
        keys.add(output.key);
        const row = this.row(output.key);
        row.update(output, stream);
        const state = standing(output);
        if (keys.size === 1 || RANK.indexOf(state.tone) > RANK.indexOf(worst.tone)) worst = state;
        return row.element;
      });
      setChildren(part.list, rows);
      setHidden(part.none, rows.length > 0);
      return part.element;
    });
    setChildren(this.list, parts);
    for (const key of this.rows.keys()) if (!keys.has(key)) this.rows.delete(key);
    this.tone = worst.tone;
    setAttribute(this.element, "data-tone", worst.tone);
    setText(this.badge, worst.word);
    // What does not come any more is not what is.
    const stream = camera.streams[0];
    setAttribute(this.element, "data-still", stream && (stream.state !== "running" || source(stream)) ? "" : null);
    if (this.visible) this.figures();
  }

  row(key) {
    let row = this.rows.get(key);
    if (!row) this.rows.set(key, (row = new OutputRow(key, this.open)));
    return row;
  }

  stream(id) {
    let part = this.streams.get(id);
    if (!part) {
      const [name, state] = [el("h4"), el("span", { class: "source" })];
      const [list, none] = [el("ul", { class: "outputs" }), el("p", { class: "small", text: "No output" })];
      part = { name, state, list, none };
      part.element = el("section", { class: "stream" }, el("div", { class: "stream-head" }, name, state), list, none);
      this.streams.set(id, part);
    }
    return part;
  }

  figures() {
    for (const row of this.rows.values()) row.figures();
  }

  tick() {
    for (const row of this.rows.values()) row.tick();
  }

  /** Whether it is among those that are wanted: `text` in one of its words, in lower case. */
  fits(kind, text) {
    const outputs = this.camera.streams.flatMap((stream) => stream.outputs);
    const kinds = { all: true, trouble: this.tone === "bad" || this.tone === "warn" };
    kinds.fallback = outputs.some((output) => output.state === "connected" && output.target_index > 0);
    kinds.off = outputs.some((output) => output.state !== "connected");
    if (!kinds[kind]) return false;
    const words = [this.camera.name, `camera ${this.id}`, ...outputs.flatMap((one) => [one.label, one.key, one.target])];
    return words.some((word) => word.toLowerCase().includes(text));
  }
}

export class Cards {
  constructor(open) {
    this.open = open;
    this.cards = new Map();
    this.kind = "all";
    this.text = "";
    this.seen = new IntersectionObserver((entries) => this.sight(entries), { rootMargin: "150px" });
    this.chips = new Map(
      [["all", "All"], ["trouble", "Needs a look"], ["fallback", "On fallback"], ["off", "Off air"]].map(([kind, text]) => {
        const [label, count] = [el("span", { text }), el("span", { class: "count" })];
        const chip = el("button", { type: "button", class: "chip", "aria-pressed": String(kind === "all") }, label, count);
        chip.addEventListener("click", () => this.choose(kind));
        byId("chips").append(chip);
        return [kind, { chip, count }];
      }),
    );
    byId("find").addEventListener("input", (event) => {
      this.text = event.target.value.trim().toLowerCase();
      this.filter();
    });
  }

  update(overview) {
    const wanted = overview.cameras.map((camera) => {
      let card = this.cards.get(camera.camera_id);
      if (!card) {
        this.cards.set(camera.camera_id, (card = new Card(camera.camera_id, this.open)));
        this.seen.observe(card.element);
      }
      card.update(camera);
      return card;
    });
    const keep = new Set(wanted);
    for (const card of this.cards.values()) {
      if (keep.has(card)) continue;
      this.cards.delete(card.id);
      this.seen.unobserve(card.element);
      URL.revokeObjectURL(card.image.src);
    }
    setChildren(byId("grid"), wanted.map((card) => card.element));
    this.filter();
  }

  /** Those in sight, for whoever fetches pictures. */
  visible() {
    return [...this.cards.values()].filter((card) => card.visible && !card.element.hidden);
  }

  tick() {
    for (const card of this.cards.values()) card.tick();
  }

  choose(kind) {
    this.kind = kind;
    for (const [one, { chip }] of this.chips) setAttribute(chip, "aria-pressed", String(one === kind));
    this.filter();
  }

  filter() {
    const all = [...this.cards.values()];
    let shown = 0;
    for (const card of all) {
      const fits = card.fits(this.kind, this.text);
      setHidden(card.element, !fits);
      shown += fits;
    }
    for (const [kind, { count }] of this.chips) setText(count, String(all.filter((card) => card.fits(kind, "")).length));
    setHidden(byId("nothing"), shown > 0);
    setText(byId("nothing"), all.length ? "No camera fits." : "There are no cameras.");
  }

  sight(entries) {
    for (const entry of entries) {
      const card = this.cards.get(Number(entry.target.dataset.camera));
      if (!card) continue;
      card.visible = entry.isIntersecting;
      if (card.visible) card.figures();
    }
  }
}
