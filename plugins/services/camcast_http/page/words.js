// Figures and states in words. Pure.

const many = (count, one, several = `${one}s`) => `${count} ${count === 1 ? one : several}`;

export function rate(bits) {
  if (bits === null || bits === undefined) return "–";
  if (bits >= 1e6) return `${(bits / 1e6).toFixed(bits >= 1e8 ? 0 : bits >= 1e7 ? 1 : 2)} Mbit/s`;
  return `${Math.round(bits / 1e3)} kbit/s`;
}

/** A short time: "85 ms", "1.25 s". */
export function short(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds === 0) return "0 ms";
  if (seconds < 0.0095) return `${(seconds * 1000).toFixed(1)} ms`;
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
}

/** A long time: "3 min 5 s", "2 h 10 min", "4 d 3 h". */
export function long(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

export function bytes(count) {
  if (count >= 1e9) return `${(count / 1e9).toFixed(2)} GB`;
  return count >= 1e6 ? `${(count / 1e6).toFixed(1)} MB` : `${Math.round(count / 1e3)} kB`;
}

export const number = (count) => Math.round(count).toLocaleString("en").replaceAll(",", "\u202f");

export function moment(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
}

/** What an output is, in a word, and how bad that is: good, warn, bad, idle. */
export function standing(output) {
  if (output.health === "paused") return { word: "Paused", tone: "idle" };
  if (output.health === "scheduled off") return { word: "Scheduled off", tone: "idle" };
  if (output.state === "failed") return { word: "Given up", tone: "bad" };
  if (output.health === "waiting for media") return { word: "No media", tone: "warn" };
  if (output.state === "connecting") return { word: "Connecting", tone: "warn" };
  if (output.state !== "connected") return { word: "Off air", tone: "bad" };
  if (output.health === "unhealthy") return { word: "Not healthy", tone: "bad" };
  if (output.health === "unconfirmed") return { word: "Unconfirmed", tone: "warn" };
  if (output.target_index > 0) return { word: `On fallback ${output.target_index}`, tone: "warn" };
  return { word: "On air", tone: "good" };
}

/** Why an output is as it is; "" where all is well. */
export function reason(output, stream) {
  const why = cause(output, stream);
  return /^[a-z]+[ ,]/.test(why) ? why[0].toUpperCase() + why.slice(1) : why;
}

function cause(output, stream) {
  if (output.health === "paused") return "";
  if (output.health === "scheduled off") return output.schedule;
  if (output.health === "unconfirmed") return output.unconfirmed;
  if (output.health === "waiting for media") return source(stream);
  if (output.health === "unhealthy") {
    return output.last_error || (output.state === "connected" ? "Nothing of it arrives at the server." : "");
  }
  return output.target_index > 0 ? output.last_error : "";
}

/** How a source is of which nothing comes; "" for one that runs. */
export function source(stream) {
  if (stream.waits_for) return `The source waits for ${stream.waits_for}.`;
  if (stream.state === "running") {
    return stream.silent_for > 2 ? `The source runs, and has brought nothing for ${long(stream.silent_for)}.` : "";
  }
  return `Source ${stream.state}${stream.last_error ? `: ${stream.last_error}` : ""}`;
}

/** How an uplink stands, and why; "" where it bears what it is said to. */
export function uplinkStanding({ budget, limit, least, changes, reason: why }) {
  if (budget && least > budget) return { tone: "bad", why: `It does not hold: its outputs take ${rate(least)} at the least.` };
  if (limit && budget && budget < limit) return { tone: "warn", why: `Held to ${rate(budget)}: ${why}` };
  return { tone: "good", why: changes && why && !limit ? why : "" };
}

/** How a member of a fleet is, and how bad that is. */
export function memberStanding({ silent, order, leaving, running, on_air: onAir }) {
  if (silent) return { word: "Silent", tone: "bad" };
  if (leaving) return { word: "Ending", tone: "warn" };
  if (order === "drain") return { word: running ? "Being emptied" : "Emptied", tone: "warn" };
  if (order === "cordon") return { word: "Takes no more", tone: "warn" };
  return onAir < running ? { word: "Not all on air", tone: "warn" } : { word: "Well", tone: "good" };
}

/** How bad it is how a camera of a fleet is. */
export function fleetStanding({ state }) {
  if (state === "on air") return "good";
  return state === "unknown" || state === "silent" ? "warn" : "bad";
}

/** A fleet in a sentence, and its tone. */
export function fleetOverall({ fleet, heard, members, cameras }) {
  const onAir = cameras.filter(({ state }) => state === "on air").length;
  const text = `${fleet}: ${many(members.length, "member")}, ${onAir} of ${many(cameras.length, "camera")} on the air`;
  if (!heard) return { text: `${fleet}: the store is away, and this is as it was before`, tone: "bad" };
  return { text, tone: onAir < cameras.length ? "bad" : cameras.length ? "good" : "idle" };
}

/** Why none of these is on the air, all of which somebody wants to be off. */
function resting(outputs) {
  const paused = outputs.filter((one) => one.health === "paused").length;
  if (paused === outputs.length) return "all paused";
  return paused ? "all paused or off by schedule" : "all off by schedule";
}

/** All outputs in a sentence, and its tone. */
export function overall(outputs) {
  const tones = outputs.map((one) => standing(one).tone);
  const count = (tone) => tones.filter((one) => one === tone).length;
  const [bad, warn, all] = [count("bad"), count("warn"), outputs.length];
  if (!all) return { text: "There are no outputs", tone: "idle" };
  if (bad) return { text: `${bad} of ${many(all, "output")} ${bad === 1 ? "is" : "are"} in trouble`, tone: "bad" };
  if (warn) return { text: `${warn} of ${many(all, "output")} ${warn === 1 ? "needs" : "need"} a look`, tone: "warn" };
  const idle = count("idle");
  if (idle === all) return { text: `${many(all, "output")}, ${resting(outputs)}`, tone: "idle" };
  return { text: all === 1 ? "The output is on the air" : `All ${all - idle} outputs are on the air`, tone: "good" };
}
