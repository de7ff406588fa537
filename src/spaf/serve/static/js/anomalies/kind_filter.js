// The kinds of anomalies with their counts, of which one can be chosen.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { latest } from "../core/events.js";
import { number } from "../core/format.js";
import { t } from "../core/i18n.js";
import { kindName, mark } from "../core/ui.js";

/** One button a kind, and one for all. */
export class KindFilter {
  /** @param {import("./anomaly_feed.js").AnomalyFeed} feed @param {() => void} changed */
  constructor(feed, changed) {
    this.feed = feed;
    this.changed = changed;
    /** @type {string | null} the chosen kind */
    this.kind = null;
  }

  /** Return those of the chosen kind. @param {Anomaly[]} anomalies */
  matching(anomalies) {
    return this.kind ? anomalies.filter(({ kind }) => kind === this.kind) : anomalies;
  }

  template() {
    const known = latest("snapshot")?.run.anomaly_kinds ?? [];
    const others = [...this.feed.counts.keys()].filter((kind) => !known.includes(kind));
    return html`<div class="chips" role="group" aria-label=${t("anomalies.filter")}>${
      [null, ...known, ...others].map((kind) => this.#button(kind))}</div>`;
  }

  /** @param {string | null} kind */
  #button(kind) {
    const n = kind ? this.feed.counts.get(kind) ?? 0 : this.feed.seen;
    const choose = () => {
      this.kind = this.kind === kind ? null : kind;
      this.changed();
    };
    return html`<button type="button" class="chip" aria-pressed=${kind === this.kind} @click=${choose}>${
      kind ? mark(kind) : nothing}<span class="chip-name">${kind ? kindName(kind) : t("anomalies.all")}</span><span
      class="chip-count">${number(n)}</span></button>`;
  }
}
