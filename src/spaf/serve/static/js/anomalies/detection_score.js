// How good the rules are in this run: precision and recall per kind, and what the words mean.

import { changed, kindName, latest, mark, say } from "../core/ui.js";
import { rateNote } from "./rate_changes.js";
import { scoreText } from "../core/format.js";

// Return the table; it says in words when this run has no labels to be held against.
export function mountDetectionScore(app) {
  const body = app.el("tbody");
  const none = say(app, app.el("p", { class: "empty" }), "detection.none");
  const columns = ["kind", "found", "recall", "right", "precision"].map((name) => say(app,
    app.el("th", { scope: "col", class: name === "kind" ? "" : "n" }), `detection.col.${name}`));
  const table = app.el("table", { class: "score" },
    app.el("thead", {}, app.el("tr", {}, ...columns)), body);
  const meaning = app.el("dl", { class: "meaning" }, ...["precision", "recall"].flatMap((name) => [
    say(app, app.el("dt"), `detection.col.${name}`), say(app, app.el("dd"), `detection.${name}_means`)]));
  const caption = app.el("p", { class: "note" });
  const burst = say(app, app.el("p", { class: "note", hidden: true }), "detection.burst");
  latest(app, "score", (score) => {
    none.hidden = Boolean(score);
    table.hidden = meaning.hidden = !score;
    tellScore(app, caption);
    burst.hidden = !score?.kinds?.customer_burst;
    if (score && changed(body, [app.language(), score])) body.replaceChildren(...lines(app, score));
  });
  return app.el("aside", { class: "score-side" }, say(app, app.el("h3"), "detection.title"), none,
    table, meaning, burst, caption, rateNote(app));
}

// Say what the score of an alert is, and from which one on a sale or a second is told.
function tellScore(app, caption) {
  const { outlier_score: sale, surge_score: second } = app.get("snapshot")?.run ?? {};
  caption.hidden = !sale || !second;
  app.put(caption, app.t("detection.score_means", { sale: app.number(sale ?? 0, 1), second: app.number(second ?? 0, 1) }));
}

function lines(app, score) {
  const kinds = Object.entries(score.kinds ?? {});
  const all = { precision: score.precision, recall: score.recall };
  const sum = (name) => kinds.reduce((total, [, counts]) => total + (counts[name] ?? 0), 0);
  for (const name of ["labelled", "found", "alerts", "true_alerts"]) all[name] = sum(name);
  return [
    ...kinds.map(([kind, counts]) => line(app, counts, mark(kind), kindName(app, kind))),
    line(app, all, null, app.t("detection.all"), "total"),
  ];
}

function line(app, counts, shape, name, extra = "") {
  const { labelled = 0, found = 0, alerts = 0, true_alerts: right = 0 } = counts;
  return app.el("tr", { class: extra },
    app.el("th", { scope: "row" }, ...(shape ? [shape] : []), app.el("span", { text: name })),
    cell(app, of(app, found, labelled)), cell(app, share(counts.recall, found, labelled)),
    cell(app, of(app, right, alerts)), cell(app, share(counts.precision, right, alerts)));
}

function cell(app, text) {
  return app.el("td", { class: "n", text });
}

function of(app, part, whole) {
  return whole ? `${app.number(part)} / ${app.number(whole)}` : "–";
}

function share(told, part, whole) {
  const ratio = told ?? (whole ? part / whole : null);
  return ratio === null ? "–" : scoreText(ratio, 3);
}
