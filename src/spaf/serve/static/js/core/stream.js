// The server-sent events of the page. EventSource gives up after some answers and waits three seconds after
// others, so a lost connection is closed here and opened again after the id of the last event.

const KINDS = ["snapshot", "rows", "anomalies", "accounts", "pipeline", "score", "load", "tick"];
// Wait before each new attempt, ms: at once after a short cut, longer for a server that is away.
const RETRY_MS = [150, 300, 600, 1_000];
// A tick comes every second; a connection that was silent for this long is dead, ms.
const DEAD_MS = 5_000;

/** One connection at a time, for as long as the page lives. */
export class Stream {
  /** @param {(kind: string, data: any) => void} receive @param {(state: "open" | "cut") => void} changed */
  constructor(receive, changed) {
    this.receive = receive;
    this.changed = changed;
    this.lastId = "";
    this.attempts = 0;
    this.retry = 0;
    this.source = this.#open();
    setInterval(() => this.#check(), 1_000);
    // A page that comes back from the browser's cache has lost its connection.
    window.addEventListener("pageshow", (event) => event.persisted && this.#reconnect());
  }

  #open() {
    this.heardAt = performance.now();
    const query = this.lastId ? `?after=${encodeURIComponent(this.lastId)}` : "";
    const source = new EventSource(`/api/stream${query}`);
    source.onopen = () => this.changed("open");
    source.onerror = () => this.#reconnect();
    for (const kind of KINDS) source.addEventListener(kind, (event) => this.#take(event));
    return source;
  }

  /** @param {MessageEvent} event */
  #take(event) {
    this.heardAt = performance.now();
    this.attempts = 0;
    if (event.lastEventId) this.lastId = event.lastEventId;
    this.receive(event.type, JSON.parse(event.data));
  }

  #check() {
    const silentMs = performance.now() - (this.heardAt ?? 0);
    if (this.source.readyState !== EventSource.CLOSED && silentMs > DEAD_MS) this.#reconnect();
  }

  #reconnect() {
    this.source.close();
    this.changed("cut");
    clearTimeout(this.retry);
    const wait = RETRY_MS[Math.min(this.attempts, RETRY_MS.length - 1)];
    this.retry = setTimeout(() => { this.source = this.#open(); }, wait);
    this.attempts += 1;
  }
}
