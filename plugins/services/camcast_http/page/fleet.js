// The fleet that this camcast is a member of: who is there and how each is, and which camera runs where.

import { read, Refused } from "./api.js";
import { byId, el, setAttribute, setChildren, setHidden, setText } from "./dom.js";
import { fleetOverall, fleetStanding, long, memberStanding, number } from "./words.js";

const AGAIN = 4000; // ms between two looks; what is told is up to two seconds old
const MOST = 200; // cameras that are listed at once

class Member {
  constructor() {
    const cells = (this.cells = ["name", "state", "cameras", "room", "labels", "hold", "renewed"].map(() => el("td")));
    this.element = el("tr", {}, ...cells);
  }

  update(member) {
    const { word, tone } = memberStanding(member);
    const labels = Object.entries(member.labels).map(([key, value]) => `${key}=${value}`).join(" ");
    const on = `${number(member.on_air)} of ${number(member.running)}`;
    const texts = [member.name, word, on, number(member.capacity), labels, member.hold, `${long(member.renewed_ago)} ago`];
    texts.forEach((text, index) => setText(this.cells[index], text));
    setAttribute(this.element, "data-tone", tone);
    setAttribute(this.element, "data-member", member.name);
  }
}

class Camera {
  constructor() {
    const cells = (this.cells = ["camera", "name", "member", "state"].map(() => el("td")));
    this.element = el("tr", {}, ...cells);
  }

  update(camera) {
    const texts = [String(camera.camera_id), camera.name, camera.member || "nobody", camera.state];
    texts.forEach((text, index) => setText(this.cells[index], text));
    setAttribute(this.element, "data-tone", fleetStanding(camera));
    setAttribute(this.element, "data-camera", String(camera.camera_id));
  }
}

export class Fleet {
  constructor() {
    this.members = new Map();
    this.cameras = new Map();
    this.told = null;
    this.next = 0;
    byId("fleet-find").addEventListener("input", () => this.list());
  }

  /** Look, if that is due and there is a fleet. */
  async look(there) {
    setHidden(byId("fleet"), !there);
    if (!there || performance.now() < this.next) return;
    this.next = performance.now() + AGAIN;
    try {
      this.told = await read("fleet", { asks: false });
      this.show();
    } catch (error) {
      if (!(error instanceof Refused) && !(error instanceof TypeError) && error.name !== "TimeoutError") throw error;
      // The page's own look says what is wrong; what was told last stays.
    }
  }

  show() {
    const { text, tone } = fleetOverall(this.told);
    setText(byId("fleet-overall"), text);
    setAttribute(byId("fleet-overall"), "data-tone", tone);
    setChildren(byId("fleet-members"), rows(this.members, this.told.members, (one) => one.name, Member));
    this.list();
  }

  /** Cameras that fit what is looked for, those in trouble first. */
  list() {
    if (!this.told) return;
    const text = byId("fleet-find").value.trim().toLowerCase();
    const fits = (one) => [one.name, `camera ${one.camera_id}`, one.member, one.state].some((word) => word.toLowerCase().includes(text));
    const found = this.told.cameras.filter(fits);
    const well = (one) => fleetStanding(one) === "good";
    const first = [...found.filter((one) => !well(one)), ...found.filter(well)].slice(0, MOST);
    setChildren(byId("fleet-cameras"), rows(this.cameras, first, (one) => one.camera_id, Camera));
    const more = found.length - first.length;
    setText(byId("fleet-more"), more ? `and ${number(more)} more: look for a name or a member` : "");
    setHidden(byId("fleet-more"), !more);
  }
}

function rows(kept, wanted, key, Row) {
  const made = new Map(wanted.map((one) => {
    const row = kept.get(key(one)) ?? new Row();
    row.update(one);
    return [key(one), row];
  }));
  kept.clear();
  for (const [name, row] of made) kept.set(name, row);
  return [...made.values()].map((row) => row.element);
}
