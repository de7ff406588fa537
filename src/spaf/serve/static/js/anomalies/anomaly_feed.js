// The anomalies that the page knows, newest first, each once; no element is touched here.

// The newest that the page keeps without being asked, so that a tab that is open for a day stays
// small, and all with the older ones that were asked for: a table of so many rows is still quick.
const MAX_KEPT = 1_000;
const MAX_LOADED = 3_000;
// How many are asked for at once, and how many a snapshot has.
export const PAGE = 100;

// Return what tells one anomaly from another: its place in the log, or its second.
export function keyOf(anomaly) {
  return anomaly.second === undefined || anomaly.second === null
    ? `${anomaly.partition}:${anomaly.offset}:${anomaly.kind}`
    : `${anomaly.second}|${anomaly.category}|${anomaly.kind}`;
}

// Return whether an anomaly is of a second, and not of one sale.
export function isOfSecond(anomaly) {
  return anomaly.second !== undefined && anomaly.second !== null;
}

// All anomalies by key, and those that wait while the reader holds the feed.
export class AnomalyFeed {
  constructor() {
    this.known = new Map();
    this.rows = [];
    this.waiting = [];
    this.held = false;
    this.counts = new Map();
    this.most = MAX_KEPT;
  }

  // Take new ones; return those that are to be shown now, newest first.
  add(anomalies) {
    const fresh = this.#unknown(anomalies);
    if (this.held) {
      this.waiting = this.#newest([...fresh, ...this.waiting], MAX_KEPT);
      return [];
    }
    this.#show(fresh);
    return fresh;
  }

  // Take the newest after a pause of the line; where a gap would stay, begin with them anew.
  restart(anomalies) {
    const oldest = Math.min(...anomalies.map((anomaly) => anomaly.detected_ms));
    const newest = [...this.waiting, ...this.rows][0]?.detected_ms ?? 0;
    if (anomalies.length >= PAGE && oldest > newest) {
      this.known.clear();
      this.counts.clear();
      this.rows = [];
      this.waiting = [];
    }
    return this.add(anomalies);
  }

  // Take older ones than any known; return how many were new.
  addOlder(anomalies) {
    const fresh = this.#unknown(anomalies);
    this.most = Math.min(MAX_LOADED, this.most + fresh.length);
    this.#show(fresh);
    return fresh.length;
  }

  // FeedPause new ones back, or let go; return those that have waited.
  hold(held) {
    this.held = held;
    if (held) return [];
    const waited = this.waiting;
    this.waiting = [];
    this.#show(waited);
    return waited;
  }

  get full() {
    return this.rows.length >= MAX_LOADED;
  }

  get seen() {
    return [...this.counts.values()].reduce((sum, n) => sum + n, 0);
  }

  get oldestMs() {
    return this.rows.at(-1)?.detected_ms;
  }

  #unknown(anomalies) {
    const fresh = anomalies.filter((anomaly) => !this.known.has(keyOf(anomaly)));
    for (const anomaly of fresh) {
      this.known.set(keyOf(anomaly), anomaly);
      this.counts.set(anomaly.kind, (this.counts.get(anomaly.kind) ?? 0) + 1);
    }
    return fresh.sort((a, b) => b.detected_ms - a.detected_ms);
  }

  #newest(anomalies, most) {
    const sorted = anomalies.sort((a, b) => b.detected_ms - a.detected_ms);
    for (const gone of sorted.slice(most)) this.known.delete(keyOf(gone));
    return sorted.slice(0, most);
  }

  #show(fresh) {
    if (fresh.length) this.rows = this.#newest([...fresh, ...this.rows], this.most);
  }
}
