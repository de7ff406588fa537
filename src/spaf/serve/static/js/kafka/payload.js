// The bytes of a record, shown in each way in which they can be read.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { t } from "../core/i18n.js";
import { choice } from "../core/ui.js";
import { coloured, foreign, visible } from "../core/untrusted_text.js";
import { emit } from "../core/events.js";

const WAYS = /** @type {const} */ (["json", "text", "hex"]);
/** @type {WeakMap<RecordValue, PayloadForm>} the way that was chosen for a record */
const chosen = new WeakMap();

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

/** Return the names and values of a record's key and headers, which no rule reads. @param {KafkaRecord} record @returns {[Content, Content][]} */
export function envelope({ key, headers = [] }) {
  return [[t("messages.key"), bytesText(key)], ...headers.map(([name, value]) =>
    /** @type {[Content, Content]} */ ([html`${t("messages.header")} ${foreign(name)}`, bytesText(value)]))];
}

/** Return a key or a header value; one that is missing differs from an empty one. @param {string | null | undefined} value */
function bytesText(value) {
  return value === null || value === undefined ? html`<span class="dim">${t("messages.null")}</span>` : foreign(`"${value}"`);
}

/** Return a list of names and values. @param {[name: Content, value: Content][]} pairs @param {string} test */
export function facts(pairs, test = "") {
  return html`<dl class="facts" data-test=${test || nothing}>${pairs.map(([name, value]) =>
    html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
