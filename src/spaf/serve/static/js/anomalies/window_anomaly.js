// An anomaly of a second: its observed and expected sales, and the seconds around it.

import { html, nothing, svg } from "../../vendor/lit-html/lit-html.js";
import { number } from "../core/format.js";
import { t } from "../core/i18n.js";
import { getJson } from "../core/server.js";
import { bar, errorText } from "../core/ui.js";
import { valuesOf } from "./anomaly_values.js";

// Seconds that are drawn before and after.
const BEFORE_S = 45;
const AFTER_S = 15;
// The rule sums this many seconds up to the one that it reports. It reports the sum that deviates most, but not of
// how many seconds it is.
const SPANS = [1, 2, 4, 8, 16];
// A sum of the chart's seconds counts as the rule's if it is as near as this share: the chart counts by the time of
// the sale, the rule by that of its arrival.
const NEAR = 0.1;

/** Return observed and expected sales as two bars of one scale. @param {Anomaly} anomaly */
export function comparison(anomaly) {
  const [observed, expected] = [Number(anomaly.amount), Number(anomaly.expected)];
  const most = Math.max(observed, expected, 1);
  const texts = valuesOf(anomaly);
  return html`<dl class="compare"><dt>${t("window.seen")}</dt><dd><span class="n">${texts.amount}</span>${
    bar(observed / most, "strong")}</dd><dt>${t("window.expected")}</dt><dd><span class="n">${texts.expected}</span>${
    bar(expected / most)}</dd></dl>`;
}

/** Return the category's sales of the seconds around, those that the rule has summed marked. @param {Anomaly} anomaly */
export async function windowStrip(anomaly) {
  const second = anomaly.second ?? 0;
  try {
    const answer = await getJson("/api/history", { from: second - BEFORE_S, to: second + AFTER_S });
    const counts = answer.sales[answer.categories.indexOf(anomaly.category)];
    if (!counts || answer.step !== 1) return nothing;
    const last = second - answer.from;
    const span = spanOf(counts, last, Number(anomaly.amount));
    const text = span > 1 ? t("window.strip_of", { n: number(span) }) : t(span ? "window.strip_one" : "window.strip");
    return html`${strip(counts, last, span, Number(anomaly.expected))}<figcaption>${text}</figcaption>`;
  } catch (error) {
    return html`<figcaption>${errorText(error)}</figcaption>`;
  }
}

/**
 * Return how many seconds the rule has summed, or 0 if none of its sums is near.
 *
 * @param {number[]} counts
 * @param {number} last index of the second that it reports
 * @param {number} observed
 */
export function spanOf(counts, last, observed) {
  const error = (/** @type {number} */ span) => {
    const sum = counts.slice(Math.max(0, last - span + 1), last + 1).reduce((a, b) => a + b, 0);
    return Math.abs(sum - observed);
  };
  const best = SPANS.reduce((a, b) => (error(b) < error(a) ? b : a));
  return error(best) <= Math.max(observed * NEAR, 2) ? best : 0;
}

/** @param {number[]} counts @param {number} last @param {number} span @param {number} expected */
function strip(counts, last, span, expected) {
  const usual = span ? expected / span : 0;
  const most = Math.max(...counts, usual, 1);
  const y = 64 - (usual / most) * 60;
  const bars = counts.map((count, i) => {
    const height = count ? Math.max((count / most) * 60, 1) : 0;
    const isMarked = i <= last && i > last - Math.max(span, 1);
    return svg`<rect x=${i * 8 + 1} y=${64 - height} width="6" height=${height}
      class=${isMarked ? "strip-marked" : "strip-bar"}></rect>`;
  });
  const line = svg`<line class="strip-line" x1=${(last - span + 1) * 8} x2=${(last + 1) * 8} y1=${y} y2=${y}></line>`;
  return html`<svg viewBox="0 0 ${counts.length * 8} 64" preserveAspectRatio="none" aria-hidden="true">${bars}${
    span ? line : nothing}</svg>`;
}
