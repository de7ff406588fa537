// The large numbers: sales and revenue a second, and what was sold since midnight.

import { amount, roundMoney } from "../core/format.js";
import { createSparkline } from "./sparkline.js";

// A rate is the mean of so many seconds: short enough to see a stop, long enough to be read.
const RATE_WINDOW_S = 2;
// The totals may change a thousand times a second; nobody reads more than some ten of them, ms.
const TOTALS_MS = 100;

export function mountTotals(node, app) {
  const { el, t, put } = app;
  const sales = figure("totals.sales", "sales-per-second");
  const revenue = figure("totals.revenue", "revenue-per-second");
  const today = figure("totals.today", null);
  const salesLine = createSparkline(t("totals.minute"));
  const moneyLine = createSparkline(t("totals.minute"));
  const others = el("tbody");
  sales.node.append(salesLine.node);
  revenue.node.append(moneyLine.node);
  const rest = el("div", { class: "figure figure-rest" },
    el("h3", { id: "rest-title", "data-t": "totals.others", text: t("totals.others") }),
    el("div", { class: "rest-scroll", tabindex: "0", role: "group", "aria-labelledby": "rest-title" }, el("table", {}, others)));
  node.append(sales.node, revenue.node, today.node, rest);

  const lines = new Map(); // currency -> its cells among the others
  let base = null; // totals since midnight, and the running sums of the same instant
  let asking = 0;
  let drawn = 0;

  app.on("snapshot", () => {
    app.frame(rates);
    ask();
  });
  app.on("rows", () => {
    if (performance.now() - drawn > TOTALS_MS) app.frame(totals);
  });
  app.on("tick", () => {
    app.frame(rates);
    app.frame(totals);
    if (base && midnight() !== base.since) ask();
  });
  app.on("language", () => {
    salesLine.name(t("totals.minute"));
    moneyLine.name(t("totals.minute"));
    app.frame(rates);
    app.frame(totals);
  });
  setInterval(() => app.frame(rates), 500);

  // What was sold since midnight, once; from then on the running sums carry it.
  async function ask() {
    const mine = (asking += 1);
    try {
      const answer = await app.api("/api/today", { since: midnight() });
      if (mine === asking) base = answer;
      app.frame(totals);
    } catch {
      if (mine === asking) setTimeout(() => mine === asking && ask(), 2_000);
    }
  }

  function rates() {
    if (!app.state.run) return;
    const { arrivals, currency } = app.state;
    const perSecond = arrivals.sales(RATE_WINDOW_S);
    put(sales.value, app.number(perSecond, perSecond < 10 ? 1 : 0));
    put(revenue.value, roundMoney(BigInt(Math.round(arrivals.money(RATE_WINDOW_S))), currency));
    salesLine.draw(arrivals.salesMinute());
    moneyLine.draw(arrivals.moneyMinute());
  }

  function totals() {
    if (!base) return;
    drawn = performance.now();
    const now = app.state.sums;
    for (const currency of new Set([...Object.keys(base.totals), ...Object.keys(now)])) {
      const [count, units, cents] = sum(base.totals[currency], now[currency], base.sums[currency]);
      if (currency === app.state.currency) own(currency, count, units, cents);
      else if (count > 0) other(currency, count, cents);
    }
    rest.hidden = lines.size === 0;
  }

  function own(currency, count, units, cents) {
    today.value.dataset.test = `today-${currency}`;
    put(today.value, app.money(cents, currency));
    put(today.note, t("totals.count", { sales: app.number(count), units: app.number(units) }));
  }

  function other(currency, count, cents) {
    let cells = lines.get(currency);
    if (!cells) {
      cells = { money: el("td", { class: "n", "data-test": `today-${currency}` }), count: el("td", { class: "n label" }) };
      lines.set(currency, cells);
      others.append(el("tr", {}, el("th", { scope: "row" }, app.bdi(currency)), cells.money, cells.count));
    }
    put(cells.money, amount(cents));
    put(cells.count, t("totals.sales.n", { sales: app.number(count) }));
  }

  function figure(label, test) {
    const value = el("p", { class: "big", text: "–", "data-test": test });
    const note = el("p", { class: "label figure-note" });
    const box = el("div", { class: "figure" }, el("h3", { "data-t": label, text: t(label) }), value, note);
    return { node: box, value, note };
  }
}

function sum(then = [0, 0, "0"], now = [0, 0, "0"], from = [0, 0, "0"]) {
  return [
    then[0] + now[0] - from[0], then[1] + now[1] - from[1],
    BigInt(then[2]) + BigInt(now[2]) - BigInt(from[2]),
  ];
}

// The reader's own midnight, epoch seconds.
function midnight() {
  return Math.floor(new Date().setHours(0, 0, 0, 0) / 1_000);
}
