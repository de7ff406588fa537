// The stream of news: server-sent events that resume where they were cut.
//
// The browser's own EventSource gives up at some answers and waits three seconds at others, so a
// cut is mended here: closed, and opened again after the id of the last event that arrived.

const KINDS = ["snapshot", "rows", "anomalies", "accounts", "pipeline", "score", "load", "tick"];
// Wait before each new try, ms: at once for a hiccup, then slower for a server that is gone.
const WAITS_MS = [150, 300, 600, 1_000];
// Ticks come every second. A connection without any for so long is dead, whatever it says, ms.
const DEAD_MS = 5_000;

export function startStream(receive, changed) {
  let source = null;
  let last = null;
  let tries = 0;
  let heard = performance.now();
  let again = 0;

  function open() {
    clearTimeout(again);
    heard = performance.now();
    source = new EventSource(last ? `/api/stream?after=${encodeURIComponent(last)}` : "/api/stream");
    source.onopen = () => changed("open");
    source.onerror = mend;
    for (const kind of KINDS) source.addEventListener(kind, take);
  }

  function take(event) {
    heard = performance.now();
    tries = 0;
    if (event.lastEventId) last = event.lastEventId;
    receive(event.type, JSON.parse(event.data));
  }

  function mend() {
    source.close();
    changed("cut");
    clearTimeout(again);
    again = setTimeout(open, WAITS_MS[Math.min(tries, WAITS_MS.length - 1)]);
    tries += 1;
  }

  setInterval(() => {
    if (source.readyState !== EventSource.CLOSED && performance.now() - heard > DEAD_MS) mend();
  }, 1_000);
  // Back from the page cache of the browser: the old connection is gone.
  window.addEventListener("pageshow", (event) => event.persisted && mend());
  open();
}
