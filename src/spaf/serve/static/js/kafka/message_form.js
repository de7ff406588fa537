// Where in a topic to begin: a partition, and how many, an offset, or a time.

import { say, sayIn, sentence } from "../core/ui.js";

const WAYS = ["last", "offset", "time"];
// Messages of one answer.
export const LIMIT = 50;
// Partitions to choose from; of a topic with more, the later ones are not offered.
const MAX_PARTITIONS = 500;
// The time that is offered lies so far back, ms.
const OFFERED_MS = 60_000;

// The fields and what is wrong with them; `ask` is called with what the server is to be asked.
export class MessageForm {
  constructor(app, ask, ...buttons) {
    this.app = app;
    this.way = "last";
    this.partitions = 1;
    this.values = { last: "20", offset: "0", time: "" };
    this.#build(ask, buttons);
    this.turn("last");
    app.on("language", () => this.#draw());
  }

  #build(ask, buttons) {
    const { app } = this;
    this.partition = app.el("select", { id: "kafka-partition", "data-test": "kafka-partition" });
    this.ways = sayIn(app, app.el("div", { class: "choice", role: "group" }), "aria-label",
      "messages.from");
    this.ways.append(...WAYS.map((way) => say(app, app.el("button", { type: "button",
      "data-way": way, "data-test": `kafka-way-${way}`, onclick: () => this.turn(way) }),
    `messages.way.${way}`)));
    this.label = app.el("label", { for: "kafka-value" });
    this.value = app.el("input", { id: "kafka-value", "data-test": "kafka-value",
      "aria-describedby": "kafka-wrong", autocomplete: "off", spellcheck: "false",
      oninput: () => { this.values[this.way] = this.value.value; this.wrong(null); } });
    this.told = app.el("p", { class: "field-wrong", id: "kafka-wrong", role: "alert" });
    const read = say(app, app.el("button", { class: "main", "data-test": "kafka-read" }),
      "messages.read");
    const submit = (event) => {
      event.preventDefault();
      ask(this.question());
    };
    this.root = app.el("form", { class: "message-form", novalidate: true, onsubmit: submit },
      app.el("span", { class: "field" },
        say(app, app.el("label", { for: "kafka-partition" }), "messages.partition"),
        this.partition),
      app.el("span", { class: "field" }, this.ways),
      app.el("span", { class: "field" }, this.label, this.value), read, ...buttons, this.told);
  }

  // Take the partitions of another topic: all of them together, if there are several.
  take(partitions) {
    this.partitions = partitions;
    this.#draw();
    this.partition.value = partitions > 1 ? "" : "0";
    this.turn("last");
  }

  // Fill in a place that another section names.
  place({ partition, offset, time_ms: time }) {
    this.partition.value = String(partition ?? (this.partitions > 1 ? "" : 0));
    if (offset !== undefined) this.values.offset = String(offset);
    else this.values.time = localTime(time);
    this.turn(offset !== undefined ? "offset" : "time");
    this.value.focus({ preventScroll: true });
  }

  turn(way) {
    this.way = way;
    if (way === "offset" && !this.partition.value) this.partition.value = "0";
    if (way === "time" && !this.values.time) this.values.time = localTime(Date.now() - OFFERED_MS);
    this.value.type = way === "time" ? "datetime-local" : "text";
    if (way === "time") this.value.step = "1";
    this.value.inputMode = way === "time" ? "" : "numeric";
    this.value.value = this.values[way];
    this.wrong(null);
    this.#draw();
  }

  // Return what the fields ask for; what is no number goes to the server, which says what is.
  question() {
    const { way, values } = this;
    const partition = this.partition.value || null;
    if (way === "last") return { partition, last: values.last.trim() };
    if (way === "offset") return { partition, offset: values.offset.trim(), limit: LIMIT };
    const at = new Date(values.time).getTime();
    return { partition, time_ms: Number.isNaN(at) ? values.time || "?" : at, limit: LIMIT };
  }

  // Tell beside the field what is wrong with it; null clears that.
  wrong(error) {
    this.told.textContent = error ? sentence(this.app, error) : "";
    this.told.hidden = !error;
    if (error) this.value.setAttribute("aria-invalid", "true");
    else this.value.removeAttribute("aria-invalid");
  }

  #draw() {
    const { app, partition } = this;
    const chosen = partition.value;
    const numbers = Array.from({ length: Math.min(this.partitions, MAX_PARTITIONS) }, (_, i) =>
      app.el("option", { value: String(i), text: app.number(i) }));
    const all = this.partitions > 1
      ? [app.el("option", { value: "", text: app.t("messages.all") })] : [];
    partition.replaceChildren(...all, ...numbers);
    partition.value = chosen;
    this.label.textContent = app.t(`messages.value.${this.way}`);
    for (const button of this.ways.children) {
      button.setAttribute("aria-pressed", String(button.dataset.way === this.way));
    }
  }
}

// Return a time as the field for local times writes it.
function localTime(ms) {
  const at = new Date(ms);
  const two = (n) => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
    + `T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
