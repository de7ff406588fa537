// Messages of a topic: from an offset, from a time, the newest, or as they come.

import { arrows, beginning, foreign, say, sayIn, sentence, visible, when } from "./panel.js";
import { payload } from "./record.js";

const LIMIT = 50;
// Messages of a live tail that stay on the page.
const TAIL_KEPT = 100;
const PREVIEW = 200;
// Partitions to choose from; of a topic with more, the later ones are not offered.
const MOST_PARTITIONS = 500;
const WAYS = ["last", "offset", "time"];

// The form, the list under it and the live tail.
export class KafkaMessages {
  constructor(app) {
    this.app = app;
    this.topic = null;
    this.way = "last";
    this.partitions = 1;
    this.values = { last: "20", offset: "0", time: "" };
    this.answer = null;
    this.tail = null;
    this.asked = 0;
    this.held = [];
    this.#build();
    app.on("language", () => this.draw());
  }

  #build() {
    const { app } = this;
    this.partition = app.el("select", { id: "kafka-partition", "data-test": "kafka-partition" });
    this.ways = sayIn(app, app.el("div", { class: "choice", role: "group" }), "aria-label",
      "messages.from");
    this.ways.append(...WAYS.map((way) => say(app, app.el("button", { type: "button",
      "data-way": way, "data-test": `kafka-way-${way}`, onclick: () => this.#turn(way) }),
    `messages.way.${way}`)));
    this.label = app.el("label", { for: "kafka-value" });
    this.value = app.el("input", { id: "kafka-value", "data-test": "kafka-value",
      "aria-describedby": "kafka-wrong", autocomplete: "off", spellcheck: "false",
      oninput: () => { this.values[this.way] = this.value.value; this.#wrong(null); } });
    this.read = say(app, app.el("button", { class: "main", "data-test": "kafka-read" }),
      "messages.read");
    this.live = app.el("button", { type: "button",  "data-test": "kafka-tail",
      onclick: () => (this.tail ? this.stop() : this.follow()) });
    this.open = app.el("input", { type: "checkbox", id: "kafka-pretty", "data-test": "kafka-pretty",
      onchange: () => this.#drawList() });
    this.wrong = app.el("p", { class: "field-wrong", id: "kafka-wrong", role: "alert" });
    const form = app.el("form", { class: "message-form", novalidate: true,
      onsubmit: (event) => { event.preventDefault(); this.ask(this.#question()); } },
    app.el("span", { class: "field" },
      say(app, app.el("label", { for: "kafka-partition" }), "messages.partition"), this.partition),
    app.el("span", { class: "field" }, this.ways),
    app.el("span", { class: "field" }, this.label, this.value), this.read, this.live,
    app.el("span", { class: "check" }, this.open,
      say(app, app.el("label", { for: "kafka-pretty" }), "messages.pretty")), this.wrong);
    this.told = app.el("p", { class: "note", "data-test": "kafka-told" });
    this.list = sayIn(app, app.el("div", { class: "q-list messages" }), "aria-label",
      "messages.title");
    this.point = arrows(this.list, "summary");
    this.list.addEventListener("pointerenter", ({ pointerType }) => {
      this.pointed = pointerType === "mouse";
    });
    this.list.addEventListener("pointerleave", () => { this.pointed = false; this.#letGo(); });
    this.list.addEventListener("focusout", () => setTimeout(() => this.#reads() || this.#letGo()));
    this.earlier = say(app, app.el("button", { type: "button",
      onclick: () => this.#page(-1) }), "messages.earlier");
    this.later = say(app, app.el("button", { type: "button",
      onclick: () => this.#page(1) }), "messages.later");
    this.pages = app.el("p", { class: "pages" }, this.earlier, this.later);
    this.root = app.el("div", { class: "kafka-messages" }, form, this.told, this.list, this.pages);
    this.#turn("last");
  }

  // Take another topic; its newest messages are shown at once.
  choose(topic, partitions) {
    if (topic === this.topic) return;
    this.stop();
    this.topic = topic;
    this.partitions = partitions;
    this.#drawPartitions();
    this.partition.value = partitions > 1 ? "" : "0";
    this.answer = null;
    this.#turn("last");
    this.ask(this.#question());
  }

  #drawPartitions() {
    const { app } = this;
    const chosen = this.partition.value;
    const one = (i) => app.el("option", { value: String(i), text: app.number(i) });
    this.partition.replaceChildren(
      ...(this.partitions > 1 ? [app.el("option", { value: "", text: app.t("messages.all") })] : []),
      ...Array.from({ length: Math.min(this.partitions, MOST_PARTITIONS) }, (_, i) => one(i)));
    this.partition.value = chosen;
  }

  // Show messages from a place that another section names.
  show({ partition, offset, time_ms: time }) {
    this.stop();
    this.partition.value = String(partition ?? (this.partitions > 1 ? "" : 0));
    if (offset !== undefined) this.values.offset = String(offset);
    else this.values.time = localTime(time);
    this.#turn(offset !== undefined ? "offset" : "time");
    this.ask(this.#question());
    this.value.focus({ preventScroll: true });
  }

  #turn(way) {
    this.way = way;
    if (way === "offset" && !this.partition.value) this.partition.value = "0";
    if (way === "time" && !this.values.time) this.values.time = localTime(Date.now() - 60_000);
    this.value.type = way === "time" ? "datetime-local" : "text";
    if (way === "time") this.value.step = "1";
    this.value.inputMode = way === "time" ? "" : "numeric";
    this.value.value = this.values[way];
    this.#wrong(null);
    this.draw();
  }

  #question() {
    const { way, values } = this;
    const partition = this.partition.value || null;
    if (way === "time") {
      const at = new Date(values.time).getTime();
      return { partition, time_ms: Number.isNaN(at) ? values.time || "?" : at, limit: LIMIT };
    }
    if (way === "offset") return { partition, offset: values.offset.trim(), limit: LIMIT };
    return { partition, last: values.last.trim() };
  }

  async ask(question) {
    const { app } = this;
    this.stop();
    this.asked += 1;
    const mine = this.asked;
    this.list.setAttribute("aria-busy", "true");
    try {
      const answer = await app.api("/api/kafka/messages", { topic: this.topic, ...question });
      if (mine !== this.asked) return;
      this.answer = { ...answer, several: Object.keys(answer.partitions ?? {}).length > 1 };
      if (question.last !== undefined) this.answer.messages.reverse();
      this.#wrong(null);
      this.draw();
    } catch (error) {
      if (mine === this.asked) this.#wrong(error);
    } finally {
      if (mine === this.asked) this.list.setAttribute("aria-busy", "false");
    }
  }

  #wrong(error) {
    this.wrong.textContent = error ? sentence(this.app, error) : "";
    this.wrong.hidden = !error;
    if (error) this.value.setAttribute("aria-invalid", "true");
    else this.value.removeAttribute("aria-invalid");
  }

  #page(way) {
    const { messages, begin } = this.answer;
    const offsets = messages.map(({ offset }) => offset);
    const first = Math.min(...offsets);
    const from = way > 0 ? Math.max(...offsets) + 1 : Math.max(begin, first - LIMIT);
    const limit = way > 0 ? LIMIT : Math.max(1, Math.min(LIMIT, first - from));
    this.values.offset = String(from);
    this.#turn("offset");
    this.ask({ partition: this.partition.value, offset: from, limit });
  }

  // Follow the topic as it grows; the server bounds what it sends and counts what it skips.
  follow() {
    const { app } = this;
    this.asked += 1;
    this.skipped = 0;
    this.answer = { messages: [], live: true };
    const path = `/api/kafka/tail?topic=${encodeURIComponent(this.topic)}`;
    const line = new EventSource(path);
    this.tail = line;
    line.addEventListener("messages", (event) => this.#came(JSON.parse(event.data)));
    line.addEventListener("problem", (event) => {
      const { error, todo } = JSON.parse(event.data);
      this.#wrong({ message: error, todo });
    });
    line.addEventListener("end", () => {
      this.stop();
      this.#wrong({ message: app.t("messages.ended") });
    });
    line.onopen = () => this.#wrong(null);
    line.onerror = () => {
      if (line.readyState !== EventSource.CLOSED || line !== this.tail) return;
      this.stop();
      refusal(path).then((told) => this.#wrong({ message: told ?? app.t("messages.cut") }));
    };
    app.announce(app.t("messages.following"));
    this.draw();
  }

  stop() {
    if (!this.tail) return;
    this.tail.close();
    this.tail = null;
    this.#letGo();
    this.app.announce(this.app.t("messages.stopped"));
    this.draw();
  }

  #came({ messages = [], skipped = 0 }) {
    this.skipped += skipped;
    this.held = [...messages.reverse(), ...this.held].slice(0, TAIL_KEPT);
    if (!this.#reads()) this.#letGo();
    this.#drawTold();
  }

  // Whether someone points at the list or has one of its rows chosen: then it must not move.
  #reads() {
    return this.pointed || this.list.contains(document.activeElement);
  }

  // Show what has waited while someone read the list.
  #letGo() {
    if (!this.held.length || !this.answer?.live) return;
    const fresh = this.held;
    this.held = [];
    this.answer.messages = [...fresh, ...this.answer.messages].slice(0, TAIL_KEPT);
    this.app.frame(() => {
      this.list.prepend(...fresh.map((message) => this.#message(message)));
      while (this.list.childElementCount > TAIL_KEPT) this.list.lastElementChild.remove();
      this.point();
    });
  }

  draw() {
    const { app, answer } = this;
    this.#drawPartitions();
    for (const button of this.ways.children) {
      button.setAttribute("aria-pressed", String(button.dataset.way === this.way));
    }
    this.label.textContent = app.t(`messages.value.${this.way}`);
    this.live.textContent = app.t(this.tail ? "messages.stop" : "messages.tail");
    this.live.setAttribute("aria-pressed", String(Boolean(this.tail)));
    const offsets = answer?.messages?.map(({ offset }) => offset) ?? [];
    this.pages.hidden = Boolean(answer?.live) || !offsets.length || answer.several;
    this.earlier.disabled = Math.min(...offsets) <= (answer?.begin ?? 0);
    this.later.disabled = Math.max(...offsets) >= (answer?.end ?? 0) - 1;
    this.#drawTold();
    this.#drawList();
  }

  #drawTold() {
    const { app, answer } = this;
    const { messages = [], begin, end, live, several } = answer ?? {};
    const n = app.number(messages.length);
    this.told.textContent = !answer ? app.t("record.loading")
      : live ? app.t(this.tail ? "messages.live" : "messages.was_live",
        { n, skipped: app.number(this.skipped), held: app.number(this.held.length) })
        : app.t(several ? "messages.several" : messages.length ? "messages.range" : "messages.none",
          { n, begin: app.number(begin ?? 0), end: app.number(end ?? 0) });
  }

  #drawList() {
    const { messages = [] } = this.answer ?? {};
    this.list.replaceChildren(...messages.map((message) => this.#message(message)));
    this.point();
  }

  #message(message) {
    const { app } = this;
    const text = message.text ?? message.hex;
    const shown = app.el("bdi", { class: "q-text" });
    shown.append(...visible(app, beginning(text ?? app.t("record.tombstone"), PREVIEW)));
    const summary = app.el("summary", {},
      when(app, message.append_ms), app.el("span", { class: "place", text: `${message.partition}:${message.offset}` }),
      app.el("span", { class: "q-reason dim", text: app.bytes(message.bytes) }), shown);
    const details = app.el("details", { class: "q-row", "data-test": "kafka-message",
      "data-key": `${message.partition}:${message.offset}` }, summary);
    const fill = () => {
      if (details.open && details.childElementCount === 1) details.append(opened(app, message));
    };
    details.addEventListener("toggle", fill);
    if (this.open.checked) {
      details.open = true;
      fill();
    }
    return details;
  }
}

function opened(app, message) {
  const headers = message.headers ?? [];
  return app.el("div", { class: "q-open" }, app.el("dl", { class: "facts" },
    fact(app, "messages.key", foreign(app, message.key)),
    fact(app, "record.appended", app.dateTime(message.append_ms)),
    ...headers.map(([name, value]) => app.el("div", {},
      app.el("dt", {}, app.t("messages.header"), " ", foreign(app, name)),
      app.el("dd", {}, foreign(app, value))))),
  ...payload(app, message));
}

function fact(app, key, value) {
  return app.el("div", {}, app.el("dt", { text: app.t(key) }), app.el("dd", {}, value));
}

// Return the sentence with which the server refused a tail, or null.
async function refusal(path) {
  const line = new AbortController();
  try {
    const response = await fetch(path, { signal: line.signal });
    return response.ok ? null : (await response.json()).error ?? null;
  } catch {
    return null;
  } finally {
    line.abort();
  }
}

// Return a time as the field for local times writes it.
function localTime(ms) {
  const at = new Date(ms);
  const two = (n) => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
    + `T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
