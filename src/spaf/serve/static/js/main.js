// Start of the page: the frame, the sections of the first view, and the stream. The other sections
// are fetched once the first numbers are on the screen; one that fails leaves the others alone.

import { createApp } from "./core/app.js";
import { forget } from "./core/format.js";
import { mount as header } from "./core/header.js";
import { startFreshness } from "./core/freshness.js";
import * as pipeline from "./core/pipeline.js";
import * as sales from "./sales/section.js";
import { createState } from "./core/state.js";
import { startStream } from "./core/stream.js";
import { startTheme } from "./core/theme.js";

// Sections that are fetched after the first view: the id of the element and the folder of the module.
const LATER = { controls: "load", anomalies: "anomalies", accounts: "accounts", kafka: "kafka" };
// Without a server they come after so long, ms.
const LATER_MS = 1_500;
// What a snapshot carries of the once-a-second kinds; sections hear it as if it had come alone.
const CARRIED = ["accounts", "pipeline", "score", "load"];

const app = createApp();
let begun = false;
let complete = false;
app.state = createState();
startTheme(() => app.emit("theme", null));
header(document.getElementById("top"), app);
startFreshness(document.getElementById("stale"), app);
mount("pipeline", pipeline);
mount("sales", sales);
app.on("language", () => {
  forget();
  translate();
});
translate();
startStream(receive, (what) => app.emit("connection", what));
setTimeout(others, LATER_MS);

function mount(name, section) {
  try {
    section.mount(document.getElementById(name), app);
  } catch (error) {
    console.error(`section ${name}:`, error);
  }
}

function others() {
  if (begun) return;
  begun = true;
  const all = Object.entries(LATER).map(([name, folder]) => import(`./${folder}/section.js`)
    .then((section) => mount(name, section))
    .catch((error) => console.error(`section ${name}:`, error)));
  Promise.all(all).then(() => { complete = true; });
}

function receive(kind, data) {
  app.state.take(kind, data);
  app.emit(kind, data);
  // A section that is still on its way finds these in the snapshot that it is given then.
  if (kind === "anomalies" && !complete) app.get("snapshot").anomalies.unshift(...data.anomalies);
  if (kind !== "snapshot") return;
  requestAnimationFrame(() => setTimeout(others));
  for (const each of CARRIED) if (data[each]) app.emit(each, data[each]);
}

function translate() {
  document.documentElement.lang = app.language() === "pt" ? "pt-BR" : "en";
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = app.t(node.dataset.t);
}
