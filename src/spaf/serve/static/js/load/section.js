// The controls: start, stop and change the load, inject an anomaly now, and the way to the pages
// of Flink and Locust.

import {
  heading, kindName, known, latest, mark, say, sayIn, sentence, told as said,
} from "../core/ui.js";
import { parseRate, formatRate } from "./rate_input.js";
import { CATEGORIES } from "../core/catalogue.js";

const RATES = [10, 50, 100, 1_000];
// What Start begins with while nothing was chosen, sales a second.
const FIRST_RATE = 100;
const KINDS = ["price_x10", "price_x100", "price_div10", "bulk_quantity", "surge", "drought",
  "customer_burst"];
// An answer stays beside its button until it is old news, ms.
const TOLD_MS = 12_000;

// Build the section into its place on the page.
export function mount(section, app) {
  const view = new Controls(app, section);
  latest(app, "load", (load) => view.take(load));
  app.on("snapshot", () => view.know());
  view.know();
}

class Controls {
  constructor(app, section) {
    this.app = app;
    this.load = null;
    this.busy = false;
    this.rate = null;
    this.starting = false;
    this.sent = Promise.resolve();
    this.#build(section);
    app.on("language", () => {
      this.know();
      this.draw();
    });
  }

  #build(section) {
    const { app } = this;
    this.state = app.el("span", { class: "load-state", "data-test": "load-state" });
    this.start = app.el("button", { type: "button", class: "main", "data-test": "load-start",
      onclick: () => this.#toggle() });
    this.rates = sayIn(app, app.el("div", { class: "choice", role: "group" }), "aria-label",
      "controls.rate");
    this.rates.append(...RATES.map((rate) => app.el("button", { type: "button",
      "data-rate": rate, "data-test": `rate-${rate}`, onclick: () => this.#setRate(rate) })));
    this.own = sayIn(app, app.el("input", { inputmode: "numeric", autocomplete: "off", size: "6",
      id: "own-rate", "data-test": "rate-own", "aria-describedby": "controls-told",
      oninput: () => this.own.removeAttribute("aria-invalid") }), "placeholder", "controls.own");
    const form = app.el("form", { class: "own-rate", novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      this.#setRate(this.own.value.trim());
    } }, say(app, app.el("label", { for: "own-rate", class: "hidden" }), "controls.own_label"),
    this.own, say(app, app.el("button"), "controls.set"));
    this.category = app.el("select", { id: "inject-category", "data-test": "inject-category" },
      say(app, app.el("option", { value: "" }), "controls.any"),
      ...CATEGORIES.map((name) => app.el("option", { value: name, text: name })));
    this.kinds = app.el("div", { class: "inject", role: "group" });
    sayIn(app, this.kinds, "aria-label", "controls.inject");
    this.kinds.append(...KINDS.map((kind) => app.el("button", { type: "button",
      "data-kind": kind, "data-test": `inject-${kind}`, onclick: () => this.#inject(kind) },
    mark(kind), app.el("span"))));
    this.links = app.el("p", { class: "links" });
    this.told = app.el("p", { class: "told", id: "controls-told", "data-test": "controls-told" });
    section.append(app.el("div", { class: "controls" },
      heading(app, section, "controls.title", this.links, this.state),
      app.el("div", { class: "control-line" }, this.start, this.rates, form),
      app.el("div", { class: "control-line" },
        say(app, app.el("span", { class: "label" }), "controls.inject"), this.kinds,
        say(app, app.el("label", { for: "inject-category", class: "label" }), "controls.into"),
        this.category),
      this.told));
  }

  // Take the addresses of the neighbours' own pages; one that is away has none.
  know() {
    const { app } = this;
    const run = app.get("snapshot")?.run ?? {};
    const away = this.load?.state === "gone";
    const pages = Object.entries(run.links ?? {}).filter(([name, address]) =>
      /^https?:/.test(address) && !(name === "locust" && away));
    this.links.replaceChildren(...pages.map(([name, address]) => app.el("a", { href: address,
      rel: "noreferrer noopener", target: "_blank",
      text: app.t("controls.page_of", { name: app.t(`stage.${name}`) }) })));
  }

  take(load) {
    const turned = this.load?.state !== load?.state;
    this.load = load;
    if (turned) this.know();
    const running = load?.state === "running";
    const chosen = this.starting && running ? this.rate : null;
    if (running) this.starting = false;
    if (load?.rate && !this.busy && (running || this.rate === null)) this.rate = load.rate;
    this.draw();
    // Chosen after Start was pressed and before we heard that the load runs.
    if (chosen !== null && chosen !== load.rate) this.#setRate(chosen);
  }

  draw() {
    const { app, load } = this;
    const state = load?.state ?? "unknown";
    const away = state === "gone" || state === "unknown";
    const running = state === "running";
    app.put(this.state, this.#stateWords(state));
    this.state.dataset.state = state;
    app.put(this.start, app.t(running ? "controls.stop" : "controls.start"));
    this.start.classList.toggle("main", !running);
    this.start.disabled = away || this.busy;
    for (const button of this.rates.children) {
      const rate = Number(button.dataset.rate);
      app.put(button, app.number(rate));
      button.setAttribute("aria-pressed", String(rate === (this.rate ?? FIRST_RATE)));
      button.disabled = away;
    }
    this.own.disabled = away;
    this.own.nextElementSibling.disabled = away;
    this.category.disabled = !running;
    for (const button of this.kinds.children) {
      app.put(button.lastChild, kindName(app, button.dataset.kind));
      button.disabled = !running;
    }
    if (!this.told.textContent || this.hint) this.#hint(state);
  }

  #stateWords(state) {
    const { app, load } = this;
    const achieved = load?.achieved;
    return known(app, `controls.state.${state}`, state)
      .replace("{achieved}", app.number(achieved ?? 0, achieved < 10 ? 1 : 0))
      .replace("{rate}", formatRate(app, load?.rate ?? 0))
      + (load?.failed ? ` · ${app.t("controls.failed", { n: app.number(load.failed) })}` : "");
  }

  // Say why something cannot be pressed; an answer to what was pressed goes first.
  #hint(state) {
    const none = { gone: "controls.away", running: "", unknown: "" };
    const key = none[state] ?? "controls.not_running";
    this.hint = Boolean(key);
    this.told.classList.remove("wrong");
    this.app.put(this.told, key ? this.app.t(key) : "");
  }

  #toggle() {
    if (this.load?.state === "running") this.#send("/api/load", { action: "stop" }, "stopped");
    else this.#begin(this.rate ?? FIRST_RATE);
  }

  async #begin(rate) {
    this.rate = rate;
    this.starting = true;
    const done = await this.#send("/api/load", { action: "start", rate }, "started",
      { rate: formatRate(this.app, rate) });
    if (!done) this.starting = false;
  }

  // A rate that is none goes to the server as none, which says what is allowed.
  async #setRate(wanted) {
    const rate = typeof wanted === "number" ? wanted : parseRate(wanted);
    const own = !RATES.includes(rate);
    const vars = { rate: formatRate(this.app, rate) };
    if (this.load?.state !== "running" && rate !== null) {
      this.rate = rate;
      this.#tell(this.app.t("controls.rate_chosen", vars), false);
      this.draw();
      return;
    }
    const done = await this.#send("/api/load", { action: "rate", rate }, "rate_set", vars);
    if (done) this.rate = rate;
    else if (own) this.own.setAttribute("aria-invalid", "true");
    this.draw();
  }

