// How old the data is, and a banner as soon as something has stopped: the page never only looks live.

import { emit, latest, on } from "./events.js";
import { number, time } from "./format.js";
import { t } from "./i18n.js";
import { age } from "./state.js";
import { put, textOr } from "./ui.js";
import { escaped } from "./untrusted_text.js";

// A tick comes every second. Without one for this long the numbers are old, ms; together with the interval of the
// checks the banner is there within two seconds of the last event.
const SILENT_MS = 1_650;
// A lost connection comes back at once if SPAF is there; after this long without one it is not, ms.
const CUT_MS = 600;
const CHECK_MS = 200;
// States in which nothing is wrong. A load that was never started, was stopped by hand, or is not SPAF's, is no
// fault; a stopped service is one.
const HEALTHY = new Set(["running", "external"]);
const HEALTHY_LOAD = new Set([...HEALTHY, "selling", "ready", "stopped", "absent"]);

/** What was heard last, by performance.now(), which no step of the clock changes; null before the first. */
const heard = {
  tickAt: /** @type {number | null} */ (null), at: 0, cutAt: /** @type {number | null} */ (null), database: "up",
  // Phase of the start, until the snapshot comes.
  start: "",
};

/** Check from now on, and write what is wrong into the banner. @param {HTMLElement} banner */
export function startFreshness(banner) {
  const check = () => {
    const { tickAt, cutAt } = heard;
    // The timer of the page may stand still while the machine sleeps, the clock does not.
    const silentMs = tickAt === null ? 0 : Math.max(performance.now() - tickAt, Date.now() - heard.at);
    const gone = tickAt !== null && (silentMs > SILENT_MS || (cutAt !== null && performance.now() - cutAt > CUT_MS));
    const trouble = tickAt === null ? "" : troubleText(gone ? silentMs : 0);
    const live = trouble ? "stale" : heard.start ? startState() : tickAt === null ? "connecting" : "live";
    document.body.dataset.live = live;
    document.body.dataset.silent = String(gone);
    emit("age", { live, age: age() });
    banner.hidden = !trouble;
    if (trouble) put(banner, trouble);
  };
  heard.start = document.body.dataset.live === "starting" ? "starting" : "";
  on("start", ({ start }) => {
    note();
    heard.start = start.phase;
  });
  on("snapshot", (data) => {
    heard.start = "";
    noteTick(data);
  });
  on("rows", note);
  on("tick", noteTick);
  on("connection", (state) => {
    if (state === "cut") heard.cutAt ??= performance.now();
  });
  setInterval(check, CHECK_MS);
  document.addEventListener("visibilitychange", check);
  check();
}

function note() {
  heard.tickAt = performance.now();
  heard.cutAt = null;
  heard.at = Date.now();
}

/** @param {{ database?: string }} data */
function noteTick({ database = "up" }) {
  note();
  heard.database = database;
}

/** Return the state of the page while the run starts; a start that has ended stays as it was. */
function startState() {
  return heard.start === "failed" || heard.start === "stopping" ? "failed" : "starting";
}

/** Return the first thing that is wrong, or an empty text. @param {number} silentMs */
function troubleText(silentMs) {
  if (heard.start) return silentMs > 0 && startState() === "starting" ? t("start.silent") : "";
  if (silentMs > 0) {
    const seconds = number(Math.max(1, Math.floor(silentMs / 1_000)));
    return t("stale.silent", { seconds, time: time(heard.at) });
  }
  const { cause, culprit, stages } = latest("pipeline") ?? {};
  const stage = culprit ? t(`stage.${culprit}`) : "";
  if (cause) {
    const text = causeText(cause);
    return text.includes(stage) ? text : t("stale.cause", { stage, cause: text });
  }
  if (heard.database !== "up") return t("stale.database");
  const down = stages?.find(isDown);
  if (down) return t("stale.down", { stage: t(`stage.${down.name}`), state: stateText(down.state) });
  return stage && t("stale.stuck", { stage });
}

/** Return why sales do not reach the tables, as the commands say it. @param {Cause} cause */
export function causeText(cause) {
  return escaped(textOr(`cause.${cause.code}`, `${cause.what} ${cause.todo}`, cause.parameters));
}

/** Return a state in the page's language. @param {string} state */
export function stateText(state) {
  return textOr(`state.${state}`, state);
}

/** Return whether a stage is down. @param {Stage} stage */
export function isDown({ name, state }) {
  return !(name === "locust" ? HEALTHY_LOAD : HEALTHY).has(state);
}
