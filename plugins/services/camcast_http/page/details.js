// One output in all its figures: curves, chain of targets, commands, and the stream that it is fed from.

import { read, sessionPath } from "./api.js";
import { Chain, Figures } from "./details_parts.js";
import * as clock from "./clock.js";
import { ask, button, ofOutput } from "./commands.js";
import { byId, el, setAttribute, setHidden, setText } from "./dom.js";
import * as past from "./past.js";
import { Live } from "./live.js";
import { picture, show } from "./pictures.js";
import { Plot } from "./plot.js";
import { number, rate, reason, short, standing } from "./words.js";

const SPANS = [[60, "1 min"], [300, "5 min"], [900, "15 min"]];
const PICTURE = 4000; // ms between two pictures

export class Details {
  constructor(look) {
    this.look = look; // has everything looked at anew
    this.sheet = byId("details");
    this.span = null; // what has been chosen; otherwise the shortest that holds all that there is
    this.key = null;
    this.live = null; // the stream as it is now, where it can be watched
    document.addEventListener("visibilitychange", () => document.hidden && this.live?.stop());
    this.sheet.addEventListener("close", () => this.closed());
    this.sheet.addEventListener("click", (event) => event.target === this.sheet && this.sheet.close());
    addEventListener("hashchange", () => this.follow());
  }

  /** Show what the address asks for: "#0/0/rtmp". */
  follow() {
    const key = keyOf(location.hash.slice(1));
    if (key) this.open(key);
    else if (this.sheet.open) this.sheet.close();
  }

  open(key) {
    if (this.key === key && this.sheet.open) return;
    this.live?.stop();
    this.key = key;
    this.pictured = 0;
    this.build();
    if (location.hash !== `#${key}`) history.pushState(null, "", `#${key}`);
    if (!this.sheet.open) this.sheet.showModal();
    if (this.overview) this.update(this.overview);
    void past.load(key).then((more) => more && this.draw());
  }

  closed() {
    this.live?.stop();
    this.key = null;
    if (location.hash) history.pushState(null, "", location.pathname + location.search);
    if (this.image?.src) URL.revokeObjectURL(this.image.src);
    this.sheet.replaceChildren();
  }

