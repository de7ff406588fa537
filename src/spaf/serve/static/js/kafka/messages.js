// Messages of a topic: from an offset, from a time, the newest, or as they come.

import { MessageForm, LIMIT } from "./message_form.js";
import { MessageList } from "./message_list.js";
import { say } from "../core/ui.js";

// The form, the list under it and the live tail.
export class MessagesTab {
  constructor(app) {
    this.app = app;
    this.topic = null;
    this.answer = null;
    this.tail = null;
    this.skipped = 0;
    this.asked = 0;
    this.#build();
    app.on("language", () => this.draw());
  }

  #build() {
    const { app } = this;
    this.live = app.el("button", { type: "button", "data-test": "kafka-tail",
      onclick: () => (this.tail ? this.stop() : this.follow()) });
    const open = app.el("input", { type: "checkbox", id: "kafka-pretty",
      "data-test": "kafka-pretty", onchange: () => this.list.draw() });
    this.form = new MessageForm(app, (question) => this.ask(question), this.live,
      app.el("span", { class: "check" }, open,
        say(app, app.el("label", { for: "kafka-pretty" }), "messages.pretty")));
    this.told = app.el("p", { class: "note", "data-test": "kafka-told" });
    this.list = new MessageList(app, () => open.checked);
    this.earlier = say(app, app.el("button", { type: "button",
      onclick: () => this.#page(-1) }), "messages.earlier");
    this.later = say(app, app.el("button", { type: "button",
      onclick: () => this.#page(1) }), "messages.later");
    this.pages = app.el("p", { class: "pages" }, this.earlier, this.later);
    this.root = app.el("div", { class: "kafka-messages" }, this.form.root, this.told,
      this.list.root, this.pages);
    this.draw();
  }

  // Take another topic; its newest messages are shown at once.
  choose(topic, partitions) {
    if (topic === this.topic) return;
    this.topic = topic;
    this.answer = null;
    this.list.show([]);
    this.form.take(partitions);
    this.ask(this.form.question());
  }

  // Show messages from a place that another section names.
  show(place) {
    this.form.place(place);
    this.ask(this.form.question());
  }

  // Only the newest question may answer: an earlier one is passed over.
  async ask(question) {
    this.stop();
    this.asked += 1;
    const mine = this.asked;
    this.list.root.setAttribute("aria-busy", "true");
    try {
      const answer = await this.app.api("/api/kafka/messages", { topic: this.topic, ...question });
      if (mine === this.asked) this.#show(answer, question.last !== undefined);
    } catch (error) {
      if (mine === this.asked) this.form.wrong(error);
    } finally {
      if (mine === this.asked) this.list.root.setAttribute("aria-busy", "false");
    }
  }

  #show(answer, newestFirst) {
    this.answer = { ...answer, several: Object.keys(answer.partitions ?? {}).length > 1 };
    this.form.wrong(null);
    this.list.show(newestFirst ? answer.messages.reverse() : answer.messages);
    this.draw();
  }

  #page(way) {
    const { messages, begin } = this.answer;
    const offsets = messages.map(({ offset }) => offset);
    const first = Math.min(...offsets);
    const offset = way > 0 ? Math.max(...offsets) + 1 : Math.max(begin, first - LIMIT);
    const limit = way > 0 ? LIMIT : Math.max(1, Math.min(LIMIT, first - offset));
    this.form.place({ partition: messages[0].partition, offset });
    this.ask({ partition: messages[0].partition, offset, limit });
  }

  // Follow the topic as it grows; the server bounds what it sends and counts what it skips.
  follow() {
    const { app } = this;
    this.asked += 1;
    this.skipped = 0;
    this.answer = { live: true };
    this.list.show([]);
    this.tail = this.#line(`/api/kafka/tail?topic=${encodeURIComponent(this.topic)}`);
    app.announce(app.t("messages.following"));
    this.draw();
  }

  #line(path) {
    const line = new EventSource(path);
    const on = (kind, fn) => line.addEventListener(kind, (event) => fn(JSON.parse(event.data)));
    on("messages", ({ messages, skipped }) => {
      this.skipped += skipped;
      this.list.add(messages.reverse());
      this.#drawTold();
    });
    on("problem", ({ error, todo }) => this.form.wrong({ message: error, todo }));
    on("end", () => this.#ended(this.app.t("messages.ended")));
    line.onopen = () => this.form.wrong(null);
    line.onerror = () => {
      if (line.readyState !== EventSource.CLOSED || line !== this.tail) return;
      refusal(path).then((told) => this.#ended(told ?? this.app.t("messages.cut")));
    };
    return line;
  }

  #ended(message) {
    this.stop();
    this.form.wrong({ message });
  }

  stop() {
    if (!this.tail) return;
    this.tail.close();
    this.tail = null;
    this.list.letGo();
    this.app.announce(this.app.t("messages.stopped"));
    this.draw();
  }

  draw() {
    const { app, answer } = this;
    this.live.textContent = app.t(this.tail ? "messages.stop" : "messages.tail");
    this.live.setAttribute("aria-pressed", String(Boolean(this.tail)));
    const offsets = answer?.messages?.map(({ offset }) => offset) ?? [];
    this.pages.hidden = !offsets.length || answer.several;
    this.earlier.disabled = Math.min(...offsets) <= (answer?.begin ?? 0);
    this.later.disabled = Math.max(...offsets) >= (answer?.end ?? 0) - 1;
    this.#drawTold();
  }

  #drawTold() {
    const { app, answer, list } = this;
    const n = app.number(list.messages.length);
    const { begin = 0, end = 0, live, several } = answer ?? {};
    const of = several ? "messages.several" : "messages.range";
    const key = live ? (this.tail ? "messages.live" : "messages.was_live")
      : list.messages.length ? of : "messages.none";
    if (!answer) this.told.textContent = app.t("record.loading");
    else this.told.textContent = app.t(key, { n, begin: app.number(begin), end: app.number(end),
      skipped: app.number(this.skipped), held: app.number(list.held.length) });
  }
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
