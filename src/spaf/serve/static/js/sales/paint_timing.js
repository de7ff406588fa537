// When what was written was on the screen: a stamp after each frame that changed rows.
//
// A stamp is taken in the task after the frame: a message posted in the animation frame is handled
// once the frame has been handed to the compositor. With ?measure=NAME in the address the stamps
// go back to SPAF, where a measuring command joins them with the moment each sale was due.

const KEPT = 600; // delays held for the quantiles of the picture: some ten seconds
const REPORT_MS = 500;
const MAX_FRAMES = 400; // in one report; a report may hold 1 MiB
// A delay beyond this is not the screen's: a stalled pipeline or another clock, ms.
const PLAUSIBLE_MS = 30_000;

export function createPaintTiming(app) {
  const measure = new URLSearchParams(location.search).get("measure");
  const channel = new MessageChannel();
  const delays = new Float64Array(KEPT);
  const frames = [];
  let taken = 0;
  let rows = [];
  let fresh = [];

  channel.port1.onmessage = stamp;
  app.painted = () => quantiles(delays.subarray(0, Math.min(taken, KEPT)));
  if (measure) startReports();

  function frame(changed, news) {
    rows.push(changed);
    fresh.push(news);
    if (rows.length === 1) channel.port2.postMessage(null);
  }

  function stamp() {
    const us = Math.round((performance.timeOrigin + performance.now()) * 1_000);
    const changed = rows.flat();
    const news = fresh.flat();
    rows = [];
    fresh = [];
    // A reader that looks away gets no frames; what waited meanwhile says nothing of the screen.
    if (!document.hidden) for (const row of news) keep(us / 1_000 - row.updated);
    if (measure) frames.push([us, changed.map((r) => [r.second, r.category, r.currency, r.count])]);
  }

  function keep(ms) {
    if (ms < 0 || ms > PLAUSIBLE_MS) return;
    delays[taken % KEPT] = ms;
    taken += 1;
  }

  return { frame };

  function startReports() {
    let pictures = 0;
    let since = performance.now();
    const count = () => {
      pictures += 1;
      requestAnimationFrame(count);
    };
    count();
    setInterval(report, REPORT_MS);
    window.addEventListener("pagehide", report);

    async function report() {
      const now = performance.now();
      const page = {
        fps: Math.round((pictures / (now - since)) * 10_000) / 10,
        heap_bytes: performance.memory?.usedJSHeapSize ?? null,
        dom_nodes: document.getElementsByTagName("*").length,
      };
      pictures = 0;
      since = now;
      do {
        const part = frames.splice(0, MAX_FRAMES);
        try {
          await app.post("/api/painted", { name: measure, frames: part, page }, { keepalive: part.length < 20 });
        } catch (error) {
          console.warn("paint report:", error.message);
        }
      } while (frames.length >= MAX_FRAMES);
    }
  }
}

function quantiles(values) {
  if (values.length === 0) return null;
  const sorted = values.slice().sort();
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  return { p50: at(0.5), p99: at(0.99) };
}
