// The pipeline as a picture: five stages, what flows between them, and where it stops.

import { html, nothing, svg } from "../../vendor/lit-html/lit-html.js";
import { latest, on } from "./events.js";
import { bytes, duration, exactRate, number, percent, rate } from "./format.js";
import { isDown, stateText } from "./freshness.js";
import { t } from "./i18n.js";
import { paintLatency } from "./paint_timing.js";
import { isMeasuring } from "./state.js";
import { orDash, panel } from "./ui.js";

const STAGES = ["locust", "kafka", "flink", "postgres", "serve"];
// States that need no word: the stage does what it is there for.
const QUIET = new Set(["running", "selling"]);
const FACTS = ["rate", "lag", "p50", "p99", "cpu", "memory"];
// The flow between two stages is the rate of these last seconds, the newest next to the earlier stage.
const FLOW_WINDOW_S = 30;
/** @type {Record<string, (number | null)[]>} the rates of each stage, newest first */
const flows = Object.fromEntries(STAGES.map((name) => [name, []]));

/** Draw the pipeline. @param {HTMLElement} section */
export function mount(section) {
  on("pipeline", (data) => {
    for (const { name, rate: newest } of data?.stages ?? []) {
      if (flows[name]) flows[name] = [newest, ...flows[name]].slice(0, FLOW_WINDOW_S);
    }
  });
  panel(section, ["pipeline", "connection"], () => {
    // A peak must not make all other bars flat.
    const rates = Object.values(flows).flat().filter(Boolean).map(Number).toSorted((a, b) => a - b);
    const top = Math.min(rates.at(-1) ?? 1, 2.5 * (rates[Math.floor(rates.length / 2)] ?? 1));
    return html`<h2 id="pipeline-title" class="hidden">${t("pipeline.title")}</h2>
      <div class="pipeline-stages"><div class="pipeline-labels" aria-hidden="true"><span></span>${FACTS.map((fact) =>
        html`<span class="fact-${fact}">${t(`fact.${fact}`)}</span>`)}<span class="fact-also"></span></div>
      <ol>${STAGES.map((name) => stageView(name, latest("pipeline"), top))}</ol></div>`;
  });
}

/** @param {string} name @param {Pipeline | null} data @param {number} top rate at which the flow is as high as it gets */
function stageView(name, data, top) {
  const stage = data?.stages.find((each) => each.name === name);
  const down = Boolean(stage && isDown(stage));
  const path = flows[name].map((each, i) =>
    (each ? `M${i * 4} 20v-${Math.min(20, Math.max(1.5, (each / top) * 20)).toFixed(1)}h3V20z` : "")).join("");
  const isBottleneck = data?.culprit === name;
  const classes = `stage${isBottleneck || down ? " bottleneck" : ""}${down ? " down" : ""}`;
  const facts = stage ? factsOf(stage) : {};
  return html`<li class=${classes} data-test="stage-${name}">
    <div class="stage-head"><i class="stage-mark" aria-hidden="true"></i><h3>${t(`stage.${name}`)}</h3><span
      class="stage-state">${!stage || QUIET.has(stage.state) ? "" : stateText(stage.state)}</span><strong
      class="stage-tag" ?hidden=${!isBottleneck || down}>${t("pipeline.bottleneck")}</strong>${
      name === "serve" ? nothing : html`<span class="flow" aria-hidden="true"><svg viewBox="0 0 ${FLOW_WINDOW_S * 4} 20"
      preserveAspectRatio="none">${svg`<path d=${path}></path>`}</svg></span>`}</div>
    <dl>${FACTS.map((fact) => html`<div class="fact-${fact}"><dt>${t(`fact.${fact}`)}</dt><dd
      data-test="${name}-${fact}">${facts[fact] ?? ""}</dd></div>`)}<div class="fact-also"><dt></dt><dd
      data-test="${name}-also">${data ? alsoText(name, data) : ""}</dd></div></dl></li>`;
}

/** @param {Stage} stage @returns {Record<string, string>} */
function factsOf(stage) {
  const isPage = stage.name === "serve";
  // That of this browser, ms.
  const painted = isPage ? paintLatency() : null;
  return {
    rate: orDash(stage.rate, (n) => t(isPage ? "fact.events.second" : "fact.per.second", { n: rate(n) })),
    lag: orDash(stage.lag, number),
    p50: duration(isPage ? painted?.p50 : stage.p50_ms),
    p99: duration(isPage ? painted?.p99 : stage.p99_ms),
    cpu: orDash(stage.cpu_percent, (n) => percent(n / 100, n < 10 ? 1 : 0)),
    memory: stage.rss_mib ? bytes(stage.rss_mib * 1024 * 1024) : "–",
  };
}

/** @param {string} name @param {Pipeline} data */
function alsoText(name, data) {
  const headless = data.stages.find((stage) => stage.name === name)?.detail?.headless;
  if (headless) return t(isMeasuring() ? "also.measuring" : "also.headless", { rate: exactRate(headless) });
  return t(`also.${name}`, name === "flink" ? {
    age: orDash(data.checkpoint_age_s, (s) => duration(s * 1_000)),
    pressure: orDash(data.backpressure, percent), busy: orDash(data.busy, percent),
  } : {});
}
