// One record: its line in a list, which opens where it stands, its key and headers, and its bytes in each way in which
// they can be read.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { emit } from "../core/events.js";
import { t } from "../core/i18n.js";
import { choice, moment } from "../core/ui.js";
import { beginning, coloured, foreign, visible } from "../core/untrusted_text.js";

// Characters of a record's text in its line.
const PREVIEW_CHARS = 200;
/** @type {Set<string>} keys of the records whose content is drawn */
const opened = new Set();
const WAYS = /** @type {const} */ (["json", "text", "hex"]);
/** @type {WeakMap<RecordValue, PayloadForm>} the way that was chosen for a record */
const chosen = new WeakMap();

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

/** Return the bytes as JSON, as text or as hex, with a choice of the ways that there are. @param {RecordValue} record */
export function payload(record) {
  const ways = WAYS.filter((way) => record[way] !== null && record[way] !== undefined);
  if (!ways.length || (record.text === "" && !record.hex)) {
    return html`<p class="empty">${t(record.text === "" ? "record.empty" : "record.tombstone")}</p>`;
  }
  const way = chosen.get(record) ?? ways[0];
  const value = record[way] ?? "";
  const shown = way === "json" ? coloured(value) : visible(value, { lines: true });
  const choose = (/** @type {PayloadForm} */ next) => {
    chosen.set(record, next);
    emit("payload", null);
  };
  return html`${ways.length > 1 ? choice(t("record.shown_as"), ways, {
    pressed: way, choose, text: (name) => t(`record.${name}`),
  }) : nothing}<pre class="bytes" tabindex="0" role="group" aria-label=${t("record.content")}>${shown}</pre>${
    record.cut ? html`<p class="note">${t("record.cut")}</p>` : nothing}`;
}

/** Return a record's key and headers, which no rule reads. @param {KafkaRecord} record @returns {Fact[]} */
export function envelope({ key, headers = [] }) {
  return [[t("messages.key"), bytesText(key)], ...headers.map(([name, value]) =>
    /** @type {Fact} */ ([html`${t("messages.header")} ${foreign(name)}`, bytesText(value)]))];
}

/** Return a key or a header value; one that is missing differs from an empty one. @param {string | null | undefined} value */
function bytesText(value) {
  return value === null || value === undefined ? html`<span class="dim">${t("messages.null")}</span>` : foreign(`"${value}"`);
}

/** Return a list of names and values; a value that is null is left out. @param {Fact[]} pairs @param {string} test */
export function facts(pairs, test = "") {
  return html`<dl class="facts" data-test=${test || nothing}>${pairs.filter(([, value]) => value !== null).map(([name, value]) =>
    html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
