// The kinds of anomalies with how many there are, of which one can be picked out.

import { kindName, mark, sayIn } from "../core/ui.js";

// Always there; a kind that the job finds one day comes behind them.
const KINDS = ["high_price", "low_price", "bulk_quantity", "surge", "drought"];

// One button a kind, and one for all; `kind` is the chosen one or null, `choose` hears of a change.
export class KindFilter {
  constructor(app, feed, choose) {
    this.app = app;
    this.feed = feed;
    this.choose = choose;
    this.kind = null;
    this.root = sayIn(app, app.el("div", { class: "chips", role: "group" }), "aria-label",
      "anomalies.filter");
  }

  draw() {
    const { app, feed, root } = this;
    const extra = [...feed.counts.keys()].filter((kind) => !KINDS.includes(kind));
    const wanted = [null, ...KINDS, ...extra];
    if (root.childElementCount !== wanted.length) {
      root.replaceChildren(...wanted.map((kind) => this.#chip(kind)));
    }
    [...root.children].forEach((chip, i) => {
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
      this.choose();
    } }, ...(kind ? [mark(kind)] : []), app.el("span", { class: "chip-name" }),
    app.el("span", { class: "chip-count" }));
  }
}
