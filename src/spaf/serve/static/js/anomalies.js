// The anomalies: a feed that can be held, what is known of each, and how good the rules are.

import { headOf, rowOf } from "./anomaly_row.js";
import { Feed, PAGE, isOfSecond } from "./feed.js";
import { arrows, heading, kindName, mark, say, sayIn, sentence } from "./panel.js";
import { WORDS } from "./panel_words.js";
import { openRecord, openSecond } from "./record.js";
import { mountScore } from "./score.js";

const KINDS = ["high_price", "low_price", "bulk_quantity", "surge", "drought"];
// Pages that one press of "older" asks for at most, while the filter lets none of them through.
const MOST_PAGES = 5;
// How long a new line stands out, ms.
const NEW_MS = 1_200;

// Build the section into its place on the page.
export function mount(section, app) {
  app.addWords(WORDS);
  const view = new Anomalies(app);
  section.append(heading(app, section, "anomalies.title"), view.root);
  const now = app.get("snapshot");
  if (now) view.restart(now.anomalies ?? []);
  app.on("snapshot", (data) => view.restart(data.anomalies ?? []));
  app.on("anomalies", (data) => view.add(data.anomalies ?? []));
  app.on("language", () => view.draw());
}

class Anomalies {
  constructor(app) {
    this.app = app;
    this.feed = new Feed();
    this.kind = null;
    this.reasons = new Set();
    this.limit = PAGE;
    this.anomalies = new WeakMap();
    this.root = app.el("div", { class: "anomalies" });
    this.#build();
    this.draw();
  }

  #build() {
    const { app } = this;
    this.chips = sayIn(app, app.el("div", { class: "chips", role: "group" }), "aria-label",
      "anomalies.filter");
    this.status = app.el("span", { class: "feed-status" });
    this.pause = app.el("button", { type: "button",
      "data-test": "anomalies-pause", onclick: () => this.#press() });
    this.body = app.el("tbody", { onclick: (event) => this.#click(event), onkeydown: (event) => {
      if (event.key === "Escape") document.activeElement.blur();
    } });
    this.point = arrows(this.body, ".row-open");
    this.empty = app.el("p", { class: "empty" });
    const table = app.el("table", { class: "feed" }, headOf(app), this.body);
    this.scroll = app.el("div", { class: "feed-scroll" }, table, this.empty);
    this.older = say(app, app.el("button", { type: "button",
      "data-test": "anomalies-older", onclick: () => this.#loadOlder() }), "anomalies.older");
    this.told = app.el("span", { class: "told", role: "status" });
    this.#holdWhileRead();
    const bar = app.el("div", { class: "feed-bar" }, this.chips,
      app.el("span", { class: "feed-pause" }, this.status, this.pause));
    this.root.append(
      app.el("div", { class: "feed-side" }, bar, this.scroll,
        app.el("div", { class: "feed-foot" }, this.older, this.told)),
      mountScore(app),
    );
  }

  // A row must not run away from a pointer, from the focus, or from who has scrolled to it.
  #holdWhileRead() {
    const { scroll, body } = this;
    scroll.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "mouse") this.#hold("pointer", true);
    });
    scroll.addEventListener("pointerleave", () => this.#hold("pointer", false));
    body.addEventListener("focusin", () => this.#hold("focus", true));
    body.addEventListener("focusout", () => this.#hold("focus", false));
    scroll.addEventListener("scroll", () => this.#hold("scroll", scroll.scrollTop > 8));
  }

  #press() {
    if (this.reasons.size && !this.reasons.has("button")) {
      this.scroll.scrollTop = 0;
      this.reasons.clear();
      this.#letGo();
    } else {
      this.#hold("button", !this.reasons.has("button"));
    }
  }

  #hold(reason, held) {
    if (held === this.reasons.has(reason)) return;
    if (held) this.reasons.add(reason);
    else this.reasons.delete(reason);
    if (!this.reasons.size) this.#letGo();
    else {
      this.feed.hold(true);
      this.#drawStatus();
    }
  }

  #letGo() {
    const waited = this.feed.hold(false);
    if (waited.length) this.#insert(waited);
    this.#drawStatus();
  }

  add(anomalies) {
    if (!anomalies.length) return;
    this.#insert(this.feed.add(anomalies));
    this.app.frame(() => this.#drawChips());
    this.#drawStatus();
  }

  // Take the oldest lines away, but not from under the focus.
  #trim() {
    const { body } = this;
    while (body.childElementCount > this.limit
      && !body.lastElementChild.contains(document.activeElement)) body.lastElementChild.remove();
  }

  // Begin with a snapshot's newest; what is already shown stays where it is.
  restart(anomalies) {
    this.feed.restart(anomalies);
    if (!this.feed.held) this.draw();
    else this.#drawStatus();
  }

