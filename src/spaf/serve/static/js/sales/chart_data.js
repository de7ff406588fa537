// What the chart shows: the server's buckets of the past, with the newest buckets from the page's own rows.

import { on } from "../core/events.js";
import { getJson } from "../core/server.js";
import { RETENTION_S, currentRun, now, palette, sumsOf } from "../core/state.js";
import { announce } from "../core/ui.js";

// The ranges to choose from: their length, seconds, and how often the past is requested again, ms. A minute is
// in the rows that the page keeps; a later request also brings sales that came late.
/** @type {Record<string, { span: number, again: number | null }>} */
export const RANGES = {
  "1m": { span: 60, again: null },
  "15m": { span: 900, again: 20_000 },
  "1h": { span: 3_600, again: 45_000 },
  "24h": { span: 86_400, again: 60_000 },
};
// The past that a snapshot holds, seconds; the page keeps as much again from then on.
const SNAPSHOT_S = 120;

/** The range or the period that is shown, and its data. */
export class ChartData {
  /** @param {() => void} arrived */
  constructor(arrived) {
    this.arrived = arrived;
    this.range = "1m";
    /** @type {{ from: number, to: number } | null} a period of the past that stands still, seconds */
    this.zoom = null;
    /** @type {(HistoryAnswer & { range: string | null, zoom: object | null }) | null} the server's newest answer */
    this.past = null;
    this.requests = 0;
    this.requestedAt = 0;
    // The page keeps every row from this second on.
    this.keptFrom = Infinity;
    on("snapshot", ({ now_ms: nowMs }) => {
      this.keptFrom = Math.floor(nowMs / 1_000) - SNAPSHOT_S + 1;
      this.#load();
    });
    on("tick", () => {
      const { again } = RANGES[this.range];
      if (!this.zoom && again && performance.now() - this.requestedAt > again) this.#load();
    });
  }

  /** Show a range up to now. @param {string} range */
  choose(range) {
    this.range = range;
    this.zoom = null;
    this.#load();
  }

  /** Show a period of the past. @param {number} from @param {number} to seconds */
  zoomTo(from, to) {
    this.zoom = { from, to };
    this.#load();
  }

  async #load() {
    this.requestedAt = performance.now();
    this.requests += 1;
    const request = this.requests;
    const { range, zoom } = this;
    if (!zoom && RANGES[range].again === null) return this.arrived();
    try {
      const answer = await getJson("/api/history", zoom ?? { range });
      if (request !== this.requests) return undefined;
      palette.addAll(answer.categories);
      this.past = { ...answer, range: zoom ? null : range, zoom };
      return this.arrived();
    } catch (/** @type {any} */ error) {
      // The next tick requests it again; what is drawn stays.
      const isRefused = error.status >= 400 && error.status < 500;
      if (request === this.requests && isRefused) announce(error.message);
      return undefined;
    }
  }

  /**
   * Return the buckets to draw, at most so many: several are put together where they could not be told apart.
   * Null while there is nothing to show.
   *
   * @param {number} maxBuckets
   */
  frame(maxBuckets) {
    if (!currentRun()) return null;
    return this.zoom ? this.#pastOnly(maxBuckets) : this.#withNewest(maxBuckets);
  }

  /** @param {number} maxBuckets */
  #pastOnly(maxBuckets) {
    const { past } = this;
    if (!past || past.zoom !== this.zoom) return null;
    const span = past.to - past.from;
    const step = coarser(past.step, span / maxBuckets);
    const frame = emptyFrame(past.from, past.to - (span % step), step);
    pour(past, frame);
    return frame;
  }

  /** @param {number} maxBuckets */
  #withNewest(maxBuckets) {
    const { span, again } = RANGES[this.range];
    const past = again && this.past?.range === this.range ? this.past : null;
    if (again && !past) return null;
    const step = coarser(past ? past.step : 1, span / maxBuckets);
    // Up to the last whole bucket: the one that is filling would draw a fall that is none. A bucket too long for
    // the rows that are kept ends with the server's answer.
    const known = past && step > RETENTION_S ? past.to : now() / 1_000;
    const to = Math.floor(known / step) * step;
    const frame = emptyFrame(Math.ceil((to - span) / step) * step, to, step);
    if (past) pour(past, frame);
    frame.x.forEach((start, i) => {
      if (start >= this.keptFrom && start >= to - RETENTION_S) replaceBucket(frame, i);
    });
    return frame;
  }
}

/** @param {number} from @param {number} to @param {number} step @returns {ChartFrame} */
function emptyFrame(from, to, step) {
  const x = Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, i) => from + i * step);
  const lines = () => Array.from({ length: palette.size }, () => x.map(() => 0));
  return { from, to, step, x, count: lines(), money: lines() };
}

/** Add the server's buckets to a frame. @param {HistoryAnswer} past @param {ChartFrame} frame */
function pour(past, frame) {
  const buckets = past.sales[0]?.length ?? 0;
  past.categories.forEach((name, at) => {
    const place = palette.place(name);
    for (let bucket = 0; bucket < buckets; bucket += 1) {
      const i = Math.floor((past.from + bucket * past.step - frame.from) / frame.step);
      if (i < 0 || i >= frame.x.length) continue;
      frame.count[place][i] += past.sales[at][bucket];
      frame.money[place][i] += past.money[at][bucket];
    }
  });
}

/** Fill a bucket from the rows that the page keeps. @param {ChartFrame} frame @param {number} i */
function replaceBucket(frame, i) {
  for (const line of [...frame.count, ...frame.money]) line[i] = 0;
  for (let second = frame.x[i]; second < frame.x[i] + frame.step; second += 1) {
    const sums = sumsOf(second);
    sums?.count.forEach((value, place) => { frame.count[place][i] += value; });
    sums?.money.forEach((value, place) => { frame.money[place][i] += value; });
  }
}

/** Return the smallest round multiple of a step that lasts these seconds. @param {number} step @param {number} seconds */
function coarser(step, seconds) {
  const factor = [1, 2, 3, 5, 6, 10, 12, 15, 20, 30, 60].find((n) => n * step >= seconds);
  return step * (factor ?? 60);
}
