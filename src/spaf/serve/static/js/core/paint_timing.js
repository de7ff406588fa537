// When the rows that were written were on the screen: a stamp after each frame that changed rows.
//
// A stamp is taken in the task after the frame: a message posted in the animation frame is handled once the frame
// was handed to the compositor. With ?measure=NAME in the address the stamps go back to SPAF, where a measuring
// command joins them with the moment at which each sale was due.

import { postJson } from "./server.js";

// Latencies kept for the quantiles of the pipeline: those of some ten seconds.
const KEPT = 600;
const REPORT_MS = 500;
// Frames of one report, which may hold 1 MiB.
const MAX_FRAMES = 400;
// A latency beyond this is not the screen's: a stalled pipeline or another clock, ms.
const PLAUSIBLE_MS = 30_000;
// Frames of a report that is small enough to be sent while the page closes.
const MAX_KEEPALIVE_FRAMES = 20;

const latencies = new Float64Array(KEPT);
let taken = 0;

/** Return the quantiles of the time from a row's writing to its frame, ms; null before the first. */
export function paintLatency() {
  const sorted = latencies.slice(0, Math.min(taken, KEPT)).toSorted();
  if (sorted.length === 0) return null;
  const at = (/** @type {number} */ q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  return { p50: at(0.5), p99: at(0.99) };
}

/** Stamps of the frames that changed rows. */
export class PaintTiming {
  constructor() {
    const name = new URLSearchParams(location.search).get("measure");
    this.reports = name ? new PaintReports(name) : null;
    this.channel = new MessageChannel();
    /** @type {{ painted: SalesRow[], arrived: SalesRow[] }[]} frames that wait for their stamp */
    this.frames = [];
    this.channel.port1.onmessage = () => this.frames.splice(0, 1).forEach((each) => this.#stamp(each));
  }

  /**
   * Stamp the frame that is being drawn.
   *
   * @param {SalesRow[]} painted rows whose shown numbers differ from the frame before
   * @param {SalesRow[]} arrived those of them that have just arrived
   */
  frame(painted, arrived) {
    this.frames.push({ painted, arrived });
    this.channel.port2.postMessage(null);
  }

  /** @param {{ painted: SalesRow[], arrived: SalesRow[] }} frame */
  #stamp({ painted, arrived }) {
    const us = Math.round((performance.timeOrigin + performance.now()) * 1_000);
    // A hidden page gets no frames; what waited meanwhile says nothing about the screen.
    const painting = document.hidden ? [] : arrived.map((row) => us / 1_000 - row.updated);
    for (const ms of painting.filter((each) => each >= 0 && each <= PLAUSIBLE_MS)) {
      latencies[taken % KEPT] = ms;
      taken += 1;
    }
    this.reports?.add(us, painted);
  }
}

/** Reports of the stamps to SPAF, for as long as the page is measured. */
class PaintReports {
  /** @param {string} name of the measurement */
  constructor(name) {
    this.name = name;
    /** @type {unknown[]} */
    this.frames = [];
    this.animationFrames = 0;
    this.since = performance.now();
    this.#count();
    setInterval(() => this.#report(), REPORT_MS);
    window.addEventListener("pagehide", () => this.#report());
  }

  /** @param {number} us epoch microseconds @param {SalesRow[]} rows */
  add(us, rows) {
    this.frames.push([us, rows.map((row) => [row.second, row.category, row.currency, row.count, row.received])]);
  }

  #count = () => {
    this.animationFrames += 1;
    requestAnimationFrame(this.#count);
  };

  async #report() {
    const now = performance.now();
    const page = {
      fps: Math.round((this.animationFrames / (now - this.since)) * 10_000) / 10,
      heap_bytes: performance.memory?.usedJSHeapSize ?? null,
      dom_nodes: document.getElementsByTagName("*").length,
    };
    this.animationFrames = 0;
    this.since = now;
    do {
      const frames = this.frames.splice(0, MAX_FRAMES);
      const keepalive = frames.length < MAX_KEEPALIVE_FRAMES;
      await postJson("/api/painted", { name: this.name, frames, page }, { keepalive })
        .catch((error) => console.warn("paint report:", error.message));
    } while (this.frames.length >= MAX_FRAMES);
  }
}
