// The last quarter of an hour of each output: what the engine has kept, and what has been seen since.

import { read, sessionPath } from "./api.js";

export const SPAN = 900; // seconds that are kept
const INTERVAL = 2; // seconds between two points
const GAP = 3 * INTERVAL; // seconds without a point after which a line is interrupted

const known = new Map();

class Past {
  points = []; // {t, target, bitrate, lag, dropped, trip}; target null = not on the air
  drops = null;
  whole = false; // whether what the engine has kept is in it
  asked = false;
}

export function of(key) {
  let past = known.get(key);
  if (!past) known.set(key, (past = new Past()));
  return past;
}

/** Note what an output is like at `time`. */
export function see(output, time) {
  const past = of(output.key);
  const last = past.points.at(-1);
  if (last && time - last.t < INTERVAL * 0.75) return;
  const on = output.state === "connected";
  const dropped = past.drops === null ? 0 : Math.max(0, output.frames_dropped - past.drops);
  past.drops = output.frames_dropped;
  past.points.push({
    t: time,
    target: on ? output.target_index : null,
    bitrate: on ? output.bitrate : null,
    lag: on ? output.lag : null,
    dropped,
    trip: on ? output.round_trip : null,
  });
  while (past.points[0].t < time - SPAN) past.points.shift();
}

/** Have what the engine has kept, unless it is here already. True = there is more than before. */
export async function load(key) {
  const past = of(key);
  if (past.whole || past.asked) return false;
  past.asked = true;
  try {
    const kept = await read(`${sessionPath(key)}/history`, { asks: false });
    const first = kept.until - (kept.target.length - 1) * kept.interval;
    const before = kept.target.map((target, index) => ({
      t: first + index * kept.interval,
      target,
      bitrate: kept.bitrate[index],
      lag: kept.lag[index],
      dropped: kept.dropped[index],
      trip: kept.round_trip[index],
    }));
    past.points = [...before, ...past.points.filter((point) => point.t > kept.until)];
    past.whole = true;
    return true;
  } catch {
    // It is too new, or nobody answers: what is seen from now on is there, and it is asked for again another time.
    return false;
  } finally {
    past.asked = false;
  }
}

/** Nobody has looked for a while: what has been missed is with the engine. */
export function missed() {
  for (const past of known.values()) past.whole = false;
}

export function keepOnly(keys) {
  for (const key of known.keys()) if (!keys.has(key)) known.delete(key);
}

/** The points from `from` on in at most `most` groups of neighbours; sums of drops, peaks of lag, means of the rest. */
export function grouped(points, from, most) {
  const wanted = points.filter((point) => point.t >= from);
  const size = Math.max(1, Math.ceil(wanted.length / most));
  const groups = [];
  for (let at = 0; at < wanted.length; at += size) {
    const some = wanted.slice(at, at + size);
    const of_ = (field) => some.map((point) => point[field]).filter((value) => value !== null && value !== undefined);
    const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);
    const lags = of_("lag");
    const targets = of_("target");
    groups.push({
      t: some.at(-1).t,
      target: targets.length ? targets.at(-1) : null,
      bitrate: mean(of_("bitrate")),
      lag: lags.length ? Math.max(...lags) : null,
      dropped: of_("dropped").reduce((sum, value) => sum + value, 0),
      trip: mean(of_("trip")),
    });
  }
  groups.gap = Math.max(GAP, 2 * size * INTERVAL);
  return groups;
}
