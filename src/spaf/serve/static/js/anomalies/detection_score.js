// How accurate the rules are in this run: precision and recall of each kind, and what the terms mean.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { latest } from "../core/events.js";
import { number, scoreText } from "../core/format.js";
import { t } from "../core/i18n.js";
import { kindName, mark, orDash } from "../core/ui.js";
import { rateNote } from "./rate_changes.js";

const COLUMNS = ["kind", "found", "recall", "right", "precision"];
const COUNTS = /** @type {const} */ (["labelled", "found", "alerts", "true_alerts"]);

/** Return the table, or what says that this run has no labels. @param {Score | null} score */
export function detectionScore(score) {
  const run = latest("snapshot")?.run;
  return html`<h3>${t("detection.title")}</h3><p class="empty" ?hidden=${Boolean(score)}>${
    t("detection.none")}</p>${score ? table(score) : nothing}<p class="note" ?hidden=${!score?.kinds.customer_burst}>${
    t("detection.burst")}</p><p class="note" ?hidden=${!run?.outlier_score || !run.surge_score}>${t("detection.score_means", {
    sale: number(run?.outlier_score ?? 0, 1), second: number(run?.surge_score ?? 0, 1),
    minute: number(run?.series_score ?? 0, 1),
  })}</p>${rateNote()}`;
}

/** @param {Score} score */
function table(score) {
  const kinds = Object.entries(score.kinds);
  const sum = (/** @type {typeof COUNTS[number]} */ name) => kinds.reduce((total, [, counts]) => total + (counts[name] ?? 0), 0);
  const all = /** @type {KindScore} */ ({
    precision: score.precision, recall: score.recall, ...Object.fromEntries(COUNTS.map((name) => [name, sum(name)])),
  });
  return html`<table class="score"><thead><tr>${COLUMNS.map((name, i) =>
    html`<th scope="col" class=${i ? "n" : ""}>${t(`detection.col.${name}`)}</th>`)}</tr></thead>
    <tbody>${kinds.map(([kind, counts]) => line(counts, html`${mark(kind)}<span>${kindName(kind)}</span>`))}${
      line(all, html`<span>${t("detection.all")}</span>`, "total")}</tbody></table>
    <dl class="meaning"><dt>${t("detection.col.precision")}</dt><dd>${t("detection.precision_means")}</dd><dt>${
      t("detection.col.recall")}</dt><dd>${t("detection.recall_means")}</dd></dl>`;
}

/** @param {KindScore} counts @param {Template} name @param {string} extra class */
function line(counts, name, extra = "") {
  const { labelled = 0, found = 0, alerts = 0, true_alerts: right = 0 } = counts;
  const cells = [...shares(counts.recall, found, labelled), ...shares(counts.precision, right, alerts)];
  return html`<tr class=${extra}><th scope="row">${name}</th>${cells.map((cell) => html`<td class="n">${cell}</td>`)}</tr>`;
}

/** Return a part and its whole, and their ratio. @param {number | null | undefined} ratio @param {number} part @param {number} whole */
function shares(ratio, part, whole) {
  return [
    whole ? `${number(part)} / ${number(whole)}` : "–",
    orDash(ratio ?? (whole ? part / whole : null), (value) => scoreText(value, 3)),
  ];
}
