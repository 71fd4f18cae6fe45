// What outputs share, and what runs beside them: the budget of each uplink, and services that do not run.

import { byId, el, setAttribute, setChildren, setHidden, setText } from "./dom.js";
import { rate, uplinkStanding } from "./words.js";

class Uplink {
  constructor(name) {
    this.name = el("h3", { text: name });
    this.interface = el("span", { class: "small" });
    this.numbers = el("p", { class: "numbers" });
    this.used = el("progress", { max: "1", "aria-label": `How much of ${name} is used` });
    this.more = el("p", { class: "small" });
    this.why = el("p", { class: "why" });
    this.element = el("li", { class: "uplink", "data-uplink": name },
      el("div", { class: "uplink-head" }, this.name, this.interface), this.numbers, this.used, this.more, this.why);
  }

  update(uplink) {
    const { tone, why } = uplinkStanding(uplink);
    const { budget, sent, limit, outputs } = uplink;
    setAttribute(this.element, "data-tone", tone);
    setText(this.interface, uplink.interface);
    setText(this.numbers, `${rate(sent)} of ${budget ? rate(budget) : "what it bears"}`);
    setHidden(this.used, !budget);
    if (budget) setAttribute(this.used, "value", Math.min(1, sent / budget).toFixed(3));
    setText(this.more, `${outputs} ${outputs === 1 ? "output" : "outputs"} on the air${limit ? `, at most ${rate(limit)}` : ""}`);
    setText(this.why, why);
    setHidden(this.why, !why);
  }
}

export class Beside {
  constructor() {
    this.uplinks = new Map();
    this.services = new Map();
  }

  update({ uplinks, services }) {
    const links = uplinks.map((uplink) => {
      const one = kept(this.uplinks, uplink.name, () => new Uplink(uplink.name));
      one.update(uplink);
      return one.element;
    });
    setChildren(byId("uplinks"), links);
    setHidden(byId("uplinks"), !links.length);
    const away = services.filter((service) => service.state !== "running");
    setChildren(byId("services"), away.map((service) => {
      const line = kept(this.services, service.name, () => el("li", { "data-tone": "warn" }));
      setText(line, `Service ${service.name}: ${service.state}${service.last_error ? ` (${service.last_error})` : ""}`);
      return line;
    }));
    setHidden(byId("services"), !away.length);
  }
}

function kept(among, name, made) {
  if (!among.has(name)) among.set(name, made());
  return among.get(name);
}
