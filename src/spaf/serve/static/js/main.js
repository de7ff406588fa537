// Start of the page: the frame, the panels of the first view, and the stream. The other panels are fetched once
// the first numbers are on the screen; one that fails leaves the others alone.

import { emit, latest, on } from "./core/events.js";
import { startForeseen } from "./core/foreseen.js";
import { startFreshness } from "./core/freshness.js";
import { mount as mountHeader } from "./core/header.js";
import { language, t } from "./core/i18n.js";
import { mount as mountPipeline } from "./core/pipeline.js";
import { role, takeTokenOfLink } from "./core/role.js";
import { postJson } from "./core/server.js";
import { mount as mountStart } from "./core/start.js";
import { Stream } from "./core/stream.js";
import { byId } from "./core/ui.js";
import { mount as mountSales } from "./sales/section.js";

// Sections that are fetched after the first view: the id of the element and the folder of the module.
const LATER = { controls: "load", anomalies: "anomalies", accounts: "accounts", measure: "measure", kafka: "kafka" };
// Without an answer of the server they are fetched after this long, ms.
const LATER_MS = 1_500;
// Parts of a snapshot that are events of their own later.
const PARTS = /** @type {const} */ (["accounts", "pipeline", "score", "load", "measure"]);
// While the run starts, only the start is drawn: the processors are needed elsewhere.
let waiting = document.body.dataset.live === "starting";
let requested = false;
let complete = false;

// The link of another role, opened by a person who has logged in already.
const token = takeTokenOfLink();
if (role && token) postJson("/api/login", { token }).then(() => location.reload(), () => null);
on("language", translate);
translate();
// In a task of its own, so that the error of one leaves the others alone.
queueMicrotask(() => mountHeader(byId("top")));
startFreshness(byId("stale"));
startForeseen(byId("foreseen"));
queueMicrotask(() => mountStart(byId("start")));
if (!waiting) mountFirst();
new Stream(receive);

function mountFirst() {
  waiting = false;
  queueMicrotask(() => mountPipeline(byId("pipeline")));
  queueMicrotask(() => mountSales(byId("sales")));
  setTimeout(mountOthers, LATER_MS);
}

async function mountOthers() {
  if (requested) return;
  requested = true;
  await Promise.all(Object.entries(LATER).map(([id, folder]) => import(`./${folder}/section.js`)
    .then((section) => section.mount(byId(id)))
    .catch((error) => console.error(`section ${id}:`, error))));
  complete = true;
}

/** @param {string} kind @param {any} data */
function receive(kind, data) {
  if (waiting && kind === "snapshot") mountFirst();
  emit(/** @type {keyof Events} */ (kind), data);
  // A section that is still being fetched finds these in the snapshot, with which it begins.
  if (kind === "anomalies" && !complete) latest("snapshot")?.anomalies.unshift(...data.anomalies);
  if (kind !== "snapshot") return;
  requestAnimationFrame(() => setTimeout(mountOthers));
  for (const part of PARTS) emit(part, data[part] ?? null);
}

function translate() {
  document.documentElement.lang = language() === "pt" ? "pt-BR" : "en";
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.getAttribute("data-t") ?? "");
}
