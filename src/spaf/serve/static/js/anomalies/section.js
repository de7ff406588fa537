// The anomalies: a feed that can be held, what is known of each, and how good the rules are.

import { KindFilter } from "./kind_filter.js";
import { headOf, rowOf } from "./anomaly_row.js";
import { AnomalyFeed, PAGE, isOfSecond } from "./anomaly_feed.js";
import { FeedPause } from "./feed_pause.js";
import { arrows, heading, say, sentence } from "../core/ui.js";
import { openRecord, openSecond } from "../kafka/record_dialog.js";
import { mountDetectionScore } from "./detection_score.js";

// Pages that one press of "older" asks for at most, while the filter lets none of them through.
const MAX_PAGES = 5;
// How long a new line stands out, ms.
const NEW_MS = 1_200;

// Build the section into its place on the page.
export function mount(section, app) {
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
    this.feed = new AnomalyFeed();
    this.limit = PAGE;
    this.anomalies = new WeakMap();
    this.root = app.el("div", { class: "anomalies" });
    this.#build();
    this.draw();
  }

  #build() {
    const { app } = this;
    this.chips = new KindFilter(app, this.feed, () => this.draw());
    this.hold = new FeedPause(app, this.feed, (waited) => this.#insert(waited));
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
    this.hold.whileRead(this.scroll, this.body);
    const bar = app.el("div", { class: "feed-bar" }, this.chips.root, this.hold.root);
    this.root.append(
      app.el("div", { class: "feed-side" }, bar, this.scroll,
        app.el("div", { class: "feed-foot" }, this.older, this.told)),
      mountDetectionScore(app),
    );
  }

  add(anomalies) {
    if (!anomalies.length) return;
    this.#insert(this.feed.add(anomalies));
    this.app.frame(() => this.chips.draw());
    this.hold.draw();
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
    else this.hold.draw();
  }

  draw() {
    this.chips.draw();
    this.hold.draw();
    const shown = this.#matching(this.feed.rows).slice(0, this.limit);
    this.body.replaceChildren(...shown.map((anomaly) => this.#row(anomaly)));
    this.#settle();
  }

  #matching(anomalies) {
    const wanted = this.chips.kind;
    return wanted ? anomalies.filter(({ kind }) => kind === wanted) : anomalies;
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
    const why = this.chips.kind ? "anomalies.none_of_kind" : "anomalies.none";
    this.empty.textContent = this.app.t(why);
    this.older.hidden = none && !this.feed.rows.length;
    this.point();
  }

  #row(anomaly) {
    const row = rowOf(this.app, anomaly);
    this.anomalies.set(row, anomaly);
    return row;
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
      for (let page = 0, more = true; more && page < MAX_PAGES; page += 1) {
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
