// How much arrived when, by the page's own clock. The rates of "now" come from here and not from the time
// written in the sales, so they are right for a replay of yesterday's log as well.

import { PLACES, shifted } from "./palette.js";

// Width of a slot, ms: four a second let a rate be fresh without flicker.
const SLOT_MS = 250;
// 64 s: the minute of a sparkline.
const SLOTS = 256;
const SLOTS_PER_SECOND = 1_000 / SLOT_MS;

const makeSlots = () => new Float64Array(SLOTS);

/** Sales, revenue and sales of each place of the palette, in slots of the last minute. */
export class ArrivalRates {
  /** @param {(category: string) => number} placeOf */
  constructor(placeOf) {
    this.placeOf = placeOf;
    this.count = makeSlots();
    // Cents of the base currency, for rates only.
    this.money = makeSlots();
    this.byPlace = Array.from({ length: PLACES + 1 }, makeSlots);
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
    if (target - this.newest >= SLOTS) {
      this.clear(nowMs);
      return;
    }
    while (this.newest < target) {
      this.newest += 1;
      for (const slots of this.#all()) slots[this.newest % SLOTS] = 0;
    }
  }

  /** Move the places from this one on by one. @param {number} at */
  insert(at) {
    this.byPlace = shifted(this.byPlace, at, makeSlots(), (others, dropped) => others.map((n, i) => n + dropped[i]));
  }

  /** Spread a row of the snapshot over its second. @param {SalesRow} row @param {string} currency */
  addPast(row, currency) {
    for (let slot = 0; slot < SLOTS_PER_SECOND; slot += 1) {
      const at = row.second * SLOTS_PER_SECOND + slot;
      if (at > this.newest || at <= this.newest - SLOTS) continue;
      this.count[at % SLOTS] += row.count / SLOTS_PER_SECOND;
      this.byPlace[this.placeOf(row.category)][at % SLOTS] += row.count / SLOTS_PER_SECOND;
      if (row.currency === currency) this.money[at % SLOTS] += Number(row.cents) / SLOTS_PER_SECOND;
    }
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
      this.count[this.newest % SLOTS] += sales - salesBefore;
      if (name === currency) this.money[this.newest % SLOTS] += Number(BigInt(cents) - BigInt(centsBefore));
    }
  }

  /** @param {string} category @param {number} sales */
  addCategory(category, sales) {
    this.byPlace[this.placeOf(category)][this.newest % SLOTS] += sales;
  }

  /** Return sales a second. @param {number} seconds */
  sales(seconds) {
    return this.#rate(this.count, seconds);
  }

  /** Return cents a second. @param {number} seconds */
  revenue(seconds) {
    return this.#rate(this.money, seconds);
  }

  /** Return sales a second of a place. @param {number} place @param {number} seconds */
  ofPlace(place, seconds) {
    return this.#rate(this.byPlace[place], seconds);
  }

  salesMinute() {
    return this.#minute(this.count);
  }

  revenueMinute() {
    return this.#minute(this.money);
  }

  #all() {
    return [this.count, this.money, ...this.byPlace];
  }

  /** Return the mean a second, without the slot that is filling. @param {Float64Array} slots @param {number} seconds */
  #rate(slots, seconds) {
    let sum = 0;
    for (let back = 1; back <= seconds * SLOTS_PER_SECOND; back += 1) {
      sum += slots[(this.newest - back + SLOTS) % SLOTS];
    }
    return Math.max(0, sum / seconds);
  }

  /** Return the last 60 whole seconds, oldest first. @param {Float64Array} slots */
  #minute(slots) {
    return Array.from({ length: 60 }, (_, second) => {
      let sum = 0;
      for (let slot = 0; slot < SLOTS_PER_SECOND; slot += 1) {
        sum += slots[(this.newest - (60 - second) * SLOTS_PER_SECOND + slot + SLOTS) % SLOTS];
      }
      return Math.max(0, sum);
    });
  }
}
