// Puts the page together: looks every two seconds while somebody sees it, more seldom where there are very many outputs
// and nothing happens, and hands what there is to each part.

import { call, read, Refused } from "./api.js";
import { Beside } from "./beside.js";
import { Cards } from "./cards.js";
import * as clock from "./clock.js";
import { ask, say } from "./commands.js";
import { Details } from "./details.js";
import { byId, el, setAttribute, setText } from "./dom.js";
import * as events from "./events.js";
import { Fleet } from "./fleet.js";
import { Log } from "./log.js";
import * as past from "./past.js";
import { Pictures } from "./pictures.js";
import * as token from "./token.js";
import { long, number, overall, rate, short } from "./words.js";

byId("late").remove();

const LOOK = 2000; // ms
const MANY = 50; // outputs, from which on a look costs so much that those at rest are looked at half as often
const PATIENCE = 5000; // ms for a look; the next one may find what this one waits for
const MISSED = 10; // seconds without a look after which the engine knows more than we do

const open = (key) => details.open(key);
const details = new Details(() => void look());
const cards = new Cards(open);
const beside = new Beside();
const fleet = new Fleet();
const log = new Log(open);
const tiles = new Map();
let [looking, last, asked, count] = [null, 0, false, 0];
let news = () => {}; // ends the rest between two looks

/** Look now, or wait for the look that is under way. */
function look() {
  looking ??= looked().finally(() => { looking = null; });
  return looking;
}

async function looked() {
  try {
    // Whoever gives no token is not asked every two seconds; the button for it stays.
    const asks = !asked;
    asked = true;
    const overview = await read("overview", { asks, patience: PATIENCE });
    clock.set(overview.time);
    if (last && overview.time - last > MISSED) past.missed();
    last = overview.time;
    show(overview);
    link("live", "good");
  } catch (error) {
    if (error instanceof Refused) link(error.wantsToken ? "token needed" : error.message, "bad");
    else link("no answer", "bad");
    // What was seen last stays; where nothing has been, that it is not being looked at any more is said here too.
    if (!last) setText(byId("overall"), "Nothing seen yet");
  }
}

function show(overview) {
  const outputs = overview.cameras.flatMap((camera) => camera.streams.flatMap((stream) => stream.outputs));
  count = outputs.length;
  for (const output of outputs) past.see(output, overview.time);
  past.keepOnly(new Set(outputs.map((output) => output.key)));
  const { text, tone } = overall(outputs);
  setText(byId("overall"), text);
  setAttribute(byId("overall"), "data-tone", tone);
  const title = tone === "bad" || tone === "warn" ? `${text} – camcast` : "camcast";
  if (document.title !== title) document.title = title;
  const { totals } = overview;
  tile("On the air", `${totals.active} of ${totals.sessions}`);
  tile("Sending", rate(totals.bitrate));
  tile("Latency", totals.average_latency ? short(totals.average_latency) : "–");
  tile("Dropped", number(totals.frames_dropped));
  tile("Cameras", number(overview.cameras.length));
  tile("Running for", long(overview.uptime));
  beside.update(overview);
  void fleet.look(overview.in_fleet);
  log.know(overview.cameras);
  cards.update(overview);
  details.update(overview);
}

function tile(name, text) {
  let value = tiles.get(name);
  if (!value) {
    tiles.set(name, (value = el("dd")));
    byId("tiles").append(el("div", { class: "tile" }, el("dt", { text: name }), value));
  }
  setText(value, text);
}

function link(text, tone) {
  setText(byId("link"), text);
  setAttribute(byId("link"), "data-tone", tone);
  setAttribute(document.body, "data-stale", tone === "bad" ? "" : null);
}

const passed = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

async function run() {
  for (;;) {
    if (!document.hidden) await look();
    const rest = new Promise((resolve) => { news = resolve; });
    await passed(LOOK);
    if (count >= MANY && !details.key) await Promise.race([passed(LOOK), rest]);
  }
}

byId("reload").addEventListener("click", (event) => {
  const told = ({ changes }) => (changes.length ? changes.join("\n") : "Nothing has changed in the file.");
  void ask(event.currentTarget, "reload", { told, after: look });
});
byId("key").addEventListener("click", async () => {
  const given = await token.ask("The token is sent with everything that is asked from now on.");
  if (!given) return;
  try {
    await call("status", { given });
    say("The token is good for looking; whether it may change something is seen when it does.", "good");
  } catch (error) {
    say(error instanceof Refused ? error.message : "camcast does not answer.", "bad");
  }
  await look();
});
for (const button of document.querySelectorAll("[data-shows]")) {
  button.addEventListener("click", () => {
    document.body.dataset.view = button.dataset.shows;
    for (const one of document.querySelectorAll("[data-shows]")) setAttribute(one, "aria-pressed", String(one === button));
  });
}
document.addEventListener("visibilitychange", () => !document.hidden && void look());
setInterval(() => {
  if (document.hidden) return;
  cards.tick();
  details.tick();
}, 1000);

void run();
void look().then(() => {
  details.follow();
  void events.follow((some) => {
    log.heard(some);
    news();
  });
  void new Pictures(cards).run();
});
