// Why a record was not accepted, and what the contract says of one, in the page's language.

import { known } from "../core/ui.js";
import { WORDS } from "../core/panel_words.js";
import { foreign } from "../core/untrusted_text.js";

// What may follow the rule in a sentence of the server, and the words for it here.
const ENDS = {
  "": null,
  "It has no value at all: a tombstone.": "why.tombstone",
  "It is empty.": "why.empty",
  "It has none that can be read.": "why.none",
};

// Return why a record was not accepted, as a paragraph.
//
// The server says it in English: the rule, then what the record has instead. The rule has words of
// its own here, and of what follows each form is known; another sentence is shown as it came.
export function explained(app, reason, explanation) {
  const english = app.el("p", { class: "why", lang: "en" }, foreign(app, explanation ?? ""));
  const said = WORDS.en[`rule.${reason}`];
  if (app.language() === "en" || !said || !explanation?.startsWith(said)) return english;
  const rest = explanation.slice(said.length).trim();
  const found = /^(\w+) is "([\s\S]*)"\.$/.exec(rest);
  if (!found && ENDS[rest] === undefined) return english;
  const shell = app.el("p", { class: "why" }, `${app.t(`rule.${reason}`)} `);
  if (found) {
    shell.append(app.t("why.is", { name: found[1] }), " ", foreign(app, `"${found[2]}"`), ".");
  } else if (ENDS[rest]) {
    shell.append(app.t(ENDS[rest]));
  }
  return shell;
}

// Return what the contract says of one sale of a record, as a list item.
export function outcomeLine(app, told) {
  const { outcome, reason, explanation } = told;
  const line = app.el("li", { class: `outcome outcome-${outcome}` },
    app.el("strong", { text: known(app, `outcome.${outcome}`, outcome) }));
  if (reason) line.append(` · ${known(app, `reason.${reason}`, reason)}`);
  if (told.cents !== undefined) line.append(" · ", ...saleParts(app, told));
  if (explanation) line.append(explained(app, reason ?? outcome, explanation));
  return line;
}

function saleParts(app, sale) {
  const money = (cents) => app.money(cents, sale.currency);
  const counted = app.t("outcome.sale", { n: app.number(sale.quantity),
    price: money(sale.unit_cents), total: money(sale.cents) });
  const late = sale.lateness_ms === undefined ? ""
    : ` · ${app.t("outcome.lateness", { late: app.duration(sale.lateness_ms) })}`;
  return [counted, " · ", foreign(app, sale.category, { longest: 64 }),
    ` · ${app.t("outcome.event_time", { time: app.dateTime(sale.event_ms) })}${late}`];
}
