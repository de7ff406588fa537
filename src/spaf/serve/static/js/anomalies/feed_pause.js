// What pauses the feed: the button, or a reader who points at a row, has it in focus, or has scrolled down.

import { html } from "../../vendor/lit-html/lit-html.js";
import { number } from "../core/format.js";
import { t } from "../core/i18n.js";
import { reading, whenRead } from "../core/ui.js";

// The list counts as scrolled beyond this, px.
const SCROLLED_PX = 8;

/** The button, its status, and the reason for a pause. */
export class FeedPause {
  /**
   * @param {import("./anomaly_feed.js").AnomalyFeed} feed
   * @param {(waited: Anomaly[]) => void} changed is called with what has waited when nothing pauses the feed any more
   */
  constructor(feed, changed) {
    this.feed = feed;
    this.changed = changed;
    this.pressed = false;
    /** @type {"button" | "focus" | "pointer" | "scroll" | null} */
    this.reason = null;
    /** @type {HTMLElement | null} */
    this.list = null;
  }

  /** Pause while the list is read: its rows must not move then. @param {HTMLElement} list */
  watch(list) {
    this.list = list;
    whenRead(list, () => this.#update());
  }

  template() {
    const { feed, pressed, reason } = this;
    const n = number(feed.waiting.length);
    const resume = feed.waiting.length ? t("anomalies.resume_n", { n }) : t("anomalies.resume");
    return html`<span class="feed-pause"><span class="feed-status${reason ? " held" : ""}">${
      reason ? t(`anomalies.paused.${reason}`, { n }) : ""}</span><button type="button" data-test="anomalies-pause"
      aria-pressed=${pressed} @click=${() => this.#press()}>${reason ? resume : t("anomalies.pause")}</button></span>`;
  }

  #press() {
    if (this.list && this.reason && !this.pressed) {
      this.list.scrollTop = 0;
      // Not every browser gives the focus to a button that is pressed.
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    } else {
      this.pressed = !this.pressed;
    }
    this.#update();
  }

  #update() {
    const { list, pressed, reason } = this;
    if (!list) return;
    const scrolled = list.scrollTop > SCROLLED_PX ? "scroll" : null;
    this.reason = pressed ? "button" : reading(list) ?? scrolled;
    if (this.reason !== reason) this.changed(this.feed.pause(this.reason !== null));
  }
}
