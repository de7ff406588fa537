// What the chart shows: the server's buckets of the past, with the newest buckets from the page's own rows.

import { on } from "../core/events.js";
import { newestJson } from "../core/server.js";
import { RETENTION_S, baseCurrency, currentRun, now, palette, rowsOf } from "../core/state.js";
import { announce, errorText } from "../core/ui.js";

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

/** Return the sum of some numbers. @param {number[]} values */
export const add = (values) => values.reduce((sum, value) => sum + value, 0);

/** The range or the period that is shown, and its data. */
export class ChartData {
  /** @param {() => void} arrived */
  constructor(arrived) {
    this.arrived = arrived;
    this.range = "1m";
    /** @type {{ from: number, to: number } | null} a period of the past that stands still, seconds */
    this.zoom = null;
    /** @type {(HistoryAnswer & { range: string, zoom: object | null }) | null} the server's newest answer */
    this.past = null;
    this.get = newestJson();
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
    const { range, zoom } = this;
    try {
      if (zoom || RANGES[range].again) {
        const answer = await this.get("/api/history", zoom ?? { range });
        palette.addAll(answer.categories);
        this.past = { ...answer, range, zoom };
      }
      this.arrived();
    } catch (/** @type {any} */ error) {
      // The next tick requests it again; what is drawn stays.
      if (error.status >= 400 && error.status < 500) announce(errorText(error));
    }
  }

  /** Return the server's answer to what is shown, or null. */
  #answer() {
    const { past, range, zoom } = this;
    return past?.zoom === zoom && (zoom || past.range === range) ? past : null;
  }

  /**
   * Return the buckets to draw, at most this many: several are put together where they would be too narrow.
   * Null while there is nothing to show.
   *
   * @param {number} maxBuckets
   */
  frame(maxBuckets) {
    const { zoom } = this;
    const range = RANGES[this.range];
    const past = this.#answer();
    if (!currentRun() || (!past && (zoom || range.again))) return null;
    const span = zoom && past ? past.to - past.from : range.span;
    const step = coarser(past?.step ?? 1, span / maxBuckets);
    // Up to the last whole bucket: the one that is filling would draw a fall that is none. A bucket too long for
    // the rows that are kept ends with the server's answer.
    const known = past && (zoom || step > RETENTION_S) ? past.to : now() / 1_000;
    const to = Math.floor(known / step) * step;
    const frame = emptyFrame(Math.ceil(Math.max(to - span, past?.from ?? 0) / step) * step, to, step);
    if (past) pour(past, frame);
    const keptFrom = Math.max(this.keptFrom, now() / 1_000 - RETENTION_S);
    frame.x.forEach((start, i) => {
      if (start >= keptFrom) replaceBucket(frame, i);
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
    for (const { category, currency, count, cents } of rowsOf(second)) {
      const place = palette.place(category);
      frame.count[place][i] += count;
      if (currency === baseCurrency()) frame.money[place][i] += Number(cents);
    }
  }
}

/** Return the smallest round multiple of a step that lasts these seconds. @param {number} step @param {number} seconds */
function coarser(step, seconds) {
  return step * ([1, 2, 3, 5, 6, 10, 12, 15, 20, 30].find((n) => n * step >= seconds) ?? 60);
}
