// What the cameras in sight send, as pictures: one is fetched at a time, the oldest first, for each costs the engine a
// decoded keyframe.

import { call } from "./api.js";

const [FIRST, EVERY] = [120, 4000]; // ms between two pictures: for cards that have none yet, and otherwise
const AGAIN = 8000; // ms after which a camera without a picture is asked again

export class Pictures {
  constructor(cards) {
    this.cards = cards;
    this.last = new Map(); // camera -> ms of the last try
    this.fetched = new Set();
  }

  async run() {
    for (;;) {
      const card = document.hidden ? null : this.next();
      if (card) await this.fetch(card);
      const urgent = this.cards.visible().some((one) => one.camera.streams[0]?.pictured && !this.last.has(one.id));
      await new Promise((resolve) => setTimeout(resolve, urgent ? FIRST : EVERY));
    }
  }

  next() {
    const now = performance.now();
    const due = this.cards.visible().filter((card) => card.camera.streams[0]?.pictured
      && (this.fetched.has(card.id) || now - (this.last.get(card.id) ?? -Infinity) > AGAIN));
    const age = (card) => this.last.get(card.id) ?? -Infinity;
    return due.sort((one, other) => age(one) - age(other))[0] ?? null;
  }

  async fetch(card) {
    this.last.set(card.id, performance.now());
    const found = await picture(card.id, card.camera.streams[0].stream_id, "?small=true");
    if (found) {
      this.fetched.add(card.id);
      show(card.image, found);
      card.image.hidden = false;
      card.blank.hidden = true;
    } else this.fetched.delete(card.id);
  }
}

/** A picture of a stream; null where there is none. By `fetch`, for an element would not bring the token along. */
export async function picture(camera, stream, size = "") {
  try {
    return await (await call(`streams/${camera}/${stream}/snapshot.jpg${size}`, { headers: { Accept: "image/jpeg" }, asks: false })).blob();
  } catch {
    return null; // no keyframe has come yet, or nobody answers: both are told elsewhere
  }
}

export function show(image, blob) {
  const before = image.src;
  image.src = URL.createObjectURL(blob);
  if (before.startsWith("blob:")) URL.revokeObjectURL(before);
}
