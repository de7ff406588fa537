// One record as a line of a list, which opens where it stands.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { emit } from "../core/events.js";
import { t } from "../core/i18n.js";
import { moment } from "../core/ui.js";
import { beginning, visible } from "../core/untrusted_text.js";

// Characters of a record's text in its line.
const PREVIEW_CHARS = 200;
/** @type {Set<string>} keys of the records whose content is drawn */
const opened = new Set();

/** Return where a record is in the topic. @param {{ partition: number, offset: number }} record */
export function placeOf({ partition, offset }) {
  return `${partition}:${offset}`;
}

/**
 * Return the line; its content is drawn once it was opened.
 *
 * @param {KafkaRecord} record
 * @param {{ key: string, test: string, note: Content, content: () => Content, isOpen?: boolean }} how
 */
export function recordRow(record, { key, test, note, content, isOpen = false }) {
  const toggled = (/** @type {Event} */ { target }) => {
    if (!(/** @type {HTMLDetailsElement} */ (target).open) || opened.has(key)) return;
    opened.add(key);
    emit("payload", null);
  };
  return html`<details class="q-row" data-test=${test} data-key=${placeOf(record)} ?open=${isOpen}
    @toggle=${toggled}><summary>${moment(record.append_ms)}<span class="place">${placeOf(record)}</span>${note}${
    preview(record)}</summary>${isOpen || opened.has(key) ? html`<div class="q-open">${content()}</div>` : nothing}</details>`;
}

/** @param {KafkaRecord} record */
function preview({ text, hex }) {
  const shown = text ?? hex;
  if (!shown) return html`<span class="q-text none">${t(shown === "" ? "record.empty" : "record.tombstone")}</span>`;
  return html`<bdi class="q-text">${visible(beginning(shown, PREVIEW_CHARS))}</bdi>`;
}
