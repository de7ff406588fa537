// The large numbers: sales and revenue a second, and what was sold since midnight.

import { html } from "../../vendor/lit-html/lit-html.js";
import { on } from "../core/events.js";
import { amount, money, number, rate, roundMoney } from "../core/format.js";
import { t } from "../core/i18n.js";
import { newestJson } from "../core/server.js";
import { arrivals, baseCurrency, currentRun, sums } from "../core/state.js";
import { panel } from "../core/ui.js";
import { escaped } from "../core/untrusted_text.js";

// A rate is the mean of these last seconds: short enough to see a stop, long enough to be read.
const RATE_WINDOW_S = 2;
// The totals may change a thousand times a second, but no more than some ten changes can be read, ms.
const TOTALS_MS = 100;
const RATES_MS = 500;
const RETRY_MS = 2_000;
// Size of a line of the last minute, in its own units.
const WIDTH = 120;
const HEIGHT = 30;

/** @type {{ since: number, totals: Sums, sums: Sums } | null} totals since midnight, and the running sums of the same instant */
let base = null;
let retry = 0;
let drawnAt = 0;
/** @type {{ sales: string, revenue: string, salesMinute: number[], revenueMinute: number[] }} */
let rates = { sales: "–", revenue: "–", salesMinute: [], revenueMinute: [] };
const getBase = newestJson();

/** Draw the numbers. @param {HTMLElement} node */
export function mountTotals(node) {
  const redraw = panel(node, [], template);
  const update = () => {
    if (currentRun()) updateRates();
    redraw();
  };
  on("snapshot", () => {
    update();
    loadBase(redraw);
  });
  on("rows", () => {
    if (performance.now() - drawnAt > TOTALS_MS) redraw();
  });
  on("tick", () => {
    update();
    if (base && midnight() !== base.since) loadBase(redraw);
  });
  setInterval(update, RATES_MS);
}

/** Load what was sold since midnight, once; from then on the running sums carry it. @param {() => void} redraw */
async function loadBase(redraw) {
  clearTimeout(retry);
  try {
    base = await getBase("/api/today", { since: midnight() });
    redraw();
  } catch {
    retry = setTimeout(() => loadBase(redraw), RETRY_MS);
  }
}

function template() {
  drawnAt = performance.now();
  const today = sinceMidnight();
  const others = today.filter(({ currency, sales }) => currency !== baseCurrency() && sales > 0);
  const lines = others.map(({ currency, sales, cents }) => html`<tr><th scope="row"><bdi>${escaped(currency)}</bdi></th><td
    class="n" data-test="today-${currency}">${amount(cents)}</td><td class="n label">${
    t("totals.sales.n", { sales: number(sales) })}</td></tr>`);
  const own = today.find(({ currency }) => currency === baseCurrency());
  return html`${rateFigure("totals.sales", "sales-per-second", rates.sales, rates.salesMinute)}${
    rateFigure("totals.revenue", "revenue-per-second", rates.revenue, rates.revenueMinute)}
    <div class="figure"><h3>${t("totals.today")}</h3><p class="big"
      data-test="today-${baseCurrency()}">${own ? money(own.cents, own.currency) : "–"}</p><p class="label figure-note">${
      own ? t("totals.count", { sales: number(own.sales), units: number(own.units) }) : ""}</p></div>
    <div class="figure figure-rest" ?hidden=${Boolean(base) && !others.length}><h3 id="rest-title">${t("totals.others")}</h3><div
      class="rest-scroll" tabindex="0" role="group" aria-labelledby="rest-title"><table><tbody>${lines}</tbody></table></div></div>`;
}

/** Take the rates of now: they change more slowly than the totals, so that they can be read. */
function updateRates() {
  const cents = BigInt(Math.round(arrivals.rate(arrivals.revenue, RATE_WINDOW_S)));
  rates = {
    sales: rate(arrivals.rate(arrivals.sales, RATE_WINDOW_S), 10), revenue: roundMoney(cents, baseCurrency()),
    salesMinute: arrivals.minute(arrivals.sales), revenueMinute: arrivals.minute(arrivals.revenue),
  };
}

/** @param {string} key @param {string} test @param {string} value @param {number[]} minute */
function rateFigure(key, test, value, minute) {
  return html`<div class="figure"><h3>${t(key)}</h3><p class="big" data-test=${test}>${value}</p><p
    class="label figure-note"></p>${sparkline(t("totals.minute"), minute)}</div>`;
}

/** Return what was sold since midnight by currency. */
function sinceMidnight() {
  if (!base) return [];
  const { totals: then, sums: from } = base;
  const none = /** @type {CurrencySums} */ ([0, 0, "0"]);
  return [...new Set([...Object.keys(then), ...Object.keys(sums)])].map((currency) => {
    const [a, b, c] = [then[currency] ?? none, sums[currency] ?? none, from[currency] ?? none];
    return {
      currency, sales: a[0] + b[0] - c[0], units: a[1] + b[1] - c[1],
      cents: BigInt(a[2]) + BigInt(b[2]) - BigInt(c[2]),
    };
  });
}

/** Return the reader's own midnight, epoch seconds. */
function midnight() {
  return Math.floor(new Date().setHours(0, 0, 0, 0) / 1_000);
}

/** Return a line of some values, as small as a word. @param {string} label @param {number[]} values */
function sparkline(label, values) {
  const top = Math.max(...values, 1e-9);
  const x = (/** @type {number} */ i) => ((i / (values.length - 1)) * WIDTH).toFixed(1);
  const y = (/** @type {number} */ value) => (HEIGHT - 1 - (value / top) * (HEIGHT - 3)).toFixed(1);
  const line = values.map((value, i) => `${i ? "L" : "M"}${x(i)} ${y(value)}`).join("");
  const area = line && `${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`;
  return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img"
    aria-label=${label}><path class="spark-area" d=${area}></path><path class="spark-line" d=${line}></path></svg>`;
}
