// The engine's clock, which need not be this machine's: countdowns and plots go by it.

import { long } from "./words.js";

let ahead = 0; // seconds that the engine's clock is ahead of ours

export function set(seconds) {
  ahead = seconds - Date.now() / 1000;
}

/** Seconds since 1970 over there. */
export const now = () => Date.now() / 1000 + ahead;

/** How long until `at`: "in 7 s", "now". */
export function until(at) {
  const left = Math.ceil(at - now());
  return left > 0 ? `in ${long(left)}` : "now";
}
