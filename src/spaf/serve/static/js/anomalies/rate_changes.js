// When the load was given another rate while this page was open: nothing labels what that does to the traffic.

import { html } from "../../vendor/lit-html/lit-html.js";
import { latest, on } from "../core/events.js";
import { time } from "../core/format.js";
import { t } from "../core/i18n.js";
import { now } from "../core/state.js";

// The latest moments that are named, so that a day of changes stays a sentence.
const MAX_NAMED = 3;

/** The moments of changes, ms, oldest first. A stop is a rate of zero; another run begins anew. */
export class RateChanges {
  constructor() {
    /** @type {number[]} */
    this.moments = [];
    /** @type {number | null} */
    this.rate = null;
    /** @type {number | null} */
    this.run = null;
  }

  /**
   * Take over the load's newest state; one without a rate changes nothing.
   *
   * @param {Load | null} load
   * @param {number | null} run when it started
   * @param {number} nowMs
   */
  take(load, run, nowMs) {
    if (run !== this.run) {
      this.moments = [];
      this.rate = null;
      this.run = run;
    }
    const rate = load?.state === "running" ? load.rate : load?.state === "stopped" ? 0 : null;
    if (rate === null || rate === this.rate) return;
    if (this.rate !== null) this.moments.push(nowMs);
    this.rate = rate;
  }
}

const changes = new RateChanges();

const take = (/** @type {Load | null} */ load) => changes.take(load, latest("snapshot")?.run.started_ms ?? null, now());

on("load", take);
take(latest("load"));

/** Return a note that names the latest changes, hidden while there are none. */
export function rateNote() {
  const times = changes.moments.slice(-MAX_NAMED).map(time).join(", ");
  return html`<p class="note" ?hidden=${!times} data-test="rate-changed">${t("detection.rate_changed", { times })}</p>`;
}
