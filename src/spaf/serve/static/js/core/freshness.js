// Never fake-live: how old the data is, and a banner as soon as something has stopped.

// Ticks come every second; without one for so long the numbers below are old, ms. With the look
// below, the banner is there within two seconds of the last word.
const SILENT_MS = 1_650;
// A cut connection is mended at once if SPAF is there; after so long without one it is not, ms.
const CUT_MS = 600;
const POLL_MS = 200;

export function startFreshness(banner, app) {
  let tickAt = null; // by performance.now(): no clock step can hurt it
  let everAt = null;
  let cutAt = null;
  let database = "up";

  app.on("snapshot", (data) => {
    heard();
    database = data.database ?? "up";
  });
  app.on("rows", heard);
  app.on("tick", (tick) => {
    heard();
    database = tick.database ?? "up";
  });
  app.on("connection", (what) => {
    if (what === "cut") cutAt ??= performance.now();
    look();
  });
  app.on("pipeline", () => look());
  app.on("language", () => look());
  setInterval(look, POLL_MS);
  document.addEventListener("visibilitychange", look);
  look();

  function heard() {
    tickAt = performance.now();
    cutAt = null;
    everAt = Date.now();
  }

  function look() {
    const silent = tickAt === null ? null : performance.now() - tickAt;
    const age = app.state.age();
    const gone = silent !== null && (silent > SILENT_MS || (cutAt !== null && performance.now() - cutAt > CUT_MS));
    const trouble = silent === null ? null : troubleOf(gone ? silent : 0);
    const live = silent === null ? "connecting" : trouble ? "stale" : "live";
    document.body.dataset.live = live;
    document.body.dataset.silent = String(gone);
    app.emit("age", { live, age, silent });
    banner.hidden = trouble === null;
    if (trouble !== null) app.put(banner, trouble);
  }

  // The first thing that is wrong, in words; null when all is well.
  function troubleOf(silent) {
    if (silent > 0) {
      return app.t("stale.silent", {
        seconds: app.number(Math.max(1, Math.floor(silent / 1_000))), time: app.time(everAt),
      });
    }
    if (database !== "up") return app.t("stale.database");
    return stageTrouble();
  }

  function stageTrouble() {
    const pipeline = app.get("pipeline");
    if (!pipeline) return null;
    const down = pipeline.stages.find((stage) => isDown(stage));
    const name = down?.name ?? pipeline.culprit;
    if (!name) return null;
    const text = down ? "stale.down" : "stale.stuck";
    return app.t(text, { stage: app.t(`stage.${name}`), state: down ? stateWord(app, down.state) : "" });
  }
}

// States in which nothing is wrong. A load that was never started, was stopped by hand, or is not
// SPAF's, is no fault; a stopped service is one.
const HEALTHY = new Set(["running", "external"]);
const HEALTHY_LOAD = new Set([...HEALTHY, "selling", "ready", "stopped", "absent"]);

// A state in the reader's language; one that this page does not know is shown as it came.
export function stateWord(app, state) {
  const key = `state.${state}`;
  const word = app.t(key);
  return word === key ? app.visible(state) : word;
}

export function isDown({ name, state }) {
  return !(name === "locust" ? HEALTHY_LOAD : HEALTHY).has(state);
}
