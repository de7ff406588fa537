// Parts of the feed: the kinds with their counts, of which one can be chosen, and an anomaly as a row.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { latest } from "../core/events.js";
import { number } from "../core/format.js";
import { t } from "../core/i18n.js";
import { kindName, mark, moment } from "../core/ui.js";
import { foreign } from "../core/untrusted_text.js";
import { isOfSecond, keyOf } from "./anomaly_feed.js";
import { detectedAfter, valuesOf } from "./anomaly_values.js";

const COLUMNS = ["kind", "category", "amount", "expected", "factor", "score", "known_after", "at"];
const TEXTS = new Set(["kind", "category"]);
// The contract allows no longer category.
const MAX_CATEGORY_CHARS = 64;

/** @param {string} column */
const classOf = (column) => `${TEXTS.has(column) ? "" : "n "}col-${column}`;

/** Return the head of the feed. */
export function feedHead() {
  return html`<thead><tr>${COLUMNS.map((column) =>
    html`<th scope="col" class=${classOf(column)}>${t(`anomalies.col.${column}`)}</th>`)}</tr></thead>`;
}

/** Return the row of an anomaly; its button takes the focus. @param {Anomaly} anomaly @param {boolean} isNew */
export function anomalyRow(anomaly, isNew) {
  const { amount, expected, ratio, score } = valuesOf(anomaly);
  const open = html`<button type="button" class="row-open" tabindex="-1" aria-haspopup="dialog">${
    mark(anomaly.kind)}<span>${kindName(anomaly.kind)}</span></button>`;
  const cells = [open, foreign(anomaly.category, { maxChars: MAX_CATEGORY_CHARS }), amount, expected, ratio, score,
    detectedAfter(anomaly), moment(anomaly.detected_ms)];
  const subject = isOfSecond(anomaly) ? "of-second" : "of-sale";
  return html`<tr class="${subject}${isNew ? " new" : ""}" data-test="anomaly" data-key=${keyOf(anomaly)}
    data-kind=${anomaly.kind}>${cells.map((cell, i) => html`<td class=${classOf(COLUMNS[i])}>${cell}</td>`)}</tr>`;
}

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
