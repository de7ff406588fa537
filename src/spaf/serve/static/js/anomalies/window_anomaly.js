// An unusual second: what was seen and expected, and the seconds around it.

import { numbers } from "./anomaly_values.js";
import { bar, sentence } from "../core/ui.js";

// Seconds that are drawn before and behind.
const BEFORE_S = 45;
const BEHIND_S = 15;
// The rule looks at so many seconds up to the one that it reports, and says the sum of those
// that stand out most, but not which.
const SPANS = [1, 2, 4, 8, 16];
// A sum of the chart's seconds is taken for the rule's if it is as near as this: the chart counts
// by the time of the sale, the rule by that of its arrival.
const NEAR = 0.1;
const SVG = "http://www.w3.org/2000/svg";

// Return seen and expected sales as two bars of one scale.
export function compare(app, anomaly) {
  const [seen, expected] = numbers(app, anomaly);
  const values = [["window.seen", seen, Number(anomaly.amount), "strong"],
    ["window.expected", expected, Number(anomaly.expected), ""]];
  const most = Math.max(...values.map(([, , value]) => value), 1);
  return app.el("dl", { class: "compare" }, ...values.flatMap(([key, text, value, extra]) => [
    app.el("dt", { text: app.t(key) }),
    app.el("dd", {}, app.el("span", { class: "n", text }), bar(app, value / most, extra))]));
}

// Draw the category's sales of the seconds around, those that the rule has looked at marked.
export async function drawStrip(app, anomaly, figure) {
  const { second, category } = anomaly;
  try {
    const told = await app.api("/api/history", { from: second - BEFORE_S, to: second + BEHIND_S });
    const counts = told.sales[told.categories.indexOf(category)];
    if (!counts || told.step !== 1) return;
    const last = second - told.from;
    const span = spanOf(counts, last, Number(anomaly.amount));
    const key = span > 1 ? "window.strip_of" : span ? "window.strip_one" : "window.strip";
    figure.replaceChildren(stripOf(counts, last, span, Number(anomaly.expected)),
      app.el("figcaption", { text: app.t(key, { n: app.number(span) }) }));
  } catch (error) {
    figure.replaceChildren(app.el("figcaption", { text: sentence(app, error) }));
  }
}

// Return over how many seconds the rule has summed, or 0 if none of its spans comes near.
export function spanOf(counts, last, seen) {
  const off = (span) => {
    const sum = counts.slice(Math.max(0, last - span + 1), last + 1).reduce((a, b) => a + b, 0);
    return Math.abs(sum - seen);
  };
  const best = SPANS.reduce((a, b) => (off(b) < off(a) ? b : a));
  return off(best) <= Math.max(seen * NEAR, 2) ? best : 0;
}

function stripOf(counts, last, span, expected) {
  const usual = span ? expected / span : 0;
  const most = Math.max(...counts, usual, 1);
  const svg = shape("svg", { viewBox: `0 0 ${counts.length * 8} 64`, preserveAspectRatio: "none",
    "aria-hidden": "true" });
  counts.forEach((count, i) => {
    const height = count ? Math.max((count / most) * 60, 1) : 0;
    const marked = i <= last && i > last - Math.max(span, 1);
    svg.append(shape("rect", { x: i * 8 + 1, y: 64 - height, width: 6, height,
      class: marked ? "strip-marked" : "strip-bar" }));
  });
  const y = 64 - (usual / most) * 60;
  const from = (last - span + 1) * 8;
  const line = { x1: from, x2: (last + 1) * 8, y1: y, y2: y, class: "strip-line" };
  if (span) svg.append(shape("line", line));
  return svg;
}

function shape(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
