// What is asked of the interface, with the token where one is known.

import * as token from "./token.js";

const ROOT = new URL("api/v1/", document.baseURI);
const PATIENCE = 15000; // ms for an answer
const TOO_MANY = 429; // wrong tokens at once: nobody has looked at this one

/** The interface has answered, and it is a no. */
export class Refused extends Error {
  constructor(status, detail, wantsToken) {
    super(detail);
    this.status = status;
    this.wantsToken = wantsToken;
  }
}

/**
 * The response; raises `Refused`, or TypeError where nobody answers. Where a token is needed it is asked for, until one
 * does or nobody gives any, unless `asks` is false. `given`: one to try first. It is kept when it does, for one that does
 * not must not take the place of one that is good for looking.
 */
export async function call(path, { method = "GET", body, headers = {}, signal, patience = PATIENCE, asks = true, given = "" } = {}) {
  for (;;) {
    const used = given || token.current();
    const answer = await send(path, method, body, headers, signal ?? AbortSignal.timeout(patience), used);
    const refused = answer.ok ? null : await told(answer);
    if (given && !refused?.wantsToken && answer.status !== TOO_MANY) token.keep(given);
    if (!refused) return answer;
    if (!refused.wantsToken || !asks || !(given = await token.ask(why(method, refused, used)))) throw refused;
  }
}

export const read = async (path, options) => (await call(path, options)).json();

/** Which path an output's operations have below it. */
export const sessionPath = (key) => {
  const [camera, stream, ...output] = key.split("/");
  return `sessions/${camera}/${stream}/${encodeURIComponent(output.join("/"))}`;
};

function send(path, method, body, headers, signal, used) {
  const sent = { Accept: "application/json", ...headers };
  if (used) sent.Authorization = `Bearer ${used}`;
  if (body !== undefined) sent["Content-Type"] = "application/json";
  return fetch(new URL(path, ROOT), {
    method,
    headers: sent,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
    cache: "no-store",
    credentials: "omit",
  });
}

async function told(answer) {
  let detail = `${answer.status} ${answer.statusText}`;
  try {
    const problem = await answer.json();
    detail = [problem.detail, ...(problem.issues ?? []).map((one) => `${one.path}: ${one.message}`)].join("\n");
  } catch {
    // Somebody in between has answered, in a form of their own.
  }
  return new Refused(answer.status, detail, answer.headers.has("WWW-Authenticate"));
}

function why(method, refused, used) {
  const what = method === "GET" ? "Looking at this camcast needs its token." : "Changing something needs the change_token.";
  return used ? `${what} The one that was given does not do: ${refused.message}.` : what;
}
