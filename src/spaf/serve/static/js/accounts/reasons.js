// Why a record was not accepted, and what the contract says of one, in the page's language.

import { inEnglish, keyOfMessage } from "../core/i18n.js";
import { known } from "../core/ui.js";
import { foreign } from "../core/untrusted_text.js";

// Return why a record was not accepted, as a paragraph.
//
// The server says it in English: the rule, then what the record has instead. The rule has words of
// its own here, and of what follows each form is known; another sentence is shown as it came.
export function explained(app, reason, explanation) {
  const english = app.el("p", { class: "why", lang: "en" }, foreign(app, explanation ?? ""));
  const said = inEnglish(`rule.${reason}`);
  if (app.language() === "en" || !said || !explanation?.startsWith(said)) return english;
  const rest = explanation.slice(said.length).trim();
  const found = /^(\w+) is "([\s\S]*)"\.$/.exec(rest);
  const ending = keyOfMessage("why.", rest);
  if (!found && rest && !ending) return english;
  const shell = app.el("p", { class: "why" }, `${app.t(`rule.${reason}`)} `);
  if (found) {
    shell.append(app.t("why.is", { name: found[1] }), " ", foreign(app, `"${found[2]}"`), ".");
  } else if (ending) {
    shell.append(app.t(ending));
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
