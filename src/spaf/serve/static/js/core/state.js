// What the page knows of the sales: the rows of the last minutes, the running totals, and when
// things arrived. Everything here is bounded, whatever the stream sends.

import { createArrivalRates } from "./arrival_rates.js";
import { createPalette } from "./palette.js";

// Rows are held for the live part of every chart; with buckets of up to a minute that are asked
// for again every minute, three minutes leave no gap, seconds.
const RETENTION_S = 180;
// More rows than a shop of 10 categories and 4 currencies makes in that time; beyond it the oldest
// second goes first.
const MAX_ROWS = 20_000;

export function createState() {
  const seconds = new Map(); // second -> {rows: Map key -> row, sums: null or kept sums}
  const palette = createPalette();
  const arrivals = createArrivalRates(palette.place);
  let rowCount = 0;
  let run = null;
  let sums = {};
  let offsetMs = 0; // server's clock minus this browser's
  let newestMs = 0;

  const now = () => Date.now() + offsetMs;

  palette.onInsert((at) => {
    arrivals.insert(at);
    for (const held of seconds.values()) held.sums = null;
  });

  function take(kind, data) {
    if (kind === "snapshot") begin(data);
    else if (kind === "rows") grow(data);
    else if (kind === "tick") {
      offsetMs = data.now_ms - Date.now();
      newestMs = Math.max(newestMs, data.newest_ms ?? 0);
      arrivals.advance(now());
      forgetOld();
    }
  }

  function begin(data) {
    run = data.run;
    offsetMs = data.now_ms - Date.now();
    seconds.clear();
    rowCount = 0;
    palette.know(run.categories ?? []);
    arrivals.clear(now());
    sums = data.sums ?? {};
    newestMs = data.newest_ms ?? 0;
    for (const values of data.rows) {
      const row = hold(values).row;
      arrivals.past(row, run.base_currency);
      newestMs = Math.max(newestMs, row.updated);
    }
    forgetOld();
  }

  function grow(data) {
    newestMs = now();
    arrivals.advance(newestMs);
    arrivals.total(sums, data.sums ?? sums, run?.base_currency);
    sums = data.sums ?? sums;
    const oldest = newestMs / 1000 - RETENTION_S;
    data.changed = data.rows.map((values) => {
      const { row, before } = hold(values);
      // A first sight of an old second: how much of it is new cannot be known.
      if (before !== null || row.second > oldest) arrivals.category(row.category, row.count - (before ?? 0));
      return row;
    });
  }

  function hold([second, category, currency, count, units, cents, updated]) {
    const key = `${second}|${category}|${currency}`;
    const row = { key, second, category, currency, count, units, cents, updated };
    let held = seconds.get(second);
    if (!held) seconds.set(second, (held = { rows: new Map(), sums: null }));
    const before = held.rows.get(key)?.count ?? null;
    held.sums = null;
    if (count === 0) {
      if (held.rows.delete(key)) rowCount -= 1;
    } else {
      if (before === null) rowCount += 1;
      held.rows.set(key, row);
    }
    palette.meet(category);
    return { row, before };
  }

  function forgetOld() {
    const oldest = now() / 1000 - RETENTION_S;
    for (const second of seconds.keys()) if (second < oldest) drop(second);
    while (rowCount > MAX_ROWS) drop(Math.min(...seconds.keys()));
  }

  function drop(second) {
    rowCount -= seconds.get(second).rows.size;
    seconds.delete(second);
  }

  // Sums of one second by place in the palette: {count: [...], money: [...] in base currency}.
  function second(at) {
    const held = seconds.get(at);
    if (!held) return null;
    held.sums ??= addUp(held.rows.values());
    return held.sums;
  }

  function addUp(rows) {
    const count = new Array(palette.size).fill(0);
    const money = new Array(palette.size).fill(0);
    for (const row of rows) {
      const place = palette.place(row.category);
      count[place] += row.count;
      if (row.currency === run.base_currency) money[place] += Number(row.cents);
    }
    return { count, money };
  }

  // The newest seconds first, so many that at least `atLeast` rows and `span` seconds are there.
  function newestRows(span, atLeast, atMost) {
    const found = [];
    const order = [...seconds.keys()].sort((a, b) => b - a);
    for (const at of order) {
      if (found.length >= atMost || (found.length >= atLeast && at < order[0] - span + 1)) break;
      const rows = [...seconds.get(at).rows.values()];
      rows.sort((a, b) => palette.place(a.category) - palette.place(b.category)
        || (a.category < b.category ? -1 : a.category > b.category ? 1 : 0)
        || (a.currency < b.currency ? -1 : 1));
      found.push(...rows);
    }
    return found.slice(0, atMost);
  }

  return {
    take, second, newestRows, palette, arrivals, now,
    get run() { return run; },
    get sums() { return sums; },
    heldSeconds: RETENTION_S,
    get currency() { return run?.base_currency ?? "BRL"; },
    // How old the newest news of a sale is, ms; null before the first.
    age: () => (newestMs ? Math.max(0, now() - newestMs) : null),
  };
}
