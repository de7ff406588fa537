// Why a record was not accepted, and its outcome under the contract, in the page's language.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { dateTime, duration, money, number } from "../core/format.js";
import { keyOfMessage, language, t } from "../core/i18n.js";
import { textOr } from "../core/ui.js";
import { foreign } from "../core/untrusted_text.js";

/**
 * Return why a record was not accepted, as a paragraph.
 *
 * The server writes it in English: the rule, then what the record has instead, then a guess at what was meant. The page
 * has its own text of the rule, of the known endings and of the guesses; another sentence is shown as it came.
 *
 * @param {string} reason
 * @param {string | null | undefined} explanation
 * @param {Hint | null | undefined} hint
 */
export function explanationOf(reason, explanation, hint) {
  return translated(reason, explanation ?? "", hint ?? null)
    ?? html`<p class="why" lang="en">${foreign(explanation ?? "")}</p>`;
}

/** @param {string} reason @param {string} explanation @param {Hint | null} hint */
function translated(reason, explanation, hint) {
  const rule = t(`rule.${reason}`, {}, "en");
  const guess = hint ? t(`hint.${hint.code}`, hint.values, "en") : "";
  if (language() === "en" || !explanation.startsWith(rule) || !explanation.endsWith(guess)) return null;
  const ending = explanation.slice(rule.length, explanation.length - guess.length).trim();
  const value = /^(\w+) is "([\s\S]*)"\.$/.exec(ending);
  const key = keyOfMessage("why.", ending);
  if (ending && !value && !key) return null;
  const rest = value ? html`${t("why.is", { name: value[1] })} ${foreign(`"${value[2]}"`)}.` : key ? t(key) : nothing;
  return html`<p class="why">${t(`rule.${reason}`)} ${rest}${
    hint ? html` ${foreign(t(`hint.${hint.code}`, hint.values))}` : nothing}</p>`;
}

/** Return the outcome of one sale of a record, as a list item. @param {Outcome} outcome */
export function outcomeLine(outcome) {
  const { outcome: name, reason, explanation, hint } = outcome;
  return html`<li class="outcome outcome-${name}"><strong>${textOr(`outcome.${name}`, name)}</strong>${
    reason ? ` · ${textOr(`reason.${reason}`, reason)}` : ""}${
    outcome.cents === undefined ? nothing : saleParts(/** @type {Sale} */ (outcome))}${
    explanation ? explanationOf(reason ?? name, explanation, hint) : nothing}</li>`;
}

/** @param {Sale} sale */
function saleParts(sale) {
  const total = t("outcome.sale", {
    n: number(sale.quantity), price: money(sale.unit_cents, sale.currency), total: money(sale.cents, sale.currency),
  });
  const late = sale.lateness_ms === undefined ? "" : ` · ${t("outcome.lateness", { late: duration(sale.lateness_ms) })}`;
  const eventTime = t("outcome.event_time", { time: dateTime(sale.event_ms) });
  return html` · ${total} · ${foreign(sale.category, { maxChars: 64 })} · ${eventTime}${late}`;
}