  async #inject(kind) {
    const { app } = this;
    const category = this.category.value || null;
    const done = await this.#send("/api/inject", { kind, category }, null);
    if (!done) return;
    const where = done.category ?? category;
    const key = ["injected", where && "into", done.seconds && "for"].filter(Boolean).join("_");
    const words = (seconds) => [app.t(`controls.${key}`, { kind: kindName(app, kind),
      category: app.visible(where ?? ""), seconds: app.number(seconds) }),
    done.note && said(app, done.note)].filter(Boolean).join(" ");
    this.#tell(words(Math.ceil(done.seconds ?? 0)), false);
    if (done.seconds) this.#countDown(done.seconds, words);
  }

  // Let the words of an episode tell how much of it is left, and go with it.
  #countDown(seconds, words) {
    const end = performance.now() + seconds * 1_000;
    clearTimeout(this.fading);
    this.counting = setInterval(() => {
      const left = Math.ceil((end - performance.now()) / 1_000);
      if (left > 0) this.app.put(this.told, words(left));
      else this.#clear();
    }, 1_000);
  }

  // Send a change when the one before is answered: the server takes one at a time.
  #send(...change) {
    this.sent = this.sent.then(() => this.#sendNow(...change));
    return this.sent;
  }

  // Return the answer, or null where it was refused, which is told.
  async #sendNow(path, body, key, vars) {
    const { app } = this;
    this.busy = true;
    this.draw();
    try {
      const answer = await app.post(path, body);
      this.own.removeAttribute("aria-invalid");
      if (key) this.#tell(app.t(`controls.${key}`, vars), false);
      return answer ?? {};
    } catch (error) {
      this.#tell(sentence(app, error), true);
      return null;
    } finally {
      this.busy = false;
      this.draw();
    }
  }

  #tell(text, wrong) {
    this.hint = false;
    this.app.put(this.told, text);
    this.told.classList.toggle("wrong", wrong);
    this.app.announce(text);
    clearTimeout(this.fading);
    clearInterval(this.counting);
    this.fading = setTimeout(() => this.#clear(), TOLD_MS);
  }

  #clear() {
    clearInterval(this.counting);
    this.app.put(this.told, "");
    this.draw();
  }
}
