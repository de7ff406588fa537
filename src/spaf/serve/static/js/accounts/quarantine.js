// The quarantine: records that were not accepted, each with its reason and its bytes.

import { arrows, keptOrExplained, known, say, sayIn, sentence, whenSeen } from "../core/ui.js";
import { quarantineRow } from "./quarantine_row.js";

const PAGE = 50;
// Reasons that are only counted have no record to show.
const NOT_KEPT = new Set(["not_read", "no_record", "array", "disagreement"]);

// Return the browser's element and what the accounts tell it.
export function mountQuarantine(app, section) {
  const view = new Quarantine(app);
  whenSeen(section, (seen) => seen && view.firstLook());
  app.on("language", () => view.draw());
  return {
    root: view.root,
    choose: (reason) => view.choose(reason),
    take: (accounts) => view.take(accounts),
  };
}

class Quarantine {
  constructor(app) {
    this.app = app;
    this.reason = "";
    this.reasons = [];
    this.rows = [];
    this.next = null;
    this.looked = false;
    this.asked = 0;
    this.count = null;
    this.told = null;
    this.accounts = null;
    this.#build();
  }

  #build() {
    const { app } = this;
    this.choice = app.el("select", { id: "quarantine-reason", "data-test": "quarantine-reason",
      onchange: () => this.choose(this.choice.value) });
    this.fresh = app.el("button", { type: "button",
      "data-test": "quarantine-refresh", onclick: () => this.load() });
    this.list = sayIn(app, app.el("div", { class: "q-list" }), "aria-label", "quarantine.title");
    this.point = arrows(this.list, "summary");
    this.empty = app.el("p", { class: "empty" });
    this.more = say(app, app.el("button", { type: "button", hidden: true,
      "data-test": "quarantine-more", onclick: () => this.loadMore() }), "panel.more");
    this.root = app.el("div", { class: "quarantine" },
      app.el("div", { class: "q-bar" }, say(app, app.el("h3"), "quarantine.title"),
        say(app, app.el("label", { for: "quarantine-reason" }), "quarantine.reason"), this.choice,
        this.fresh),
      this.list, this.empty, this.more);
    this.draw();
  }

  firstLook() {
    if (this.looked) return;
    this.looked = true;
    this.load();
  }

  // Learn of the reasons that there are and of records that came since the last look.
  take(accounts) {
    const { reasons = [], quarantine = {} } = accounts;
    this.accounts = accounts;
    const names = reasons.map(({ reason }) => reason).filter((name) => !NOT_KEPT.has(name));
    if (names.join() !== this.reasons.join()) {
      this.reasons = names;
      this.#drawChoice();
    }
    const came = (quarantine.explained ?? 0) - (this.count ?? quarantine.explained ?? 0);
    this.count ??= quarantine.explained ?? 0;
    if (came > 0 && !this.rows.length && this.looked) this.load();
    this.#drawFresh(came);
    if (!this.rows.length) this.#drawEmpty();
  }

  choose(reason) {
    this.reason = reason;
    this.looked = true;
    this.#drawChoice();
    this.load();
  }

  async load() {
    this.count = null;
    await this.#read(null);
  }

  async loadMore() {
    const first = this.rows.length;
    await this.#read(this.next);
    this.list.children[first]?.querySelector("summary")?.focus();
  }

  // Only the newest question may answer: an earlier one of another reason is passed over.
  async #read(before) {
    const { app } = this;
    this.asked += 1;
    const mine = this.asked;
    this.list.setAttribute("aria-busy", "true");
    try {
      const told = await app.api("/api/quarantine",
        { reason: this.reason || null, before, limit: PAGE });
      if (mine !== this.asked) return;
      this.rows = before === null ? told.rows : [...this.rows, ...told.rows];
      this.next = told.next;
      this.told = null;
      this.draw(before === null ? 0 : this.rows.length - told.rows.length);
    } catch (error) {
      if (mine !== this.asked) return;
      this.told = error;
      this.#drawEmpty();
    } finally {
      if (mine === this.asked) this.list.setAttribute("aria-busy", "false");
    }
  }

  draw(from = 0) {
    if (!from) {
      this.#drawChoice();
      this.list.replaceChildren();
    }
    this.list.append(...this.rows.slice(from).map((row) => quarantineRow(this.app, row)));
    this.point();
    this.#drawEmpty();
    this.#drawFresh(0);
  }

  #drawEmpty() {
    const { app, told } = this;
    this.more.hidden = this.next === null || this.next === undefined;
    this.empty.hidden = !told && this.rows.length > 0;
    this.empty.classList.toggle("failure", Boolean(told));
    app.put(this.empty, told ? sentence(app, told) : this.#emptyWords());
  }

  #emptyWords() {
    const { app } = this;
    if (!this.looked) return app.t("record.loading");
    if (this.reason) return app.t("quarantine.none_of_reason");
    return keptOrExplained(app, this.accounts, "quarantine.none");
  }

  #drawChoice() {
    const { app } = this;
    const names = this.reason && !this.reasons.includes(this.reason)
      ? [...this.reasons, this.reason] : this.reasons;
    this.choice.replaceChildren(
      app.el("option", { value: "", text: app.t("quarantine.all") }),
      ...names.map((name) => app.el("option", { value: name,
        text: known(app, `reason.${name}`, name) })));
    this.choice.value = this.reason;
  }

  #drawFresh(came) {
    this.fresh.textContent = came > 0
      ? this.app.t("quarantine.came", { n: this.app.number(came) }) : this.app.t("panel.refresh");
    this.fresh.classList.toggle("strong", came > 0);
  }
}
