// Start of the page: the frame, the panels of the first view, and the stream. The other panels are fetched once
// the first numbers are on the screen; one that fails leaves the others alone.

import { emit, latest, on } from "./core/events.js";
import { resetFormatters } from "./core/format.js";
import { startFreshness } from "./core/freshness.js";
import { mount as mountHeader } from "./core/header.js";
import { language, t } from "./core/i18n.js";
import { mount as mountPipeline } from "./core/pipeline.js";
import { mount as mountStart } from "./core/start.js";
import { takeRows, takeSnapshot, takeTick } from "./core/state.js";
import { Stream } from "./core/stream.js";
import { startTheme } from "./core/theme.js";
import { byId } from "./core/ui.js";
import { paintLatency } from "./sales/paint_timing.js";
import { mount as mountSales } from "./sales/section.js";

// Sections that are fetched after the first view: the id of the element and the folder of the module.
const LATER = { controls: "load", anomalies: "anomalies", accounts: "accounts", kafka: "kafka" };
// Without an answer of the server they are fetched after this long, ms.
const LATER_MS = 1_500;
/** @type {Record<string, (data: any) => void>} */
const TAKE = { snapshot: takeSnapshot, rows: takeRows, tick: takeTick };
// While the run starts, only the start is drawn: the processors are needed elsewhere.
let waiting = document.body.dataset.live === "starting";
let requested = false;
let complete = false;

on("language", translate);
translate();
startTheme(() => emit("theme", null));
guarded("header", () => mountHeader(byId("top")));
startFreshness(byId("stale"));
guarded("start", () => mountStart(byId("start")));
if (!waiting) mountFirst();
new Stream(receive, (state) => emit("connection", state));

/** @param {string} name @param {() => void} mount */
function guarded(name, mount) {
  try {
    mount();
  } catch (error) {
    console.error(`section ${name}:`, error);
  }
}

function mountFirst() {
  waiting = false;
  guarded("pipeline", () => mountPipeline(byId("pipeline"), paintLatency));
  guarded("sales", () => mountSales(byId("sales")));
  setTimeout(mountOthers, LATER_MS);
}

async function mountOthers() {
  if (requested) return;
  requested = true;
  await Promise.all(Object.entries(LATER).map(async ([id, folder]) => {
    const section = await import(`./${folder}/section.js`).catch((error) => console.error(`section ${id}:`, error));
    if (section) guarded(id, () => section.mount(byId(id)));
  }));
  complete = true;
}

/** @param {string} kind @param {any} data */
function receive(kind, data) {
  if (waiting && kind === "snapshot") mountFirst();
  TAKE[kind]?.(data);
  emit(/** @type {keyof Events} */ (kind), data);
  // A section that is still being fetched finds these in the snapshot, with which it begins.
  if (kind === "anomalies" && !complete) latest("snapshot")?.anomalies.unshift(...data.anomalies);
  if (kind !== "snapshot") return;
  requestAnimationFrame(() => setTimeout(mountOthers));
  const { accounts, pipeline, score, load } = /** @type {Snapshot} */ (data);
  emit("accounts", accounts ?? null);
  emit("pipeline", pipeline ?? null);
  emit("score", score ?? null);
  emit("load", load ?? null);
}

function translate() {
  resetFormatters();
  document.documentElement.lang = language() === "pt" ? "pt-BR" : "en";
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.getAttribute("data-t") ?? "");
}
