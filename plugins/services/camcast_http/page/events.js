// What happens, as it happens: server-sent events by `fetch`, for an EventSource would not bring the token along.

import { call, read } from "./api.js";

const KEPT = 500; // events that are asked for at the beginning
const PAUSE = 2000; // ms until the next try
const SILENCE = 40000; // ms without a byte after which the connection is dead: the engine gives a sign each 15 s

/** Calls `heard` with lists of events, the oldest first, until the page ends; from where it stopped after each break. */
export async function follow(heard) {
  let last = null; // id of the last event, as it stands in the stream: it says of which run it is
  for (;;) {
    await inSight();
    try {
      if (last === null) {
        const kept = await read(`events?limit=${KEPT}`, { asks: false });
        last = String(kept.at(-1)?.id ?? 0);
        heard(kept);
      }
      for await (const { id, event } of stream(last)) {
        last = id;
        heard([event]);
      }
    } catch {
      // The head of the page says that nobody answers, or that a token is missing.
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

/** A page that nobody sees keeps no connection: a browser has six of them for all its tabs. */
async function inSight() {
  while (document.hidden) {
    await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }
}

async function* stream(last) {
  const ending = new AbortController();
  const hide = () => document.hidden && ending.abort();
  document.addEventListener("visibilitychange", hide);
  let silence;
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(() => ending.abort(), SILENCE);
  };
  try {
    heard();
    const headers = { Accept: "text/event-stream", "Last-Event-ID": last };
    const answer = await call("events", { headers, signal: ending.signal, asks: false });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ; ) {
      const { value, done } = await reader.read();
      if (done) return;
      heard();
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const [id, data] = ["id: ", "data: "].map((name) => block.split("\n").find((line) => line.startsWith(name))?.slice(name.length));
        if (data) yield { id, event: JSON.parse(data) };
      }
    }
  } finally {
    clearTimeout(silence);
    ending.abort();
    document.removeEventListener("visibilitychange", hide);
  }
}
