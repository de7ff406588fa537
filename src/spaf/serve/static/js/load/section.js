// The load: start, stop and change it, inject an anomaly now, and the links to the web pages of Flink and Locust.

import { html } from "../../vendor/lit-html/lit-html.js";
import { latest, on } from "../core/events.js";
import { number, rate as rateText } from "../core/format.js";
import { hasText, t } from "../core/i18n.js";
import { CATEGORIES } from "../core/catalogue.js";
import { postJson } from "../core/server.js";
import { announce, choice, errorText, kindName, mark, panel, sectionHead, serverMessage, textOr } from "../core/ui.js";
import { escaped } from "../core/untrusted_text.js";
import { formatRate, parseRate } from "./rate_input.js";

const RATES = [10, 50, 100, 1_000];
// The rate that Start begins with while none was chosen, sales a second.
const FIRST_RATE = 100;
// How long an answer is shown, ms.
const MESSAGE_MS = 12_000;

/** Build the section. @param {HTMLElement} section */
export function mount(section) {
  new LoadPanel(section);
}

class LoadPanel {
  /** @param {HTMLElement} section */
  constructor(section) {
    this.busy = false;
    /** @type {number | null} the rate that was chosen or is running */
    this.rate = null;
    this.starting = false;
    // The server takes one change at a time: each is sent when the one before is answered.
    this.sent = Promise.resolve();
    /** @type {{ text: string, wrong: boolean } | null} the answer to what was pressed */
    this.message = null;
    this.fading = 0;
    this.counting = 0;
    this.wrongRate = false;
    this.redraw = panel(section, ["load", "snapshot"], () => this.#template(section.id));
    const find = (/** @type {string} */ id) => /** @type {any} */ (section.querySelector(id));
    this.ownRate = /** @type {HTMLInputElement} */ (find("#own-rate"));
    this.category = /** @type {HTMLSelectElement} */ (find("#inject-category"));
    on("load", () => this.#follow());
    this.#follow();
  }

  get state() {
    return latest("load")?.state ?? "unknown";
  }

  get running() {
    return this.state === "running";
  }

  /** Take over the rate of the running load, or send the one that was chosen before the start was known. */
  #follow() {
    const load = latest("load");
    const chosen = this.starting && this.running ? this.rate : null;
    if (this.running) this.starting = false;
    if (load?.rate && !this.busy && (this.running || this.rate === null)) this.rate = load.rate;
    if (chosen !== null && chosen !== load?.rate) this.#setRate(chosen);
    this.redraw();
  }

  /** @param {string} id */
  #template(id) {
    const { state, running } = this;
    const away = state === "gone" || state === "unknown";
    const message = this.message ?? { text: hintText(state), wrong: false };
    const status = html`<span class="load-state" data-test="load-state" data-state=${headless() ? "running" : state}>${
      stateText(state)}</span>`;
    return html`<div class="controls">${sectionHead(id, t("controls.title"), links(state), status)}<div class="control-line"><button
      type="button" class=${running ? "" : "main"} data-test="load-start" ?disabled=${away || this.busy} @click=${() => this.#toggle()}>${
      t(running ? "controls.stop" : "controls.start")}</button>${choice(t("controls.rate"), RATES, {
        pressed: this.rate ?? FIRST_RATE, text: number, test: "rate-", disabled: away,
        choose: (rate) => this.#setRate(rate),
      })}${this.#rateForm(away)}</div>
      <div class="control-line"><span class="label">${t("controls.inject")}</span>${this.#kinds()}<label
        for="inject-category" class="label">${t("controls.into")}</label><select id="inject-category"
        data-test="inject-category" ?disabled=${!running}><option value="">${t("controls.any")}</option>${
        CATEGORIES.map((name) => html`<option value=${name}>${name}</option>`)}</select></div>
      <p class="message${message.wrong ? " wrong" : ""}" id="controls-told" data-test="controls-told">${message.text}</p></div>`;
  }

