// The dialog of an anomaly: the record itself, read from Kafka, or the second and its counts.

import { numbers } from "../anomalies/anomaly_values.js";
import { knownAfter } from "../anomalies/anomaly_row.js";
import { isOfSecond } from "../anomalies/anomaly_feed.js";
import { kindName, mark, sentence } from "../core/ui.js";
import { payload } from "./payload.js";
import { outcomeLine } from "../accounts/reasons.js";
import { compare, drawStrip } from "../anomalies/window_anomaly.js";
import { foreign } from "../core/untrusted_text.js";

let dialog = null;

// Open the record of a place in the log; `anomaly`, if given, is what the job said of it.
export function openRecord(app, { partition, offset, anomaly = null }) {
  const frame = open(app, anomaly, app.t("record.title"), [
    place(app, partition, offset)]);
  const load = async () => {
    frame.body.replaceChildren(app.el("p", { class: "loading", text: app.t("record.loading") }));
    try {
      const record = await app.api("/api/record", { partition, offset });
      frame.body.replaceChildren(...recordParts(app, record, anomaly));
      frame.foot.replaceChildren(...recordButtons(app, record));
    } catch (error) {
      frame.body.replaceChildren(failure(app, error, load));
    }
  };
  load();
}

// Open the second of a surge or a drought.
export function openSecond(app, anomaly) {
  const at = anomaly.second * 1000;
  const frame = open(app, anomaly, app.t("record.second_title"), [app.dateTime(at)]);
  const strip = app.el("figure", { class: "strip" });
  frame.body.replaceChildren(summary(app, anomaly), compare(app, anomaly),
    app.el("p", { class: "note", text: app.t("window.note") }), strip);
  frame.foot.replaceChildren(app.el("button", { type: "button",
    text: app.t("record.browse_second"), onclick: () => {
      dialog.close();
      app.emit("browse", { time_ms: at });
    } }));
  drawStrip(app, anomaly, strip);
}

function open(app, anomaly, title, sub) {
  dialog ??= document.body.appendChild(app.el("dialog", { class: "record", id: "record",
    "aria-labelledby": "record-title", "data-test": "record-dialog",
    onclick: (event) => { if (event.target === dialog) dialog.close(); } }));
  const heading = app.el("h2", { id: "record-title" });
  heading.append(...(anomaly ? [mark(anomaly.kind), kindName(app, anomaly.kind)] : [title]));
  const body = app.el("div", { class: "record-body" });
  const foot = app.el("div", { class: "record-foot" });
  const close = app.el("button", { type: "button", autofocus: "",
    text: app.t("record.close"), onclick: () => dialog.close() });
  dialog.replaceChildren(app.el("div", { class: "record-frame" },
    app.el("header", {}, heading, app.el("span", { class: "sub" }, ...sub), close), body, foot));
  if (!dialog.open) dialog.showModal();
  return { body, foot };
}

function place(app, partition, offset) {
  return app.t("record.place", { partition: app.number(partition), offset: app.number(offset) });
}

function failure(app, error, again) {
  return app.el("div", { class: "failure", role: "alert" },
    app.el("p", { text: sentence(app, error) }),
    app.el("button", { type: "button", text: app.t("panel.again"),
      onclick: again }));
}

// Return what the job said. Of a second, the bars below tell what was seen and expected.
function summary(app, anomaly) {
  const [amount, expected, factor, score] = numbers(app, anomaly);
  const second = isOfSecond(anomaly);
  return facts(app, [
    ["anomalies.col.category", foreign(app, anomaly.category)],
    ...(second ? [] : [["anomalies.col.amount", amount], ["anomalies.col.expected", expected]]),
    ["anomalies.col.factor", factor],
    ["anomalies.col.score", score],
    [second ? "record.known_after_second" : "record.known_after",
      knownAfter(app, anomaly)],
    ...(anomaly.transaction_id
      ? [["record.transaction", foreign(app, anomaly.transaction_id)]] : []),
  ]);
}

function facts(app, pairs) {
  return app.el("dl", { class: "facts" }, ...pairs.map(([key, value]) => app.el("div", {},
    app.el("dt", { text: app.t(key) }), app.el("dd", {}, value))));
}

function recordParts(app, record, anomaly) {
  return [
    ...(anomaly ? [summary(app, anomaly)] : []),
    facts(app, [
      ["record.partition", app.number(record.partition)],
      ["record.offset", app.number(record.offset)],
      ["record.appended", app.dateTime(record.append_ms)],
      ["record.bytes", app.bytes(record.bytes)],
    ]),
    outcomes(app, record.outcomes ?? []),
    ...payload(app, record),
  ];
}

function outcomes(app, told) {
  return app.el("div", { class: "outcomes" }, app.el("h3", { text: app.t("record.outcomes") }),
    told.length ? app.el("ul", {}, ...told.map((outcome) => outcomeLine(app, outcome)))
      : app.el("p", { class: "empty", text: app.t("record.no_outcome") }));
}

function recordButtons(app, record) {
  const copy = app.el("button", { type: "button", text: app.t("record.copy"),
    onclick: async () => {
      const text = record.text ?? record.hex ?? "";
      const done = await navigator.clipboard.writeText(text).then(() => true, () => false);
      copy.textContent = app.t(done ? "record.copied" : "record.not_copied");
      app.announce(copy.textContent);
    } });
  return [copy, app.el("button", { type: "button", "data-test": "record-browse",
    text: app.t("record.browse"),
    onclick: () => {
      dialog.close();
      app.emit("browse", { partition: record.partition, offset: record.offset });
    } })];
}
