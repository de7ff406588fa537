// The bytes of a record, shown in each way in which they can be read.

import { coloured, visible } from "../core/untrusted_text.js";

// Return the bytes as JSON, as text and as hex, as far as they are each, with a switch.
export function payload(app, record) {
  const ways = [["json", record.json, coloured],
    ["text", record.text, (_, text) => visible(app, text, { lines: true })],
    ["hex", record.hex, (_, text) => visible(app, text, { lines: true })]]
    .filter(([, value]) => value !== null && value !== undefined);
  if (!ways.length || (record.text === "" && !record.hex)) {
    const key = record.text === "" ? "record.empty" : "record.tombstone";
    return [app.el("p", { class: "empty", text: app.t(key) })];
  }
  const pre = app.el("pre", { class: "bytes", tabindex: "0", role: "group",
    "aria-label": app.t("record.content") });
  const tabs = app.el("div", { class: "choice", role: "group",
    "aria-label": app.t("record.shown_as") });
  const show = (way, value, paint) => {
    const painted = paint(app, value);
    pre.replaceChildren(...(Array.isArray(painted) ? painted : [painted]));
    for (const tab of tabs.children) {
      tab.setAttribute("aria-pressed", String(tab.dataset.way === way));
    }
  };
  for (const [way, value, paint] of ways) {
    tabs.append(app.el("button", { type: "button", "data-way": way, text: app.t(`record.${way}`),
      onclick: () => show(way, value, paint) }));
  }
  show(...ways[0]);
  const cut = record.cut ? [app.el("p", { class: "note", text: app.t("record.cut") })] : [];
  return [...(ways.length > 1 ? [tabs] : []), pre, ...cut];
}
