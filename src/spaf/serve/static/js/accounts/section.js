// The accounts: what was produced and what became of every record of it, as an equation.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";
import { latest } from "../core/events.js";
import { money, number, shareText } from "../core/format.js";
import { t } from "../core/i18n.js";
import { bar, noReasonsText, panel, sectionHead, textOr } from "../core/ui.js";
import { Quarantine } from "./quarantine.js";

// Terms of the equation in its order.
const TERMS = /** @type {const} */ (["accepted", "duplicates", "late", "rejected", "in_flight"]);
const COLUMNS = ["reason", "records", "kept"];

/** Build the section. @param {HTMLElement} section */
export function mount(section) {
  const place = document.createElement("div");
  place.className = "quarantine";
  const quarantine = new Quarantine(section, place);
  panel(section, ["accounts"], () => {
    const accounts = latest("accounts");
    section.classList.toggle("waiting", !accounts);
    // The page adds up for itself.
    const sum = TERMS.reduce((total, name) => total + (accounts?.[name] ?? 0), 0);
    const missing = accounts ? accounts.produced - sum || accounts.unaccounted : 0;
    const unused = accounts?.without_record ?? 0;
    return html`${sectionHead(section.id, t("accounts.title"))}${equation(accounts, missing)}
      <p class="verdict${missing ? " wrong" : ""}">${t(`accounts.${accounts ? missing ? "wrong" : "holds" : "waiting"}`, {
        n: number(missing) })}</p>${
        unused ? html`<p class="note" data-test="without-record">${
          t("accounts.without_record", { n: number(unused) })}</p>` : nothing}
      <div class="accounts-detail"><div class="accounts-side"><h3>${t("accounts.reasons")}</h3>${
        reasonTable(accounts, (reason) => quarantine.choose(reason))}<p class="note">${
        accounts ? progress(accounts.quarantine ?? {}) : ""}</p><h3>${t("accounts.late_money")}</h3><div
        class="late-money">${accounts ? lateMoney(accounts.late_money ?? {}) : nothing}</div></div>${place}</div>`;
  });
}

/** @param {Accounts | null} accounts @param {number} missing */
function equation(accounts, missing) {
  const balances = !accounts || missing === accounts.unaccounted;
  const line = (/** @type {keyof Accounts & string} */ name, /** @type {string} */ sign) => termLine(accounts, name, sign);
  return html`<table class="equation"><tbody class=${missing ? "wrong" : nothing}>${line("produced", "")}${
    TERMS.map((name) => line(name, name !== "accepted" ? "+" : balances ? "=" : "≠"))}${line("unaccounted", "")}</tbody></table>
    <div class="parts" aria-hidden="true">${TERMS.map((name) =>
      html`<span class="part-${name}" .style=${`flex-grow: ${accounts?.[name] ?? 0}`}></span>`)}</div>`;
}

/** @param {Accounts | null} accounts @param {keyof Accounts & string} name @param {string} sign */
function termLine(accounts, name, sign) {
  const n = Number(accounts?.[name] ?? 0);
  const isTerm = TERMS.some((term) => term === name);
  const share = accounts?.produced && n && isTerm ? shareText(n / accounts.produced, 2) : "";
  // Duplicates are a term only while sales are deduplicated.
  const isHidden = name === "duplicates" && !accounts?.deduplicating && !accounts?.duplicates;
  return html`<tr class="term term-${name}${n ? "" : " zero"}" ?hidden=${isHidden}><td class="term-sign"
    aria-hidden="true">${sign}</td><td class="n term-value" data-test=${name.replace("_", "-")}>${
    accounts ? number(n) : "–"}</td><th scope="row"><span class="swatch part-${name}"></span><span>${
    t(`accounts.${name}`)}</span></th><td class="n share">${share}</td></tr>`;
}

/** @param {Accounts | null} accounts @param {(reason: string) => void} choose */
function reasonTable(accounts, choose) {
  const reasons = (accounts?.reasons ?? []).toSorted((a, b) => b.records - a.records);
  const most = Math.max(...reasons.map(({ records }) => records), 1);
  return html`<table class="reasons"><thead><tr>${COLUMNS.map((name, i) =>
    html`<th scope="col" class=${i ? "n" : ""}>${t(`accounts.col.${name}`)}</th>`)}</tr></thead><tbody>${
    repeat(reasons, ({ reason }) => reason, ({ reason, records, kept }) => html`<tr data-reason=${reason}><th scope="row"><button
      type="button" class="link" title=${textOr(`rule.${reason}`, reason)} @click=${() => choose(reason)}>${
      textOr(`reason.${reason}`, reason)}</button>${bar(records / most)}</th><td class="n">${number(records)}</td><td
      class="n dim">${number(kept)}</td></tr>`)}${
    reasons.length || !accounts ? nothing : html`<tr><td colspan="3" class="empty">${
      noReasonsText(accounts, "accounts.no_reasons")}</td></tr>`}</tbody></table>`;
}

/** @param {Record<string, string>} amounts */
function lateMoney(amounts) {
  const currencies = Object.entries(amounts).toSorted(([a], [b]) => a.localeCompare(b));
  if (!currencies.length) return html`<p class="empty">${t("accounts.no_late")}</p>`;
  return html`<dl class="money">${currencies.map(([currency, cents]) =>
    html`<dt>${currency || t("accounts.no_currency")}</dt><dd class="n">${money(cents, currency)}</dd>`)}</dl>`;
}

/** Return how far the classification of the records is. @param {QuarantineState} state */
function progress({ explained = 0, kept = 0, waiting = 0, sampled = false }) {
  return [
    t("accounts.explained", { n: number(explained), kept: number(kept) }),
    waiting ? t("accounts.to_explain", { n: number(waiting) }) : "",
    sampled ? t("accounts.sampled") : "",
  ].filter(Boolean).join(" ");
}
