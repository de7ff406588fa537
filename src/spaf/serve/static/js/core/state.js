// The sales that the page knows: rows of the last minutes, running totals, and when they arrived. All of it is
// bounded, whatever the stream sends.

import { ArrivalRates } from "./arrival_rates.js";
import { latest, on } from "./events.js";
import { createPalette } from "./palette.js";

// Rows are kept for the live part of every chart. With buckets of up to a minute that are requested again every
// minute, three minutes leave no gap, seconds.
export const RETENTION_S = 180;
// The newest rows are kept however old they are: the list of the latest rows shows this many, and those of these last
// seconds, if they are not too many to be read.
const MIN_ROWS = 24;
const MIN_SPAN_S = 3;
const MAX_SHOWN_ROWS = 160;
// More rows than a shop of 10 categories and 4 currencies makes in that time; beyond it the oldest second goes first.
const MAX_ROWS = 20_000;

export const palette = createPalette();
export const arrivals = new ArrivalRates();

/** @type {Map<number, Map<string, SalesRow>>} rows of each second by key */
const seconds = new Map();
/** @type {Sums} running totals by currency */
export let sums = {};
// The server's clock minus this browser's.
let clockOffsetMs = 0;
let newestMs = 0;

// A snapshot replaces all that was known.
on("snapshot", (data) => {
  const { run } = data;
  clockOffsetMs = data.now_ms - Date.now();
  seconds.clear();
  palette.addAll(run.categories ?? []);
  arrivals.clear(now());
  sums = data.sums ?? {};
  newestMs = data.newest_ms ?? 0;
  for (const values of data.rows) {
    const { row } = keep(values);
    arrivals.addPast(row, run.base_currency);
    newestMs = Math.max(newestMs, row.updated);
  }
  forgetOld();
});

// Changed rows are added to the event as `changed`.
on("rows", (data) => {
  newestMs = now();
  arrivals.advance(newestMs);
  arrivals.addTotals(sums, data.sums ?? sums, currentRun()?.base_currency);
  sums = data.sums ?? sums;
  const oldest = newestMs / 1000 - RETENTION_S;
  data.changed = data.rows.map((values) => {
    const { row, before } = keep(values);
    // Of an old second that was not known it is unknown how much of it is new.
    if (before !== null || row.second > oldest) arrivals.addCategory(row.category, row.count - (before ?? 0));
    return row;
  });
});

// Once a second, with the server's clock.
on("tick", (data) => {
  clockOffsetMs = data.now_ms - Date.now();
  newestMs = Math.max(newestMs, data.newest_ms ?? 0);
  arrivals.advance(now());
  forgetOld();
});

/** @param {RowValues} values */
function keep([second, category, currency, count, units, cents, updated]) {
  const key = `${second}|${category}|${currency}`;
  const received = performance.timeOrigin + performance.now();
  const row = { key, second, category, currency, count, units, cents, updated, received };
  const rows = seconds.get(second) ?? new Map();
  seconds.set(second, rows);
  const before = rows.get(key)?.count ?? null;
  if (count === 0) rows.delete(key);
  else rows.set(key, row);
  palette.add(category);
  return { row, before };
}

function forgetOld() {
  const oldest = now() / 1000 - RETENTION_S;
  let kept = [...seconds.values()].reduce((sum, rows) => sum + rows.size, 0);
  for (const [second, rows] of [...seconds].toSorted(([a], [b]) => a - b)) {
    const isNeeded = second >= oldest || kept - rows.size < MIN_ROWS;
    if (isNeeded && kept <= MAX_ROWS) return;
    kept -= rows.size;
    seconds.delete(second);
  }
}

/** Return the rows of one second. @param {number} second */
export function rowsOf(second) {
  return [...(seconds.get(second)?.values() ?? [])];
}

/** Return the rows that the list of the latest rows shows, newest first. */
export function newestRows() {
  /** @type {SalesRow[]} */
  const newest = [];
  const order = [...seconds.keys()].toSorted((a, b) => b - a);
  for (const second of order) {
    if (newest.length >= MAX_SHOWN_ROWS || (newest.length >= MIN_ROWS && second <= order[0] - MIN_SPAN_S)) break;
    newest.push(...rowsOf(second).toSorted(byPlace));
  }
  return newest.slice(0, MAX_SHOWN_ROWS);
}

/** @param {SalesRow} a @param {SalesRow} b */
function byPlace(a, b) {
  return palette.place(a.category) - palette.place(b.category)
    || (a.category < b.category ? -1 : a.category > b.category ? 1 : 0)
    || (a.currency < b.currency ? -1 : 1);
}

/** Return the time by the server's clock, ms. */
export function now() {
  return Date.now() + clockOffsetMs;
}

/** Return how old the newest change of a sale is, ms; null before the first. */
export function age() {
  return newestMs ? Math.max(0, now() - newestMs) : null;
}

/** Return the run that is shown, or null before the first snapshot. */
export function currentRun() {
  return latest("snapshot")?.run ?? null;
}

/** Return whether a measurement of this page runs, whose sales come from `spaf load`. */
export function isMeasuring() {
  return (latest("measure")?.state ?? "idle") !== "idle";
}

/** Return the base currency of the run. */
export function baseCurrency() {
  return currentRun()?.base_currency ?? "BRL";
}