  /** @param {boolean} away */
  #rateForm(away) {
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#setRate(parseRate(this.ownRate.value));
    };
    const typed = () => {
      this.wrongRate = false;
      this.redraw();
    };
    return html`<form class="own-rate" novalidate @submit=${submit}><label for="own-rate" class="hidden">${
      t("controls.own_label")}</label><input inputmode="numeric" autocomplete="off" size="6" id="own-rate"
      data-test="rate-own" aria-describedby="controls-told" aria-invalid=${this.wrongRate} placeholder=${t("controls.own")}
      ?disabled=${away} @input=${typed}><button ?disabled=${away}>${t("controls.set")}</button></form>`;
  }

  #kinds() {
    const kinds = latest("snapshot")?.run.injections ?? [];
    return html`<div class="inject" role="group" aria-label=${t("controls.inject")}>${kinds.map((kind) =>
      html`<button type="button" data-kind=${kind} data-test="inject-${kind}" ?disabled=${!this.running}
        @click=${() => this.#inject(kind)}>${mark(kind)}<span>${kindName(kind)}</span></button>`)}</div>`;
  }

  #toggle() {
    if (this.running) this.#send("/api/load", { action: "stop" }, () => t("controls.stopped"));
    else this.#begin(this.rate ?? FIRST_RATE);
  }

  /** @param {number} rate */
  async #begin(rate) {
    this.rate = rate;
    this.starting = true;
    const text = () => t("controls.started", { rate: formatRate(rate) });
    if (!await this.#send("/api/load", { action: "start", rate }, text)) this.starting = false;
  }

  /** Set a rate. Null is not a rate: the server answers what is allowed. @param {number | null} rate */
  async #setRate(rate) {
    const values = { rate: formatRate(rate) };
    if (!this.running && rate !== null) {
      this.rate = rate;
      this.#tell(t("controls.rate_chosen", values), false);
      return;
    }
    const answer = await this.#send("/api/load", { action: "rate", rate }, () => t("controls.rate_set", values));
    if (answer) this.rate = rate;
    else if (rate === null || !RATES.includes(rate)) this.wrongRate = true;
    this.redraw();
  }

  /** @param {string} kind */
  async #inject(kind) {
    const category = this.category.value || null;
    const answer = await this.#send("/api/inject", { kind, category }, null);
    if (!answer) return;
    const where = answer.category ?? category;
    const key = ["injected", where && "into", answer.seconds && "for"].filter(Boolean).join("_");
    const note = answer.note ? ` ${serverMessage(answer.note)}` : "";
    const text = (/** @type {number} */ seconds) => t(`controls.${key}`, {
      kind: kindName(kind), category: escaped(where ?? ""), seconds: number(seconds),
    }) + note;
    this.#tell(text(Math.ceil(answer.seconds ?? 0)), false);
    if (answer.seconds) this.#countDown(answer.seconds, text);
  }

  /** Count down what is left of an episode. @param {number} seconds @param {(seconds: number) => string} text */
  #countDown(seconds, text) {
    const end = performance.now() + seconds * 1_000;
    clearTimeout(this.fading);
    this.counting = setInterval(() => {
      const left = Math.ceil((end - performance.now()) / 1_000);
      if (left <= 0) return this.#clear();
      this.message = { text: text(left), wrong: false };
      return this.redraw();
    }, 1_000);
  }

  /**
   * Send a change after the one before; return the answer, or null where it was refused, which is shown.
   *
   * @param {string} path
   * @param {object} body
   * @param {(() => string) | null} text of the success
   * @returns {Promise<any>}
   */
  #send(path, body, text) {
    const answer = this.sent.then(() => this.#sendNow(path, body, text));
    this.sent = answer;
    return answer;
  }

  /** @param {string} path @param {object} body @param {(() => string) | null} text */
  async #sendNow(path, body, text) {
    this.busy = true;
    this.redraw();
    try {
      const answer = await postJson(path, body);
      this.wrongRate = false;
      if (text) this.#tell(text(), false);
      return answer ?? {};
    } catch (error) {
      this.#tell(errorText(error), true);
      return null;
    } finally {
      this.busy = false;
      this.redraw();
    }
  }

  /** @param {string} text @param {boolean} wrong */
  #tell(text, wrong) {
    this.message = { text, wrong };
    announce(text);
    clearTimeout(this.fading);
    clearInterval(this.counting);
    this.fading = setTimeout(() => this.#clear(), MESSAGE_MS);
    this.redraw();
  }

  #clear() {
    clearInterval(this.counting);
    this.message = null;
    this.redraw();
  }
}

/** Return the links to the web pages of Flink and Locust; one that is away has none. @param {string} state of the load */
function links(state) {
  const pages = Object.entries(latest("snapshot")?.run.links ?? {}).filter(([name, address]) =>
    /^https?:/.test(address) && !(name === "locust" && state === "gone"));
  return html`<p class="links">${pages.map(([name, address]) => html`<a href=${address} rel="noreferrer noopener"
    target="_blank">${t("controls.page_of", { name: t(`stage.${name}`) })}</a>`)}</p>`;
}

/** @param {string} state */
function stateText(state) {
  const { achieved = 0, rate, failed } = latest("load") ?? {};
  const values = { achieved: rateText(achieved, 10), rate: formatRate(rate) };
  const text = hasText(`controls.state.${state}`) ? t(`controls.state.${state}`, values) : textOr("", state);
  const parts = [headless() && state !== "running" ? "" : text, headlessText()];
  if (failed) parts.splice(1, 0, t("controls.failed", { n: number(failed) }));
  return parts.filter(Boolean).join(" · ");
}

/** Return the sales of `spaf load`, which is not controlled from here, or null. */
function headless() {
  return latest("load")?.headless ?? null;
}

function headlessText() {
  const load = headless();
  return load && t("controls.state.headless", { achieved: rateText(load.achieved, 10), rate: formatRate(load.rate) });
}

/** Return why something cannot be pressed. @param {string} state */
function hintText(state) {
  if (headless() && state !== "gone") return t("controls.headless");
  if (state === "running" || state === "unknown") return "";
  return t(state === "gone" ? "controls.away" : "controls.not_running");
}
