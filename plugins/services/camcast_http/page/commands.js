// Commands as buttons: each is asked for once at a time, and its outcome told.

import { call, Refused, sessionPath } from "./api.js";
import { byId, el } from "./dom.js";

const SHOWN = 6000; // ms for which an outcome is shown
const MOST = 4; // outcomes at once

/** A button that asks for something. `told`: what is said when it is done, from what was answered. */
export function button(text, path, { body, told = () => `${text}: done`, kind = "", title = null, after = () => {} } = {}) {
  const made = el("button", { type: "button", class: kind, text, title });
  made.addEventListener("click", () => ask(made, path, { body, told, after }));
  return made;
}

export async function ask(control, path, { body, told, after = () => {} }) {
  if (control.getAttribute("aria-busy") === "true") return;
  control.setAttribute("aria-busy", "true");
  try {
    const wanted = typeof body === "function" ? body() : body;
    const answer = await (await call(path, { method: "POST", body: wanted })).json();
    say(told(answer), answer.done === false ? "warn" : "good");
    after();
  } catch (error) {
    say(error instanceof Refused ? error.message : "camcast does not answer.", "bad");
  } finally {
    control.removeAttribute("aria-busy");
  }
}

/** The command `word` of an output. */
export const ofOutput = (key, word) => `${sessionPath(key)}/${word}`;

/** Tell an outcome for a while. */
export function say(text, tone) {
  const toast = el("p", { class: "toast", "data-tone": tone, text });
  const all = byId("toasts");
  all.append(toast);
  while (all.children.length > MOST) all.firstElementChild.remove();
  setTimeout(() => toast.remove(), SHOWN);
}
