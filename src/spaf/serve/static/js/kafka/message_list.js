// A list of Kafka's messages, one line each, opened where they stand.

import { arrows, sayIn, when } from "../core/ui.js";
import { payload } from "./payload.js";
import { beginning, foreign, visible } from "../core/untrusted_text.js";

// Messages of a live tail that stay on the page.
export const MAX_LIVE = 100;
// Of a message's text so much stands in its line before it is opened, characters.
const PREVIEW = 200;

// The list; new messages are held back while someone points at it or has a row chosen.
export class MessageList {
  constructor(app, isOpen) {
    this.app = app;
    this.isOpen = isOpen;
    this.messages = [];
    this.held = [];
    this.drawn = 0;
    this.root = sayIn(app, app.el("div", { class: "q-list messages" }), "aria-label",
      "messages.title");
    this.point = arrows(this.root, "summary");
    this.#letGoAfterReading();
    app.on("language", () => this.draw());
  }

  #letGoAfterReading() {
    this.root.addEventListener("pointerenter", ({ pointerType }) => {
      this.pointed = pointerType === "mouse";
    });
    this.root.addEventListener("pointerleave", () => {
      this.pointed = false;
      this.letGo();
    });
    this.root.addEventListener("focusout", () => setTimeout(() => this.#reads() || this.letGo()));
  }

  #reads() {
    return this.pointed || this.root.contains(document.activeElement);
  }

  // Show these, and no others.
  show(messages) {
    this.messages = messages;
    this.held = [];
    this.draw();
  }

  // Add messages on top, newest first, or keep them back.
  add(messages) {
    this.held = [...messages, ...this.held].slice(0, MAX_LIVE);
    if (!this.#reads()) this.letGo();
  }

  // Show what was held back.
  letGo() {
    const fresh = this.held;
    if (!fresh.length) return;
    this.held = [];
    this.messages = [...fresh, ...this.messages].slice(0, MAX_LIVE);
    const before = this.drawn;
    this.app.frame(() => {
      if (before !== this.drawn) return; // all were drawn anew meanwhile, these among them
      this.root.prepend(...fresh.map((message) => this.#row(message)));
      const { root } = this;
      while (root.childElementCount > MAX_LIVE
        && !root.lastElementChild.contains(document.activeElement)) root.lastElementChild.remove();
      this.point();
    });
  }

  draw() {
    this.drawn += 1;
    this.root.replaceChildren(...this.messages.map((message) => this.#row(message)));
    this.point();
  }

  #row(message) {
    const { app } = this;
    const place = `${message.partition}:${message.offset}`;
    const shown = app.el("bdi", { class: "q-text" });
    const text = message.text ?? message.hex ?? app.t("record.tombstone");
    shown.append(...visible(app, beginning(text, PREVIEW)));
    const details = app.el("details", { class: "q-row", "data-test": "kafka-message",
      "data-key": place, open: this.isOpen() }, app.el("summary", {}, when(app, message.append_ms),
      app.el("span", { class: "place", text: place }),
      app.el("span", { class: "q-reason dim", text: app.bytes(message.bytes) }), shown));
    const fill = () => {
      if (details.open && details.childElementCount === 1) details.append(opened(app, message));
    };
    details.addEventListener("toggle", fill);
    fill();
    return details;
  }
}

function opened(app, message) {
  const headers = message.headers ?? [];
  return app.el("div", { class: "q-open" }, app.el("dl", { class: "facts" },
    fact(app, app.t("messages.key"), foreign(app, message.key)),
    fact(app, app.t("record.appended"), app.dateTime(message.append_ms)),
    ...headers.map(([name, value]) => fact(app,
      [app.t("messages.header"), " ", foreign(app, name)], foreign(app, value)))),
  ...payload(app, message));
}

function fact(app, name, value) {
  return app.el("div", {}, app.el("dt", {}, ...[name].flat()), app.el("dd", {}, value));
}
