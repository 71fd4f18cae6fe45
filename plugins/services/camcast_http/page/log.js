// The list of what has happened, the newest first, by level, camera and words.

import { byId, el, setChildren, setHidden, setText } from "./dom.js";
import { moment } from "./words.js";

const KEPT = 1000; // events
const SHOWN = 200; // lines
const SAID = ["AttemptStarted", "RetryScheduled"];
const LEVELS = ["debug", "info", "warning", "error", "critical"];

export class Log {
  constructor(open) {
    this.open = open;
    this.events = [];
    this.cameras = new Map();
    this.list = byId("log-list");
    for (const id of ["log-level", "log-camera", "log-find"]) byId(id).addEventListener("input", () => this.rebuild());
  }

  heard(events) {
    this.events.push(...events);
    this.events.splice(0, this.events.length - KEPT);
    const fitting = events.filter((event) => this.fits(event)).slice(-SHOWN);
    this.list.prepend(...fitting.map((event) => this.line(event)).reverse());
    while (this.list.children.length > SHOWN) this.list.lastElementChild.remove();
    this.say();
  }

  /** The cameras to choose from. */
  know(cameras) {
    const select = byId("log-camera");
    const wanted = cameras.map(({ camera_id, name }) => {
      let option = this.cameras.get(camera_id);
      if (!option) this.cameras.set(camera_id, (option = el("option", { value: camera_id })));
      setText(option, name || `Camera ${camera_id}`);
      return option;
    });
    for (const [id, option] of this.cameras) if (!wanted.includes(option)) this.cameras.delete(id);
    setChildren(select, [select.firstElementChild, ...wanted]);
  }

  rebuild() {
    const fitting = this.events.filter((event) => this.fits(event)).slice(-SHOWN);
    this.list.replaceChildren(...fitting.map((event) => this.line(event)).reverse());
    this.say();
  }

  fits(event) {
    const [level, camera] = [byId("log-level").value, byId("log-camera").value];
    const words = byId("log-find").value.trim().toLowerCase();
    return LEVELS.indexOf(levelOf(event)) >= LEVELS.indexOf(level)
      && (!camera || cameraOf(event) === Number(camera))
      && (!words || `${event.text} ${event.label} ${event.name}`.toLowerCase().includes(words));
  }

  line(event) {
    const name = this.cameras.get(cameraOf(event))?.textContent;
    const key = event.fields.key;
    const who = key
      ? el("button", { type: "button", class: "who", text: name || event.label, title: `Show ${key}`, on: { click: () => this.open(key) } })
      : el("span", { class: "who", text: name || event.label });
    const time = new Date(event.time * 1000);
    return el(
      "li",
      { "data-level": levelOf(event) },
      el("time", { datetime: time.toISOString(), title: time.toLocaleString(), text: moment(event.time) }),
      who,
      el("span", { class: "level hidden", text: levelOf(event) }),
      el("p", { text: event.text }),
    );
  }

  say() {
    setHidden(byId("log-nothing"), this.list.children.length > 0);
    setText(byId("log-nothing"), this.events.length ? "No event fits." : "Nothing has happened yet.");
  }
}

/** Another event says more than these do, as in the log of the command line. */
function levelOf(event) {
  const said = event.name === "StateChanged" ? event.fields.new !== "disconnected" : SAID.includes(event.name);
  return said ? "debug" : event.level;
}

function cameraOf(event) {
  const { key, camera_id } = event.fields;
  return key ? Number(key.split("/")[0]) : camera_id ?? null;
}
