// One record of the quarantine: a line, opened where it stands.

import { known, when } from "../core/ui.js";
import { payload } from "../kafka/payload.js";
import { explained } from "./reasons.js";
import { openRecord } from "../kafka/record_dialog.js";
import { beginning, escaped, visible } from "../core/untrusted_text.js";

// Of a record's text so much stands in its line before it is opened, characters.
const PREVIEW = 160;

// Return the line; what is inside is built when it is opened.
export function quarantineRow(app, row) {
  const place = `${row.partition}:${row.offset}`;
  const details = app.el("details", { class: "q-row", "data-test": "quarantine-row",
    "data-key": place }, app.el("summary", {}, when(app, row.append_ms),
    app.el("span", { class: "place", text: place }),
    app.el("span", { class: "q-reason", text: known(app, `reason.${row.reason}`, row.reason) }),
    preview(app, row)));
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(opened(app, row));
  });
  return details;
}

function opened(app, row) {
  const note = (text) => app.el("p", { text });
  return app.el("div", { class: "q-open" },
    explained(app, row.reason, row.explanation),
    row.cents === null || row.cents === undefined ? null : note(lateSale(app, row)),
    row.replays ? note(app.t("quarantine.replayed")) : null,
    ...payload(app, row),
    app.el("p", { class: "q-foot" },
      app.el("span", { class: "dim", text: app.t("quarantine.size", {
        time: app.dateTime(row.append_ms), bytes: app.bytes(row.bytes) }) }),
      app.el("button", { type: "button", class: "link", text: app.t("quarantine.open"),
        onclick: () => openRecord(app, row) })));
}

function preview(app, row) {
  const text = row.text ?? row.hex;
  if (text === null || text === undefined) {
    return app.el("span", { class: "q-text none", text: app.t("record.tombstone") });
  }
  if (!text) return app.el("span", { class: "q-text none", text: app.t("record.empty") });
  const shell = app.el("bdi", { class: "q-text" });
  shell.append(...visible(app, beginning(text, PREVIEW)));
  return shell;
}

function lateSale(app, row) {
  return app.t("quarantine.late_sale", { money: app.money(row.cents, row.currency),
    category: escaped(row.category ?? "–"), late: app.duration(row.lateness_ms) });
}
