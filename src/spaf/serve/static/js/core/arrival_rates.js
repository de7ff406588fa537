// How much arrived when, by the page's own clock: the rates of "now" come from here, not from the
// time written in the sales, so they are right for a replay of yesterday's log as well.

import { PLACES, shifted } from "./palette.js";

// One slot, ms: four a second let a rate be fresh without flicker.
const SLOT_MS = 250;
const SLOTS = 256; // 64 s: the minute of a sparkline
const A_SECOND = 1_000 / SLOT_MS;

export function createArrivalRates(placeOf) {
  const count = new Float64Array(SLOTS);
  const money = new Float64Array(SLOTS); // cents of the base currency, for rates only
  let byPlace = Array.from({ length: PLACES + 1 }, () => new Float64Array(SLOTS));
  let newest = 0;

  const each = (fn) => [count, money, ...byPlace].forEach(fn);

  function clear(nowMs) {
    each((slots) => slots.fill(0));
    newest = Math.floor(nowMs / SLOT_MS);
  }

  function advance(nowMs) {
    const to = Math.floor(nowMs / SLOT_MS);
    if (to - newest >= SLOTS) return clear(nowMs);
    for (; newest < to; ) {
      newest += 1;
      each((slots) => { slots[newest % SLOTS] = 0; });
    }
  }

  // The places from this one on are now one further.
  function insert(at) {
    byPlace = shifted(byPlace, at, new Float64Array(SLOTS), (others, gone) => others.map((n, i) => n + gone[i]));
  }

  // A row of the snapshot: nobody saw it come; its sales are spread over its second.
  function past(row, currency) {
    for (let slot = 0; slot < A_SECOND; slot += 1) {
      const at = row.second * A_SECOND + slot;
      if (at > newest || at <= newest - SLOTS) continue;
      count[at % SLOTS] += row.count / A_SECOND;
      byPlace[placeOf(row.category)][at % SLOTS] += row.count / A_SECOND;
      if (row.currency === currency) money[at % SLOTS] += Number(row.cents) / A_SECOND;
    }
  }

  function total(before, after, currency) {
    for (const [name, [sales, , cents]] of Object.entries(after)) {
      const [salesBefore, , centsBefore] = before[name] ?? [0, 0, "0"];
      count[newest % SLOTS] += sales - salesBefore;
      if (name === currency) money[newest % SLOTS] += Number(BigInt(cents) - BigInt(centsBefore));
    }
  }

  // Mean a second over the last seconds; the slot that is still filling does not count.
  function rate(slots, seconds) {
    let sum = 0;
    for (let back = 1; back <= seconds * A_SECOND; back += 1) {
      sum += slots[(newest - back + SLOTS) % SLOTS];
    }
    return Math.max(0, sum / seconds);
  }

  // The last 60 whole seconds, oldest first.
  function minute(slots) {
    const found = [];
    for (let second = 60; second >= 1; second -= 1) {
      let sum = 0;
      for (let slot = 0; slot < A_SECOND; slot += 1) {
        sum += slots[(newest - second * A_SECOND + slot + SLOTS) % SLOTS];
      }
      found.push(Math.max(0, sum));
    }
    return found;
  }

  return {
    clear, advance, insert, past, total,
    category: (name, sales) => { byPlace[placeOf(name)][newest % SLOTS] += sales; },
    sales: (seconds) => rate(count, seconds),
    money: (seconds) => rate(money, seconds),
    ofPlace: (place, seconds) => rate(byPlace[place], seconds),
    salesMinute: () => minute(count),
    moneyMinute: () => minute(money),
  };
}
