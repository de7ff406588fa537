// The anomalies that the page knows, newest first, each once. No element is touched here.

// The newest anomalies that the page keeps by itself, so that a tab that is open for a day stays small, and all of
// them together with the older ones that were loaded: a table of this many rows is still quick.
const MAX_KEPT = 1_000;
const MAX_LOADED = 3_000;
// How many are requested at once, and how many a snapshot has.
export const PAGE = 100;

/** Return the identity of an anomaly: its place in the log, or its second. @param {Anomaly} anomaly */
export function keyOf(anomaly) {
  return isOfSecond(anomaly)
    ? `${anomaly.second}|${anomaly.category}|${anomaly.kind}`
    : `${anomaly.partition}:${anomaly.offset}:${anomaly.kind}`;
}

/** Return whether an anomaly is of a second, and not of one sale. @param {Anomaly} anomaly */
export function isOfSecond(anomaly) {
  return anomaly.second !== undefined && anomaly.second !== null;
}

/** All anomalies by key, and those that wait while the feed is paused. */
export class AnomalyFeed {
  constructor() {
    /** @type {Map<string, Anomaly>} */
    this.known = new Map();
    /** @type {Anomaly[]} */
    this.rows = [];
    /** @type {Anomaly[]} */
    this.waiting = [];
    this.paused = false;
    /** @type {Map<string, number>} by kind */
    this.counts = new Map();
    this.maxRows = MAX_KEPT;
  }

  /** Add new ones; return those that are to be shown now, newest first. @param {Anomaly[]} anomalies */
  add(anomalies) {
    const fresh = this.#unknown(anomalies);
    if (this.paused) {
      this.waiting = this.#newest([...fresh, ...this.waiting], MAX_KEPT);
      return [];
    }
    this.#show(fresh);
    return fresh;
  }

  /** Add the newest after a cut of the stream; where a gap would stay, begin with them anew. @param {Anomaly[]} anomalies */
  restart(anomalies) {
    const oldest = Math.min(...anomalies.map(({ detected_ms: ms }) => ms));
    const newest = [...this.waiting, ...this.rows][0]?.detected_ms ?? 0;
    if (anomalies.length >= PAGE && oldest > newest) {
      this.known.clear();
      this.counts.clear();
      this.rows = [];
      this.waiting = [];
    }
    return this.add(anomalies);
  }

  /** Add older ones than any known; return how many were new. @param {Anomaly[]} anomalies */
  addOlder(anomalies) {
    const fresh = this.#unknown(anomalies);
    this.maxRows = Math.min(MAX_LOADED, this.maxRows + fresh.length);
    this.#show(fresh);
    return fresh.length;
  }

  /** Hold new ones back, or resume; return those that have waited. @param {boolean} paused */
  pause(paused) {
    this.paused = paused;
    if (paused) return [];
    const { waiting } = this;
    this.waiting = [];
    this.#show(waiting);
    return waiting;
  }

  get full() {
    return this.rows.length >= MAX_LOADED;
  }

  get seen() {
    return [...this.counts.values()].reduce((sum, n) => sum + n, 0);
  }

  get oldestMs() {
    return this.rows[this.rows.length - 1]?.detected_ms;
  }

  /** @param {Anomaly[]} anomalies */
  #unknown(anomalies) {
    const fresh = anomalies.filter((anomaly) => !this.known.has(keyOf(anomaly)));
    for (const anomaly of fresh) {
      this.known.set(keyOf(anomaly), anomaly);
      this.counts.set(anomaly.kind, (this.counts.get(anomaly.kind) ?? 0) + 1);
    }
    return fresh.toSorted((a, b) => b.detected_ms - a.detected_ms);
  }

  /** @param {Anomaly[]} anomalies @param {number} max */
  #newest(anomalies, max) {
    const sorted = anomalies.toSorted((a, b) => b.detected_ms - a.detected_ms);
    for (const gone of sorted.slice(max)) this.known.delete(keyOf(gone));
    return sorted.slice(0, max);
  }

  /** @param {Anomaly[]} fresh */
  #show(fresh) {
    if (fresh.length) this.rows = this.#newest([...fresh, ...this.rows], this.maxRows);
  }
}