  build() {
    const { key } = this;
    const [camera, stream] = key.split("/");
    const of = `streams/${camera}/${stream}`;
    const after = () => this.look();
    const command = (text, word, told, more = {}) => button(text, ofOutput(key, word), { told: () => told, after, ...more });
    this.title = el("h2", { id: "details-title" });
    this.place = el("p", { class: "small" });
    this.badge = el("span", { class: "badge" });
    this.why = el("p", { class: "why" });
    this.due = el("p", { class: "due" });
    this.retry = command("Retry now", "retry", "It is tried at once.", { title: "Skip the present wait; after giving up, begin anew" });
    this.pause = command("Pause", "pause", "It is off the air until it is resumed.");
    this.resume = command("Resume", "resume", "It goes on the air again.", { kind: "main" });
    this.image = el("img", { alt: "", hidden: true });
    const video = el("video", { autoplay: true, playsinline: true, controls: true, hidden: true });
    video.muted = true; // browsers play nothing else unasked
    const live = (this.live = new Live(video, () => {
      setHidden(video, !live.on);
      if (live !== this.live) return;
      if (live.on) setHidden(this.image, true);
      else this.pictured = 0; // the next look fetches one
    }));
    this.chain = new Chain(key, after);
    this.figures = new Figures();
    this.plots = [
      new Plot("Bitrate", "bitrate", rate),
      new Plot("Lag", "lag", short, { least: 0.5 }),
      new Plot("Dropped frames", "dropped", number, { least: 10, sums: true }),
      new Plot("Round trip", "trip", short, { least: 0.002 }),
    ];
    this.spans = SPANS.map(([span, text]) => {
      const chip = el("button", { type: "button", class: "chip", "aria-pressed": "false", text });
      chip.addEventListener("click", () => this.choose(span));
      return chip;
    });
    const wanted = el("input", { type: "text", inputmode: "decimal", placeholder: "2.5 Mbit/s", required: true, id: "bitrate" });
    const set = el("button", { type: "submit", text: "Set bitrate" });
    const form = el("form", { class: "bitrate" }, el("label", { for: "bitrate", class: "hidden", text: "Bitrate" }), wanted, set);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const told = (answer) => (answer.done ? `The encoder aims at ${wanted.value}.` : "This picture comes encoded from the camera: its bitrate is set there.");
      void ask(set, `${of}/bitrate`, { body: () => ({ bitrate: wanted.value.trim() }), told, after });
    });
    const close = el("button", { type: "button", class: "close", "aria-label": "Close", text: "✕", on: { click: () => this.sheet.close() } });
    this.sheet.replaceChildren(
      el("header", {}, el("div", {}, this.title, this.place), this.badge, close),
      el("div", { class: "sheet-body" },
        this.why, this.due,
        el("div", { class: "buttons" }, this.retry, this.pause, this.resume),
        el("section", {}, el("h3", { text: "Chain of targets" }), this.chain.element),
        el("section", {}, el("div", { class: "tools" }, el("h3", { text: "The last minutes" }),
          el("div", { class: "chips", role: "group", "aria-label": "How long" }, ...this.spans)),
          el("div", { class: "plots" }, ...this.plots.map((plot) => plot.element)),
          el("p", { class: "legend small" }, el("i", { class: "on-first" }), "first target ", el("i", { class: "on-other" }), "fallback ",
            el("i", { class: "off-air" }), "off the air")),
        el("section", {}, el("h3", { text: "What it is fed from" }), el("div", { class: "fed" }, el("div", { class: "picture" }, el("span", { class: "blank", text: "No picture yet" }), this.image, video),
          el("div", { class: "fed-tools" },
            button("Ask for a keyframe", `${of}/keyframe`, { told: (answer) => (answer.done ? "A keyframe has been asked for." : "Nobody can make a keyframe on demand here.") }),
            button("Retry source", `${of}/retry`, { told: () => "The source is tried at once.", after }), form))),
        el("section", {}, el("h3", { text: "Figures" }), this.figures.element)),
    );
    this.draw();
  }

  update(overview) {
    this.overview = overview;
    if (!this.key) return;
    const [camera_id] = this.key.split("/").map(Number);
    const camera = overview.cameras.find((one) => one.camera_id === camera_id);
    const stream = camera?.streams.find((one) => one.outputs.some((output) => output.key === this.key));
    const output = stream?.outputs.find((one) => one.key === this.key);
    if (!output) {
      setText(this.title, this.key);
      setText(this.why, "There is no such output any more.");
      setHidden(this.why, false);
      return;
    }
    this.at = output.next_attempt_at ?? stream.next_attempt_at;
    const { word, tone } = standing(output);
    setAttribute(this.sheet, "data-tone", tone);
    setText(this.title, `${camera.name || `Camera ${camera_id}`} · ${stream.name} · ${output.output}`);
    setText(this.place, output.label);
    setText(this.badge, word);
    const why = reason(output, stream);
    setText(this.why, why);
    setHidden(this.why, !why);
    const paused = output.health === "paused";
    setHidden(this.pause, paused);
    setHidden(this.resume, !paused);
    this.tick();
    this.draw();
    void this.fetch(this.key, camera_id, stream);
  }

  /** What only this page shows. */
  async fetch(key, camera, stream) {
    try {
      const session = await read(sessionPath(key), { asks: false });
      if (this.key !== key) return;
      this.chain.update(session);
      this.figures.update(session);
    } catch {
      return; // it has just ended, or nobody answers, which the head of the page says
    }
    const watched = stream.outputs.find((one) => one.watchable && one.key === key) ?? stream.outputs.find((one) => one.watchable);
    if (watched) void this.live.start(watched.key);
    if (this.live.on || !stream.pictured || performance.now() - this.pictured < PICTURE) return;
    this.pictured = performance.now();
    const found = await picture(camera, stream.stream_id);
    if (!found || this.key !== key || this.live.on) return;
    show(this.image, found);
    this.image.hidden = false;
  }

  tick() {
    if (!this.key) return;
    setHidden(this.due, this.at === null || this.at === undefined);
    if (this.at) setText(this.due, `Next try ${clock.until(this.at)}`);
  }

  draw() {
    if (!this.key) return;
    const { points } = past.of(this.key);
    const there = points.length ? clock.now() - points[0].t : 0;
    const span = this.span ?? SPANS.find(([seconds]) => seconds >= there)?.[0] ?? past.SPAN;
    this.spans.forEach((chip, index) => setAttribute(chip, "aria-pressed", String(SPANS[index][0] === span)));
    for (const plot of this.plots) plot.draw(points, span);
  }

  choose(span) {
    this.span = span;
    this.draw();
  }
}

/** The output that an address names; "" for none. */
function keyOf(text) {
  try {
    const key = decodeURIComponent(text);
    return /^\d+\/\d+\/./.test(key) ? key : "";
  } catch {
    return ""; // somebody has written it by hand
  }
}
