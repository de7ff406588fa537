// The figures of an anomaly: money of a sale, or sales or money of some seconds.

import { html } from "../../vendor/lit-html/lit-html.js";
import { latest } from "../core/events.js";
import { amount as moneyText, duration, number } from "../core/format.js";
import { t } from "../core/i18n.js";
import { orDash } from "../core/ui.js";
import { isOfSecond } from "./anomaly_feed.js";

/** Return amount, expected amount, their ratio and the score as texts. @param {Anomaly} anomaly */
export function valuesOf(anomaly) {
  const { amount, expected, score } = anomaly;
  // Of a kind that is unknown, by its window.
  const unit = latest("snapshot")?.run.kind_units?.[anomaly.kind] ?? (isOfSecond(anomaly) ? "sales" : "money");
  const isCount = unit === "sales";
  const ratio = Number(expected) > 0 ? Number(amount) / Number(expected) : null;
  return {
    amount: isCount ? t("anomalies.n_sales", { n: number(Number(amount)) }) : moneyText(amount),
    expected: isCount ? number(Number(expected), 1) : moneyText(Math.round(Number(expected))),
    ratio: orDash(ratio, (times) => `×${number(times, times >= 100 || !times ? 0 : times >= 10 ? 1 : 2)}`),
    score: number(Number(score), 1),
  };
}

/** Return whether an anomaly is of a minute. @param {Anomaly} anomaly */
export function isOfMinute(anomaly) {
  return (latest("snapshot")?.run.minute_kinds ?? []).includes(anomaly.kind);
}

/** Return how long after its sale or second an anomaly was detected. @param {Anomaly} anomaly */
export function detectedAfter({ known_after_ms: ms }) {
  if (ms !== null && ms !== undefined) return duration(ms);
  const why = t("anomalies.not_known");
  return html`<span title=${why}><span aria-hidden="true">–</span><span class="hidden">${why}</span></span>`;
}
