// The start of a run, stage by stage, until the first row of the run is on the page.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { frame, latest, on } from "./events.js";
import { number } from "./format.js";
import { causeText, stateText } from "./freshness.js";
import { t } from "./i18n.js";
import { currentRun } from "./state.js";
import { panel } from "./ui.js";
import { escaped } from "./untrusted_text.js";

// After the snapshot the first row is usually there within this; if not, the page is shown without one, ms.
const FIRST_ROW_MS = 2_000;
const ENDED = new Set(["failed", "stopping"]);
const DONE = new Set(["ready", "external"]);

/**
 * What is shown: "only" the start; "idle", that the first row is missing, above the page; or nothing of the start.
 *
 * @type {"only" | "idle" | "none"}
 */
let mode = "none";
let grace = 0;

/** Draw the start. @param {HTMLElement} section */
export function mount(section) {
  const show = (/** @type {typeof mode} */ next) => {
    clearTimeout(grace);
    mode = next;
    section.hidden = next === "none";
    document.body.dataset.start = next;
    frame(redraw);
  };
  const redraw = panel(section, ["start"], view);
  show(document.body.dataset.live === "starting" ? "only" : "none");
  // A page that starts again while the run is up is no start of the run.
  on("start", ({ start }) => (mode !== "none" || start.phase !== "running") && show("only"));
  on("snapshot", (data) => {
    clearTimeout(grace);
    if (isOfThisRun(data.newest_ms)) show("none");
    else if (mode === "only") grace = setTimeout(() => show("idle"), FIRST_ROW_MS);
    else show("idle");
  });
  on("rows", () => mode !== "none" && show("none"));
  on("tick", ({ newest_ms: newest }) => mode !== "none" && isOfThisRun(newest) && show("none"));
}

/** Return whether a row was written since the run began. @param {number | null | undefined} updatedMs */
function isOfThisRun(updatedMs) {
  const began = currentRun()?.started_ms;
  return began !== undefined && (updatedMs ?? 0) >= began;
}

function view() {
  if (mode === "none") return nothing;
  if (mode === "idle") return html`<p class="start-idle" role="status" data-test="start-idle">${t("start.idle")}</p>`;
  const data = latest("start");
  if (!data) return html`<div class="start" data-test="start" data-phase="starting"><h2 id="start-title">${t("start.title")}</h2>
    <p class="start-status" role="status" data-test="start-status">${t("start.connecting")}</p></div>`;
  const { start, now_ms: nowMs } = data;
  const ended = ENDED.has(start.phase);
  const seconds = number(Math.floor(since(nowMs, start) / 1_000));
  const progress = { done: start.stages.filter(({ state }) => DONE.has(state)).length, all: start.stages.length };
  return html`<div class="start" data-test="start" data-phase=${start.phase}><div class="start-head">
    <h2 id="start-title">${t(ended ? `start.title.${start.phase}` : "start.title")}</h2><span class="start-elapsed"
      data-test="start-elapsed">${ended ? "" : t("start.elapsed", { n: seconds })}</span></div>
    <p class="start-status" role="status" data-test="start-status">${ended ? t("start.ended") : t("start.progress", progress)}</p>
    ${problem(start)}<ol class="start-stages">${stagesOf(start).map((stage) => stageView(stage, start, nowMs))}</ol></div>`;
}

/** Return the stages, and the first row, which is the page's own. @param {StartView} start @returns {StartStage[]} */
function stagesOf(start) {
  const jobs = start.stages.filter(({ name, state }) => name === "job" && !DONE.has(state)).map(({ name }) => name);
  const row = ENDED.has(start.phase) ? "unfinished" : "waiting";
  return [...start.stages, { name: "row", state: row, since_ms: null, ready_ms: null, waits_for: jobs, job: "", reason: "" }];
}

/** Return why the start has ended or cannot go on. @param {StartView} start */
function problem({ phase, message, cause }) {
  const notes = phase === "starting" && message ? html`<p class="note" data-test="start-note">${escaped(message)}</p>` : nothing;
  if (cause) return html`${notes}<p class="start-problem" role="alert" data-test="start-problem">${causeText(cause)}</p>`;
  if (!ENDED.has(phase) || !message) return notes;
  // What happened; the end of a log, if a service has ended; what to do.
  const [what, ...rest] = message.split("\n");
  const todo = rest.pop();
  return html`<div class="start-problem" role="alert" data-test="start-problem"><p>${escaped(what)}</p>${rest.length
    ? html`<pre tabindex="0" aria-label=${t("start.details")}>${rest.map((line) => `${escaped(line)}\n`)}</pre>` : nothing}${
    todo ? html`<p>${escaped(todo)}</p>` : nothing}</div>`;
}

/** @param {StartStage} stage @param {StartView} start @param {number} nowMs */
function stageView(stage, start, nowMs) {
  return html`<li class="start-stage" data-state=${stage.state} data-test="start-${stage.name}"><i class="start-mark"
    aria-hidden="true"></i><span class="start-name">${stageName(stage.name)}</span><span
    class="start-state">${stageText(stage, start, nowMs)}</span>${span(stage, start, nowMs)}</li>`;
}

/** @param {string} name */
function stageName(name) {
  const [kind, n] = name.split("-");
  return n ? t("start.stage.another", { name: t(`start.stage.${kind}`), n }) : t(`start.stage.${name}`);
}

/** @param {StartStage} stage @param {StartView} start @param {number} nowMs */
export function stageText(stage, start, nowMs) {
  const names = stage.waits_for.map(stageName).join(", ");
  if (stage.name === "row" && stage.state === "waiting" && !names) return t("start.state.first_row");
  // It waits for no other stage: PostgreSQL, while initdb runs in a new folder.
  if (stage.state === "waiting") return names ? t("start.state.waiting", { names }) : t("start.state.preparing");
  const readyMs = since(stage.ready_ms ?? start.began_ms, start);
  if (stage.state === "ready") return t("start.state.ready", { n: number(readyMs / 1_000, 1) });
  if (stage.state !== "starting") return t(`start.state.${stage.state}`);
  // Its plan is compiled only if set-up has not done so.
  const job = stage.job === "submitting" ? t("start.state.preparing") : stage.job && stateText(stage.job);
  const what = job || t("start.state.starting");
  if (names) return t("start.state.meanwhile", { what, names });
  return t("start.state.since", { what, n: number(Math.max(0, (nowMs - (stage.since_ms ?? nowMs)) / 1_000)) });
}

/** @param {number} ms @param {StartView} start */
function since(ms, start) {
  return Math.max(0, ms - start.began_ms);
}

/** Return the time that a stage has taken, as a part of the whole. @param {StartStage} stage @param {StartView} start @param {number} nowMs */
function span(stage, start, nowMs) {
  const whole = Math.max(1_000, since(nowMs, start));
  const from = since(stage.since_ms ?? nowMs, start) / whole;
  const to = since(stage.ready_ms ?? nowMs, start) / whole;
  const width = stage.since_ms === null ? 0 : Math.max(0.01, Math.min(1, to) - from);
  return html`<span class="start-span" aria-hidden="true"><span .style=${
    `inset-inline-start: ${(from * 100).toFixed(1)}%; inline-size: ${(width * 100).toFixed(1)}%`}></span></span>`;
}
