// What holds the feed still: the button, or someone who points at a row, has it chosen, or scrolls.

// The button and what it says; `insert` is given what has waited when nothing holds any more.
export class FeedPause {
  constructor(app, feed, insert) {
    this.app = app;
    this.feed = feed;
    this.insert = insert;
    this.reasons = new Set();
    this.status = app.el("span", { class: "feed-status" });
    this.pause = app.el("button", { type: "button",
      "data-test": "anomalies-pause", onclick: () => this.#press() });
    this.root = app.el("span", { class: "feed-pause" }, this.status, this.pause);
  }

  // A row must not run away from a pointer, from the focus, or from who has scrolled to it.
  whileRead(scroll, body) {
    this.scroll = scroll;
    scroll.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "mouse") this.#hold("pointer", true);
    });
    scroll.addEventListener("pointerleave", () => this.#hold("pointer", false));
    body.addEventListener("focusin", () => this.#hold("focus", true));
    body.addEventListener("focusout", () => this.#hold("focus", false));
    scroll.addEventListener("scroll", () => this.#hold("scroll", scroll.scrollTop > 8));
  }

  draw() {
    const { app, reasons, feed } = this;
    const why = ["button", "focus", "pointer", "scroll"].find((reason) => reasons.has(reason));
    const n = app.number(feed.waiting.length);
    app.put(this.status, app.t(why ? `anomalies.paused.${why}` : "anomalies.live", { n }));
    this.status.classList.toggle("held", Boolean(why));
    const go = feed.waiting.length ? "anomalies.resume_n" : "anomalies.resume";
    app.put(this.pause, app.t(why ? go : "anomalies.pause", { n }));
    this.pause.setAttribute("aria-pressed", String(reasons.has("button")));
  }

  #press() {
    if (this.reasons.size && !this.reasons.has("button")) {
      this.scroll.scrollTop = 0;
      this.reasons.clear();
      this.#letGo();
    } else {
      this.#hold("button", !this.reasons.has("button"));
    }
  }

  #hold(reason, held) {
    if (held === this.reasons.has(reason)) return;
    if (held) this.reasons.add(reason);
    else this.reasons.delete(reason);
    if (!this.reasons.size) this.#letGo();
    else {
      this.feed.hold(true);
      this.draw();
    }
  }

  #letGo() {
    const waited = this.feed.hold(false);
    if (waited.length) this.insert(waited);
    this.draw();
  }
}
