// The accounts: what was produced, and what became of every record of it, as an equation.

import { bar, changed, fill, heading, keptOrExplained, known, latest, say } from "../core/ui.js";
import { mountQuarantine } from "./quarantine.js";
import { shareText } from "../core/format.js";

// Terms of the equation in its order; `duplicates` only while sales are deduplicated.
const TERMS = ["accepted", "duplicates", "late", "rejected", "in_flight"];

// Build the section into its place on the page.
export function mount(section, app) {
  const equation = app.el("tbody");
  const parts = app.el("div", { class: "parts", "aria-hidden": "true" });
  const verdict = app.el("p", { class: "verdict" });
  const money = app.el("div", { class: "late-money" });
  const reasons = app.el("tbody");
  const waits = app.el("p", { class: "note" });
  const quarantine = mountQuarantine(app, section);
  const draw = equationOf(app, equation, parts);
  const drawReasons = reasonsOf(app, reasons, quarantine.choose);
  latest(app, "accounts", (accounts) => {
    section.classList.toggle("waiting", !accounts);
    draw(accounts);
    judge(app, accounts, equation, verdict);
    if (!accounts) return;
    if (changed(money, [app.language(), accounts.late_money])) {
      money.replaceChildren(...lateMoney(app, accounts.late_money ?? {}));
    }
    drawReasons(accounts);
    app.put(waits, stateOf(app, accounts.quarantine ?? {}));
    quarantine.take(accounts);
  });
  section.append(heading(app, section, "accounts.title"),
    app.el("table", { class: "equation" }, equation), parts, verdict,
    app.el("div", { class: "accounts-detail" },
      app.el("div", { class: "accounts-side" },
        say(app, app.el("h3"), "accounts.reasons"), reasonTable(app, reasons), waits,
        say(app, app.el("h3"), "accounts.late_money"), money),
      quarantine.root));
}

// Return what draws the equation; its elements stay, so nothing jumps as numbers change.
function equationOf(app, box, parts) {
  const lines = ["produced", ...TERMS, "unaccounted"].map((name) => equationLine(app, box, name));
  const fills = TERMS.map((name) => parts.appendChild(app.el("span", { class: `part-${name}` })));
  return (accounts) => {
    for (const { name, line, value, share } of lines) {
      const n = accounts?.[name] ?? 0;
      app.put(value, accounts ? app.number(n) : "–");
      app.put(share, accounts && TERMS.includes(name) ? shareOf(n, accounts.produced) : "");
      line.classList.toggle("zero", !n);
    }
    const doubles = Boolean(accounts?.deduplicating || accounts?.duplicates);
    lines.find(({ name }) => name === "duplicates").line.hidden = !doubles;
    TERMS.forEach((name, i) => fills[i].style.setProperty("flex-grow", accounts?.[name] ?? 0));
  };
}

function equationLine(app, box, name) {
  const sign = { produced: "", accepted: "=", unaccounted: "" }[name] ?? "+";
  const value = app.el("td", { class: "n term-value", "data-test": name.replace("_", "-") });
  const share = app.el("td", { class: "n share" });
  const line = app.el("tr", { class: `term term-${name}` },
    app.el("td", { class: "term-sign", "aria-hidden": "true", text: sign }), value,
    app.el("th", { scope: "row" }, app.el("span", { class: `swatch part-${name}` }),
      say(app, app.el("span"), `accounts.${name}`)), share);
  box.append(line);
  return { name, line, value, share };
}

function shareOf(n, whole) {
  return whole && n ? shareText(n / whole, 2) : "";
}

// Say whether the equation holds: the page adds up for itself.
function judge(app, accounts, box, verdict) {
  if (!accounts) {
    app.put(verdict, app.t("accounts.waiting"));
    return;
  }
  const sum = TERMS.reduce((total, name) => total + (accounts[name] ?? 0), 0);
  const off = accounts.produced - sum;
  const wrong = off !== 0 || accounts.unaccounted !== 0;
  box.classList.toggle("wrong", wrong);
  verdict.classList.toggle("wrong", wrong);
  box.querySelector(".term-accepted .term-sign").textContent = off ? "≠" : "=";
  const text = app.t(wrong ? "accounts.wrong" : "accounts.holds",
    { n: app.number(off || accounts.unaccounted) });
  app.put(verdict, text);
}

function reasonTable(app, body) {
  const columns = ["reason", "records", "kept"].map((name) => say(app,
    app.el("th", { scope: "col", class: name === "reason" ? "" : "n" }), `accounts.col.${name}`));
  return app.el("table", { class: "reasons" },
    app.el("thead", {}, app.el("tr", {}, ...columns)), body);
}

// Return what draws the reasons; a line stays as long as its reason does, and keeps the focus.
function reasonsOf(app, body, choose) {
  const lines = new Map();
  const words = app.el("td", { colspan: "3", class: "empty" });
  const none = app.el("tr", {}, words);
  return (accounts) => {
    const { reasons = [] } = accounts;
    app.put(words, keptOrExplained(app, accounts, "accounts.no_reasons"));
    const sorted = [...reasons].sort((a, b) => b.records - a.records);
    const most = Math.max(...sorted.map(({ records }) => records), 1);
    for (const told of sorted) {
      if (!lines.has(told.reason)) lines.set(told.reason, reasonLine(app, told.reason, choose));
      lines.get(told.reason).draw(told, told.records / most);
    }
    const rows = sorted.length ? sorted.map(({ reason }) => lines.get(reason).row) : [none];
    if (rows.length !== body.childElementCount || rows.some((row, i) => row !== body.children[i])) {
      body.replaceChildren(...rows);
    }
  };
}

function reasonLine(app, reason, choose) {
  const name = app.el("button", { type: "button", class: "link", onclick: () => choose(reason) });
  const share = bar(app, 0);
  const records = app.el("td", { class: "n" });
  const kept = app.el("td", { class: "n dim" });
  const row = app.el("tr", { "data-reason": reason },
    app.el("th", { scope: "row" }, name, share), records, kept);
  const draw = (told, part) => {
    app.put(name, known(app, `reason.${reason}`, reason));
    name.title = known(app, `rule.${reason}`, reason);
    fill(share, part);
    app.put(records, app.number(told.records));
    app.put(kept, app.number(told.kept));
  };
  return { row, draw };
}

function lateMoney(app, money) {
  const currencies = Object.entries(money).sort(([a], [b]) => a.localeCompare(b));
  if (!currencies.length) return [app.el("p", { class: "empty", text: app.t("accounts.no_late") })];
  return [app.el("dl", { class: "money" }, ...currencies.flatMap(([currency, cents]) => [
    app.el("dt", { text: currency || app.t("accounts.no_currency") }),
    app.el("dd", { class: "n", text: app.money(cents, currency) })]))];
}

// Tell how far the quarantine has come, in words.
function stateOf(app, { explained = 0, kept = 0, waiting = 0, sampled = false }) {
  const told = [app.t("accounts.explained", { n: app.number(explained), kept: app.number(kept) })];
  if (waiting) told.push(app.t("accounts.to_explain", { n: app.number(waiting) }));
  if (sampled) told.push(app.t("accounts.sampled"));
  return told.join(" ");
}
