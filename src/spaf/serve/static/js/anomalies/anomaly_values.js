// The figures of an anomaly: money of a sale, or sales of a few seconds.

import { isOfSecond } from "./anomaly_feed.js";
import { amount as amountOf } from "../core/format.js";

// Return amount, expected amount, their ratio and the score, each as the kind has it.
export function numbers(app, anomaly) {
  const { amount, expected, score } = anomaly;
  const of = isOfSecond(anomaly)
    ? (value, digits) => app.number(Number(value), digits)
    : (value) => amountOf(value);
  const ratio = Number(expected) > 0 ? Number(amount) / Number(expected) : null;
  const shown = of(amount, 0);
  return [isOfSecond(anomaly) ? app.t("anomalies.n_sales", { n: shown }) : shown,
    of(expected, 1), ratio === null ? "–" : times(app, ratio), app.number(Number(score), 1)];
}

function times(app, ratio) {
  if (!ratio) return "×0";
  return `×${app.number(ratio, ratio >= 100 ? 0 : ratio >= 10 ? 1 : 2)}`;
}
