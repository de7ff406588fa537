// Start of the page: the frame, then each section (one that fails leaves the others alone), then
// the stream, so that no section can miss the first snapshot.

import { createApp } from "./app.js";
import { forget } from "./format.js";
import { mount as header } from "./header.js";
import { startHonesty } from "./honesty.js";
import { createState } from "./state.js";
import { startStream } from "./stream.js";
import { startTheme } from "./theme.js";
import "./page_words.js";

// Sections: the id of the element and the name of the module.
const SECTIONS = ["pipeline", "controls", "sales", "anomalies", "accounts", "kafka"];
// What a snapshot carries of the once-a-second kinds; sections hear it as if it had come alone.
const CARRIED = ["accounts", "pipeline", "score", "load"];

const app = createApp();
app.state = createState();
startTheme(() => app.emit("theme", null));
header(document.getElementById("top"), app);
startHonesty(document.getElementById("stale"), app);
app.on("language", () => {
  forget();
  translate();
});
translate();

await Promise.all(SECTIONS.map(mount));
startStream(receive, (what) => app.emit("connection", what));

async function mount(name) {
  try {
    const section = await import(`./${name}.js`);
    section.mount(document.getElementById(name), app);
  } catch (error) {
    console.error(`section ${name}:`, error);
  }
}

function receive(kind, data) {
  app.state.take(kind, data);
  app.emit(kind, data);
  if (kind !== "snapshot") return;
  for (const each of CARRIED) if (data[each]) app.emit(each, data[each]);
}

function translate() {
  document.documentElement.lang = app.language() === "pt" ? "pt-BR" : "en";
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = app.t(node.dataset.t);
}
