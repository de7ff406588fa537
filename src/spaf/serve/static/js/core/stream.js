// The server-sent events of the page. EventSource gives up after some answers and waits three seconds after
// others, so a lost connection is closed here and opened again after the id of the last event. After a sleep or a
// lost network the page reads the whole state anew instead.

import { emit } from "./events.js";
import { reloadIfLoggedOut } from "./role.js";
import { address } from "./server.js";

const KINDS = ["start", "snapshot", "rows", "anomalies", "accounts", "pipeline", "score", "load", "measure", "tick"];
// Wait before each new attempt, ms: at once after a short cut, longer for a server that is away.
const RETRY_MS = [150, 300, 600, 1_000];
// Failed attempts after which the page asks whether it is still logged in.
const ASK_AFTER = 3;
// A tick comes every second; a connection that was silent for this long is dead, ms.
const DEAD_MS = 5_000;
// A page that is shown again, and was silent for this long, does not wait for that, ms.
const SILENT_MS = 1_500;
// The clock and the page's own timer differ by this much more than before: the machine has slept, ms.
const SLEPT_MS = 2_000;
// Events this long before the end of a short stream: no proxy holds them back, ms.
const STREAMED_MS = 300;

/** One connection at a time, for as long as the page lives. */
export class Stream {
  /** @param {(kind: string, data: any) => void} receive */
  constructor(receive) {
    this.receive = receive;
    this.lastId = "";
    this.attempts = 0;
    this.retry = 0;
    // Of the present connection: its beginning or newest event, and its first event, by performance.now().
    this.heardAt = 0;
    this.firstAt = 0;
    this.clockLead = Date.now() - performance.now();
    // Behind a proxy that passes on only complete answers, each stream ends after a second.
    this.short = false;
    this.source = this.#open();
    setInterval(() => this.#check(), 1_000);
    // A page that comes back from the browser's cache has lost its connection.
    window.addEventListener("pageshow", (event) => event.persisted && this.#renew());
    window.addEventListener("online", () => this.#renew());
    document.addEventListener("resume", () => this.#renew());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && (this.#silentMs() > SILENT_MS || this.#hasSlept())) this.#renew();
    });
  }

  #open() {
    this.heardAt = performance.now();
    this.firstAt = 0;
    const query = new URLSearchParams();
    if (this.lastId) query.set("after", this.lastId);
    if (this.short) query.set("short", "1");
    const source = new EventSource(address(`/api/stream${query.size ? `?${query}` : ""}`));
    source.onopen = () => emit("connection", "open");
    source.onerror = () => this.#ended();
    for (const kind of KINDS) source.addEventListener(kind, (event) => this.#take(event));
    return source;
  }

  /** @param {MessageEvent} event */
  #take(event) {
    this.heardAt = performance.now();
    this.firstAt ||= this.heardAt;
    this.attempts = 0;
    if (event.lastEventId) this.lastId = event.lastEventId;
    this.receive(event.type, JSON.parse(event.data));
  }

  #check() {
    if (this.#hasSlept()) this.#renew();
    else if (this.source.readyState !== EventSource.CLOSED && this.#silentMs() > DEAD_MS) {
      if (!this.firstAt) this.short = !this.short;
      this.#reconnect();
    }
  }

  #silentMs() {
    return performance.now() - this.heardAt;
  }

  #hasSlept() {
    const before = this.clockLead;
    this.clockLead = Date.now() - performance.now();
    return Math.abs(this.clockLead - before) > SLEPT_MS;
  }

  #ended() {
    const whole = this.short && this.firstAt;
    if (whole && performance.now() - this.firstAt > STREAMED_MS) this.short = false;
    this.#reconnect(!whole);
  }

  /** Read the whole state, at once: what was missed is not worth the wait for a dead connection. */
  #renew() {
    this.lastId = "";
    this.attempts = 0;
    this.#reconnect(true, 0);
  }

  #reconnect(isCut = true, wait = RETRY_MS[Math.min(this.attempts, RETRY_MS.length - 1)]) {
    this.source.close();
    if (isCut) emit("connection", "cut");
    if (this.attempts === ASK_AFTER) reloadIfLoggedOut();
    clearTimeout(this.retry);
    this.retry = setTimeout(() => { this.source = this.#open(); }, wait);
    this.attempts += 1;
  }
}
