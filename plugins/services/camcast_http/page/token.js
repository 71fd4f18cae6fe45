// The token: asked for when it is needed, kept in this tab only. No cookie, nothing that outlives the tab.

import { byId, setText } from "./dom.js";

const KEY = "camcast-token";
let token = stored();
let asking = null;

export const current = () => token;

/** Ask for a token, and say why: what was given, "" = none. Whoever asks meanwhile waits for the same answer. */
export function ask(why) {
  asking ??= answered(why).finally(() => { asking = null; });
  return asking;
}

function answered(why) {
  const [dialog, form, input] = [byId("ask"), byId("ask-form"), byId("ask-token")];
  setText(byId("ask-why"), why);
  input.value = "";
  dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    const close = (given) => {
      form.removeEventListener("submit", used);
      byId("ask-cancel").removeEventListener("click", cancelled);
      dialog.removeEventListener("cancel", cancelled);
      dialog.close();
      resolve(given);
    };
    const used = (event) => { event.preventDefault(); close(input.value.trim()); };
    const cancelled = () => close("");
    form.addEventListener("submit", used);
    byId("ask-cancel").addEventListener("click", cancelled);
    dialog.addEventListener("cancel", cancelled);
  });
}

/** It does: use it from now on. */
export function keep(given) {
  token = given;
  try {
    sessionStorage.setItem(KEY, given);
  } catch {
    // Storage is switched off: it is kept in memory then, and asked for again when the page is loaded again.
  }
}

function stored() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}
