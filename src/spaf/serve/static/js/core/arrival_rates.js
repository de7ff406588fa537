// How much arrived when, by the page's own clock. The rates of "now" come from here and not from the time
// written in the sales, so they are right for a replay of yesterday's log as well.

import { PLACES } from "./palette.js";

// Width of a slot, ms: four a second let a rate be fresh without flicker.
const SLOT_MS = 250;
// 64 s: the minute of a sparkline.
const SLOTS = 256;
const SLOTS_PER_SECOND = 1_000 / SLOT_MS;

const makeSlots = () => new Float64Array(SLOTS);

/** Sales, revenue and the sales of each category, each in slots of the last minute. */
export class ArrivalRates {
  constructor() {
    this.sales = makeSlots();
    // Cents of the base currency, for rates only.
    this.revenue = makeSlots();
    /** @type {Map<string, Float64Array>} */
    this.categories = new Map();
    this.newest = 0;
  }

  /** Forget everything. @param {number} nowMs */
  clear(nowMs) {
    for (const slots of this.#all()) slots.fill(0);
    this.newest = Math.floor(nowMs / SLOT_MS);
  }

  /** Move on to the slot of now. @param {number} nowMs */
  advance(nowMs) {
    const target = Math.floor(nowMs / SLOT_MS);
    if (target - this.newest >= SLOTS) this.clear(nowMs);
    while (this.newest < target) {
      this.newest += 1;
      for (const slots of this.#all()) slots[this.newest % SLOTS] = 0;
    }
  }

  /** Add a row of the snapshot, in a slot of its second. @param {SalesRow} row @param {string} currency */
  addPast(row, currency) {
    const at = row.second * SLOTS_PER_SECOND;
    if (at > this.newest || at <= this.newest - SLOTS) return;
    this.sales[at % SLOTS] += row.count;
    this.#ofCategory(row.category)[at % SLOTS] += row.count;
    if (row.currency === currency) this.revenue[at % SLOTS] += Number(row.cents);
  }

  /**
   * Add what the running totals have grown by.
   *
   * @param {Sums} before
   * @param {Sums} after
   * @param {string | undefined} currency
   */
  addTotals(before, after, currency) {
    for (const [name, [sales, , cents]] of Object.entries(after)) {
      const [salesBefore, , centsBefore] = before[name] ?? [0, 0, "0"];
      this.sales[this.newest % SLOTS] += sales - salesBefore;
      if (name === currency) this.revenue[this.newest % SLOTS] += Number(BigInt(cents) - BigInt(centsBefore));
    }
  }

  /** @param {string} category @param {number} sales */
  addCategory(category, sales) {
    this.#ofCategory(category)[this.newest % SLOTS] += sales;
  }

  #all() {
    return [this.sales, this.revenue, ...this.categories.values()];
  }

  /** @param {string} category */
  #ofCategory(category) {
    const slots = this.categories.get(category) ?? makeSlots();
    this.categories.set(category, slots);
    return slots;
  }

  /** Return sales a second by place. @param {(category: string) => number} placeOf @param {number} seconds */
  byPlace(placeOf, seconds) {
    const rates = Array.from({ length: PLACES + 1 }, () => 0);
    for (const [name, slots] of this.categories) rates[placeOf(name)] += this.rate(slots, seconds);
    return rates;
  }

  /** Return the mean a second, without the slot that is filling. @param {Float64Array} slots @param {number} seconds */
  rate(slots, seconds) {
    let sum = 0;
    for (let back = 1; back <= seconds * SLOTS_PER_SECOND; back += 1) {
      sum += slots[(this.newest - back + SLOTS) % SLOTS];
    }
    return Math.max(0, sum / seconds);
  }

  /** Return the last 60 whole seconds, oldest first. @param {Float64Array} slots */
  minute(slots) {
    return Array.from({ length: 60 }, (_, second) => {
      let sum = 0;
      for (let slot = 0; slot < SLOTS_PER_SECOND; slot += 1) {
        sum += slots[(this.newest - (60 - second) * SLOTS_PER_SECOND + slot + SLOTS) % SLOTS];
      }
      return Math.max(0, sum);
    });
  }
}
