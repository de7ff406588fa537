// One anomaly as a line of the feed.

import { numbers } from "./anomaly_values.js";
import { keyOf } from "./anomaly_feed.js";
import { kindName, mark, say, when } from "../core/ui.js";
import { foreign } from "../core/untrusted_text.js";

const COLUMNS = ["kind", "category", "amount", "expected", "factor", "score", "known_after", "at"];
const NUMBERS = new Set(["amount", "expected", "factor", "score", "known_after", "at"]);
// Characters of a category; a sale has no longer one.
const MAX_CATEGORY_CHARS = 64;

// Return the head of the feed.
export function headOf(app) {
  const cells = COLUMNS.map((name) => say(app,
    app.el("th", { scope: "col", class: classOf(name) }), `anomalies.col.${name}`));
  return app.el("thead", {}, app.el("tr", {}, ...cells));
}

// Return the line of an anomaly; its button takes the focus.
export function rowOf(app, anomaly) {
  const open = app.el("button", { type: "button", class: "row-open", tabindex: "-1",
    "aria-haspopup": "dialog" }, mark(anomaly.kind),
  app.el("span", { text: kindName(app, anomaly.kind) }));
  const cells = [open, foreign(app, anomaly.category, { longest: MAX_CATEGORY_CHARS }),
    ...numbers(app, anomaly), knownAfter(app, anomaly),
    when(app, anomaly.detected_ms)];
  return app.el("tr", { class: `kind-${anomaly.kind}`, "data-test": "anomaly",
    "data-key": keyOf(anomaly), "data-kind": anomaly.kind },
  ...cells.map((cell, i) => app.el("td", { class: classOf(COLUMNS[i]) }, cell)));
}

// Return how long after its sale or second an anomaly was known; a dash says why it is not.
export function knownAfter(app, { known_after_ms: ms }) {
  if (ms !== null && ms !== undefined) return app.duration(ms);
  const why = app.t("anomalies.not_known");
  return app.el("span", { title: why }, app.el("span", { "aria-hidden": "true", text: "–" }),
    app.el("span", { class: "hidden", text: why }));
}

function classOf(name) {
  return NUMBERS.has(name) ? `n col-${name}` : `col-${name}`;
}
