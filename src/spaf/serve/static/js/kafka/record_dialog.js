// The dialog of a record, read from Kafka, or of a second and its counts.

import { html, nothing, render } from "../../vendor/lit-html/lit-html.js";
import { outcomeLine } from "../accounts/reasons.js";
import { isOfSecond } from "../anomalies/anomaly_feed.js";
import { detectedAfter, isOfMinute, valuesOf } from "../anomalies/anomaly_values.js";
import { comparison, windowStrip } from "../anomalies/window_anomaly.js";
import { emit, on } from "../core/events.js";
import { bytes, dateTime, number } from "../core/format.js";
import { t } from "../core/i18n.js";
import { getJson } from "../core/server.js";
import { announce, byId, errorText, kindName, mark } from "../core/ui.js";
import { foreign } from "../core/untrusted_text.js";
import { envelope, facts, payload } from "./record.js";

const dialog = /** @type {HTMLDialogElement} */ (byId("record"));
/** @type {DialogView | null} */
let view = null;

on("payload", draw);
// A click outside of it closes it.
dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());

/** Open what is behind an anomaly: its record, or its second. @param {Anomaly} anomaly */
export function openAnomaly(anomaly) {
  if (isOfSecond(anomaly)) openSecond(anomaly);
  else openRecord({ partition: anomaly.partition ?? 0, offset: anomaly.offset ?? 0 }, anomaly);
}

/**
 * Open the record of a place in the topic of the sales.
 *
 * @param {{ partition: number, offset: number }} place
 * @param {Anomaly | null} anomaly what the job has reported of it
 */
export async function openRecord({ partition, offset }, anomaly = null) {
  const mine = open({
    title: titleOf(anomaly, "record.title"),
    sub: t("record.place", { partition: number(partition), offset: number(offset) }),
    body: () => html`<p class="loading">${t("record.loading")}</p>`,
    foot: () => nothing,
  });
  try {
    const record = await getJson("/api/record", { partition, offset });
    mine.body = () => recordParts(record, anomaly);
    mine.foot = () => recordButtons(record);
  } catch (error) {
    mine.body = () => html`<div class="failure" role="alert"><p>${errorText(error)}</p><button type="button"
      @click=${() => openRecord({ partition, offset }, anomaly)}>${t("panel.again")}</button></div>`;
  }
  draw();
}

/** @param {Anomaly} anomaly of a second */
async function openSecond(anomaly) {
  const ms = (anomaly.second ?? 0) * 1_000;
  /** @type {Content} */
  let strip = nothing;
  const ofMinute = isOfMinute(anomaly);
  open({
    title: titleOf(anomaly, "record.second_title"),
    sub: dateTime(ms),
    body: () => html`${summary(anomaly)}${comparison(anomaly)}<p class="note">${
      t(ofMinute ? "window.minute_note" : "window.note")}</p><figure
      class="strip">${strip}</figure>`,
    foot: () => html`<button type="button" @click=${() => browse({ time_ms: ms })}>${t("record.browse_second")}</button>`,
  });
  if (ofMinute) return;
  strip = await windowStrip(anomaly);
  draw();
}

/** @param {DialogView} next */
function open(next) {
  // What an earlier record has left must not be seen for a moment.
  render(nothing, dialog);
  view = next;
  draw();
  if (!dialog.open) dialog.showModal();
  return next;
}

function draw() {
  if (!view) return;
  render(html`<div class="record-frame"><header><h2 id="record-title">${view.title}</h2><span class="sub">${view.sub}</span><button
    type="button" autofocus @click=${() => dialog.close()}>${t("record.close")}</button></header><div class="record-body">${
    view.body()}</div><div class="record-foot">${view.foot()}</div></div>`, dialog);
}

/** @param {Anomaly | null} anomaly @param {string} key of the title without an anomaly */
function titleOf(anomaly, key) {
  return anomaly ? html`${mark(anomaly.kind)}${kindName(anomaly.kind)}` : t(key);
}

/** Return what the job has reported; the bars below show the sales of a second. @param {Anomaly} anomaly */
function summary(anomaly) {
  const { amount, expected, ratio, score } = valuesOf(anomaly);
  const ofSecond = isOfSecond(anomaly);
  const known = isOfMinute(anomaly) ? "record.known_after_minute" : ofSecond ? "record.known_after_second" : "record.known_after";
  return facts([
    [t("anomalies.col.category"), foreign(anomaly.category)],
    [t("anomalies.col.amount"), ofSecond ? null : amount],
    [t("anomalies.col.expected"), ofSecond ? null : expected],
    [t("anomalies.col.factor"), ratio],
    [t("anomalies.col.score"), score],
    [t(known), detectedAfter(anomaly)],
    [t("record.transaction"), anomaly.transaction_id ? foreign(anomaly.transaction_id) : null],
  ]);
}

/** @param {KafkaRecord} record @param {Anomaly | null} anomaly */
function recordParts(record, anomaly) {
  const { outcomes = [] } = record;
  return html`${anomaly ? summary(anomaly) : nothing}${facts([
    [t("record.partition"), number(record.partition)],
    [t("record.offset"), number(record.offset)],
    [t("record.appended"), dateTime(record.append_ms)],
    [t("record.bytes"), bytes(record.bytes)],
  ])}${record.headers ? facts(envelope(record), "record-envelope") : nothing}<div class="outcomes"><h3>${t("record.outcomes")}</h3>${
    outcomes.length ? html`<ul>${outcomes.map(outcomeLine)}</ul>` : html`<p class="empty">${t("record.no_outcome")}</p>`}</div>${
    payload(record)}`;
}

/** @param {KafkaRecord} record */
function recordButtons(record) {
  const { partition, offset } = record;
  return html`<button type="button" @click=${(/** @type {Event} */ event) => copy(event, record)}>${t("record.copy")}</button><button
    type="button" data-test="record-browse" @click=${() => browse({ partition, offset })}>${t("record.browse")}</button>`;
}

/** Copy the content of a record, and say so on the button. @param {Event} event @param {KafkaRecord} record */
async function copy({ currentTarget }, record) {
  const button = /** @type {HTMLElement} */ (currentTarget);
  const done = await navigator.clipboard.writeText(record.text ?? record.hex ?? "").then(() => true, () => false);
  const message = t(done ? "record.copied" : "record.not_copied");
  button.replaceChildren(message);
  announce(message);
}

/** Close the dialog and show a place in the Kafka panel. @param {LogPlace} place */
function browse(place) {
  dialog.close();
  emit("browse", place);
}