  draw() {
    this.#drawChips();
    this.#drawStatus();
    const shown = this.#matching(this.feed.rows).slice(0, this.limit);
    this.body.replaceChildren(...shown.map((anomaly) => this.#row(anomaly)));
    this.#settle();
  }

  #matching(anomalies) {
    return this.kind ? anomalies.filter(({ kind }) => kind === this.kind) : anomalies;
  }

  #insert(fresh) {
    const shown = this.#matching(fresh).slice(0, this.limit);
    if (!shown.length) return;
    this.app.frame(() => {
      const rows = shown.map((anomaly) => this.#row(anomaly));
      for (const row of rows) row.classList.add("new");
      // Not a fade: one would paint the whole section sixty times a second.
      setTimeout(() => rows.forEach((row) => row.classList.remove("new")), NEW_MS);
      this.body.prepend(...rows);
      this.#trim();
      this.#settle();
    });
  }

  #settle() {
    const none = !this.body.childElementCount;
    this.empty.hidden = !none;
    this.empty.textContent = this.app.t(this.kind ? "anomalies.none_of_kind" : "anomalies.none");
    this.older.hidden = none && !this.feed.rows.length;
    this.point();
  }

  #row(anomaly) {
    const row = rowOf(this.app, anomaly);
    this.anomalies.set(row, anomaly);
    return row;
  }

  #drawChips() {
    const { app, feed } = this;
    const extra = [...feed.counts.keys()].filter((kind) => !KINDS.includes(kind));
    const wanted = [null, ...KINDS, ...extra];
    if (this.chips.childElementCount !== wanted.length) {
      this.chips.replaceChildren(...wanted.map((kind) => this.#chip(kind)));
    }
    [...this.chips.children].forEach((chip, i) => {
      const kind = wanted[i];
      chip.setAttribute("aria-pressed", String(kind === this.kind));
      const name = kind ? kindName(app, kind) : app.t("anomalies.all");
      app.put(chip.querySelector(".chip-name"), name);
      const n = kind ? feed.counts.get(kind) ?? 0 : feed.seen;
      app.put(chip.querySelector(".chip-count"), app.number(n));
    });
  }

  #chip(kind) {
    const { app } = this;
    return app.el("button", { type: "button", class: "chip", onclick: () => {
      this.kind = this.kind === kind ? null : kind;
      this.draw();
    } }, ...(kind ? [mark(kind)] : []), app.el("span", { class: "chip-name" }),
    app.el("span", { class: "chip-count" }));
  }

  #drawStatus() {
    const { app, reasons, feed } = this;
    const why = ["button", "focus", "pointer", "scroll"].find((reason) => reasons.has(reason));
    const n = app.number(feed.waiting.length);
    app.put(this.status, app.t(why ? `anomalies.held.${why}` : "anomalies.live", { n }));
    this.status.classList.toggle("held", Boolean(why));
    const go = feed.waiting.length ? "anomalies.go_on_n" : "anomalies.go_on";
    app.put(this.pause, app.t(why ? go : "anomalies.pause", { n }));
    this.pause.setAttribute("aria-pressed", String(reasons.has("button")));
  }

  #click(event) {
    const row = event.target.closest("tr");
    if (!row || marking(event, row)) return;
    row.querySelector("button").focus();
    const anomaly = this.anomalies.get(row);
    if (isOfSecond(anomaly)) openSecond(this.app, anomaly);
    else openRecord(this.app, { ...anomaly, anomaly });
  }

  async #loadOlder() {
    const { app, feed } = this;
    this.older.disabled = true;
    const shown = this.body.childElementCount;
    this.limit = shown + PAGE;
    try {
      for (let page = 0, more = true; more && page < MOST_PAGES; page += 1) {
        if (this.#matching(feed.rows).length >= this.limit) break;
        more = await this.#loadPage();
      }
      this.draw();
      const n = this.body.childElementCount - shown;
      this.#tell(n ? "anomalies.loaded" : feed.full ? "anomalies.full" : "anomalies.no_older", n);
    } catch (error) {
      this.told.textContent = sentence(app, error);
    } finally {
      this.older.disabled = false;
    }
  }

  // Load one page; return whether there may be more. The oldest millisecond is asked for again.
  async #loadPage() {
    const { app, feed } = this;
    const ask = async (before_ms) => (await app.api("/api/anomalies",
      { before_ms, limit: PAGE })).anomalies ?? [];
    const oldest = feed.oldestMs ?? Date.now();
    const page = await ask(oldest + 1);
    if (feed.addOlder(page)) return page.length >= PAGE && !feed.full;
    const next = page.length < PAGE ? [] : await ask(oldest);
    return feed.addOlder(next) > 0 && !feed.full;
  }

  #tell(key, n) {
    this.told.textContent = this.app.t(key, { n: this.app.number(n) });
  }
}

// Whether the click ends the marking of text in the row, to be copied.
function marking({ detail }, row) {
  const marked = getSelection();
  return detail > 0 && !marked.isCollapsed && row.contains(marked.anchorNode);
}
