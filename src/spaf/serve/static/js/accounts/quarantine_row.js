// One record of the quarantine: a line that opens where it stands.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { bytes, dateTime, duration, money } from "../core/format.js";
import { t } from "../core/i18n.js";
import { moment, textOr } from "../core/ui.js";
import { beginning, escaped, visible } from "../core/untrusted_text.js";
import { payload } from "../kafka/payload.js";
import { openRecord } from "../kafka/record_dialog.js";
import { explanationOf } from "./reasons.js";

// Characters of a record's text in its line.
const PREVIEW_CHARS = 160;

/** Return where a record is in the topic. @param {{ partition: number, offset: number }} record */
export function placeOf({ partition, offset }) {
  return `${partition}:${offset}`;
}

/**
 * Return the line; its content is drawn once it was opened.
 *
 * @param {QuarantineRow} row
 * @param {boolean} isOpened
 * @param {() => void} opened
 */
export function quarantineRow(row, isOpened, opened) {
  const toggled = (/** @type {Event} */ { target }) => /** @type {HTMLDetailsElement} */ (target).open && opened();
  return html`<details class="q-row" data-test="quarantine-row" data-key=${placeOf(row)} @toggle=${toggled}><summary>${
    moment(row.append_ms)}<span class="place">${placeOf(row)}</span><span class="q-reason">${
    textOr(`reason.${row.reason}`, row.reason)}</span>${preview(row)}</summary>${isOpened ? content(row) : nothing}</details>`;
}

/** @param {QuarantineRow} row */
function content(row) {
  const size = t("quarantine.size", { time: dateTime(row.append_ms), bytes: bytes(row.bytes) });
  return html`<div class="q-open">${explanationOf(row.reason, row.explanation, row.hint)}${lateSale(row)}${
    row.replays ? html`<p>${t("quarantine.replayed")}</p>` : nothing}${payload(row)}<p class="q-foot"><span
    class="dim">${size}</span><button type="button" class="link" @click=${() => openRecord(row)}>${
    t("quarantine.open")}</button></p></div>`;
}

/** @param {QuarantineRow} row */
function preview(row) {
  const text = row.text ?? row.hex;
  if (!text) return html`<span class="q-text none">${t(text === "" ? "record.empty" : "record.tombstone")}</span>`;
  return html`<bdi class="q-text">${visible(beginning(text, PREVIEW_CHARS))}</bdi>`;
}

/** @param {QuarantineRow} row */
function lateSale({ cents, currency, category, lateness_ms: lateness }) {
  if (cents === null || cents === undefined) return nothing;
  return html`<p>${t("quarantine.late_sale", {
    money: money(cents, currency ?? ""), category: escaped(category ?? "–"), late: duration(lateness),
  })}</p>`;
}
