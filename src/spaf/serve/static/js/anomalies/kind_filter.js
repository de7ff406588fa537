// The kinds of anomalies with their counts, of which one can be chosen.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { latest } from "../core/events.js";
import { number } from "../core/format.js";
import { t } from "../core/i18n.js";
import { kindName, mark } from "../core/ui.js";

/**
 * Return one button a kind, and one for all.
 *
 * @param {import("./anomaly_feed.js").AnomalyFeed} feed
 * @param {string | null} chosen
 * @param {(kind: string | null) => void} choose
 */
export function kindFilter(feed, chosen, choose) {
  const known = latest("snapshot")?.run.anomaly_kinds ?? [];
  const others = [...feed.counts.keys()].filter((kind) => !known.includes(kind));
  return html`<div class="chips" role="group" aria-label=${t("anomalies.filter")}>${[null, ...known, ...others].map((kind) =>
    html`<button type="button" class="chip" aria-pressed=${kind === chosen} @click=${() => choose(kind === chosen ? null : kind)}>${
      kind ? mark(kind) : nothing}<span class="chip-name">${kind ? kindName(kind) : t("anomalies.all")}</span><span
      class="chip-count">${number(kind ? feed.counts.get(kind) ?? 0 : feed.seen)}</span></button>`)}</div>`;
}
