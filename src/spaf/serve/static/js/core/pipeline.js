// The way of a sale as a picture: five stages, what flows between them, and where it stops.

import { isDown, stateWord } from "./freshness.js";

const STAGES = ["locust", "kafka", "flink", "postgres", "serve"];
// States that need no word: the stage does what it is there for.
const QUIET = new Set(["running", "selling"]);
const FACTS = ["rate", "lag", "p50", "p99", "cpu", "memory", "also"];
// The flow between two stages is its rate of the last seconds, the newest beside the earlier stage.
const FLOW_WINDOW_S = 30;

export function mount(section, app) {
  const { el, t } = app;
  const stages = new Map(STAGES.map((name) => [name, createStage(app, name)]));
  const labels = el("div", { class: "way-labels", "aria-hidden": "true" }, el("span"),
    FACTS.map((fact) => el("span", { class: `fact-${fact}`, "data-t": `fact.${fact}`, text: t(`fact.${fact}`) })));
  section.append(
    el("h2", { id: "pipeline-title", class: "hidden", "data-t": "pipeline.title", text: t("pipeline.title") }),
    el("div", { class: "way" }, labels, el("ol", {}, [...stages.values()].map((stage) => stage.node))),
  );
  app.on("pipeline", (data) => {
    for (const stage of data.stages) stages.get(stage.name)?.flow(stage.rate);
    app.frame(draw);
  });
  app.on("language", () => app.frame(draw));
  app.on("connection", () => app.frame(draw));

  function draw() {
    const data = app.get("pipeline");
    if (!data) return;
    const top = ceiling([...stages.values()].flatMap((stage) => stage.rates));
    for (const look of data.stages) stages.get(look.name)?.draw(look, data, top);
  }
}

function createStage(app, name) {
  const { el, svg, t, put } = app;
  const rates = [];
  const facts = Object.fromEntries(FACTS.map((fact) => [fact, el("dd", { "data-test": `${name}-${fact}` })]));
  const state = el("span", { class: "stage-state" });
  const tag = el("strong", { class: "stage-tag", hidden: true, "data-t": "pipeline.bottleneck", text: t("pipeline.bottleneck") });
  const bars = svg("path");
  const flow = name === "serve" ? null : el("span", { class: "flow", "aria-hidden": "true" },
    svg("svg", { viewBox: `0 0 ${FLOW_WINDOW_S * 4} 20`, preserveAspectRatio: "none" }, bars));
  const node = el("li", { class: "stage", "data-test": `stage-${name}` },
    el("div", { class: "stage-head" },
      el("i", { class: "stage-mark", "aria-hidden": "true" }),
      el("h3", { "data-t": `stage.${name}`, text: t(`stage.${name}`) }), state, tag, flow),
    el("dl", {}, FACTS.map((fact) => el("div", { class: `fact-${fact}` },
      el("dt", { "data-t": `fact.${fact}`, text: t(`fact.${fact}`) }), facts[fact]))));

  function draw(look, data, top) {
    const painted = name === "serve" ? app.painted?.() : null;
    const culprit = data.culprit === name || isDown(look);
    node.classList.toggle("culprit", culprit);
    node.classList.toggle("down", isDown(look));
    tag.hidden = data.culprit !== name || isDown(look);
    put(state, QUIET.has(look.state) ? "" : stateWord(app, look.state));
    put(facts.rate, orNone(look.rate, (n) => t(name === "serve" ? "fact.events.second" : "fact.per.second", { n: app.number(n, n < 100 ? 1 : 0) })));
    put(facts.lag, orNone(look.lag, (n) => app.number(n)));
    put(facts.p50, app.duration(name === "serve" ? painted?.p50 : look.p50_ms));
    put(facts.p99, app.duration(name === "serve" ? painted?.p99 : look.p99_ms));
    put(facts.cpu, orNone(look.cpu_percent, (n) => app.percent(n / 100, n < 10 ? 1 : 0)));
    put(facts.memory, look.rss_mib ? app.bytes(look.rss_mib * 1024 * 1024) : "–");
    put(facts.also, also(look, data));
    bars.setAttribute("d", rates.map((rate, i) => bar(i, rate, top)).join(""));
  }

  function also(look, data) {
    if (name === "flink") {
      return t("also.flink", {
        age: orNone(data.checkpoint_age_s, (s) => app.duration(s * 1_000)),
        pressure: orNone(data.backpressure, (n) => app.percent(n)), busy: orNone(data.busy, (n) => app.percent(n)),
      });
    }
    return STAGES.includes(name) ? t(`also.${name}`) : "";
  }

  return {
    node, draw, rates,
    flow(rate) {
      rates.unshift(rate);
      rates.length = Math.min(rates.length, FLOW_WINDOW_S);
    },
  };
}

// A number that is not known is a dash, never a zero.
function orNone(value, text) {
  return value === null || value === undefined ? "–" : text(value);
}

// One second of catching up must not make all others flat: what is above is cut.
function ceiling(rates) {
  const some = rates.filter((rate) => rate > 0).sort((a, b) => a - b);
  if (some.length === 0) return 1;
  return Math.min(some.at(-1), 2.5 * some[Math.floor(some.length / 2)]);
}

// One second of the flow, as a piece of a path; a second without any leaves its place empty.
function bar(at, rate, top) {
  return rate ? `M${at * 4} 20v-${Math.min(20, Math.max(1.5, (rate / top) * 20)).toFixed(1)}h3V20z` : "";
}
