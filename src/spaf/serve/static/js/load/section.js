// The load: start, stop and change it, inject an anomaly now, and the links to the web pages of Flink and Locust.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { latest, on } from "../core/events.js";
import { exactRate, number, parseRate, rate as rateText } from "../core/format.js";
import { keyOfMessage, t } from "../core/i18n.js";
import { CATEGORIES } from "../core/palette.js";
import { mayOperate } from "../core/role.js";
import { postJson } from "../core/server.js";
import { isMeasuring } from "../core/state.js";
import { announce, byId, choice, errorText, kindName, mark, panel, sectionHead, textOr } from "../core/ui.js";
import { escaped } from "../core/untrusted_text.js";

const RATES = [10, 50, 100, 1_000];
// The rate that Start begins with while none was chosen, sales a second.
const FIRST_RATE = 100;
// How long an answer is shown, ms.
const MESSAGE_MS = 12_000;

/** Build the section. @param {HTMLElement} section */
export const mount = (section) => new LoadPanel(section);

class LoadPanel {
  /** @param {HTMLElement} section */
  constructor(section) {
    this.state = "unknown";
    this.running = false;
    this.busy = false;
    /** @type {number | null} the rate that was chosen or is running */
    this.rate = null;
    this.starting = false;
    // The server takes one change at a time: each is sent when the one before is answered.
    this.sent = /** @type {Promise<any>} */ (Promise.resolve());
    /** @type {{ text: (seconds: number) => string, wrong: boolean, end: number } | null} the answer to what was pressed */
    this.message = null;
    this.timer = 0;
    this.wrongRate = false;
    this.redraw = panel(section, ["load", "measure", "snapshot"], () => this.#template(section.id));
    on("load", () => this.#follow());
    this.#follow();
  }

  /** Take over the rate of the running load, or send the one that was chosen before the start was known. */
  #follow() {
    const load = latest("load");
    this.state = load?.state ?? "unknown";
    this.running = this.state === "running";
    const chosen = this.starting && this.running ? this.rate : null;
    if (this.running) this.starting = false;
    if (load?.rate && !this.busy && (this.running || this.rate === null)) this.rate = load.rate;
    if (chosen !== null && chosen !== load?.rate) this.#setRate(chosen);
    this.redraw();
  }

  /** @param {string} id */
  #template(id) {
    const { state } = this;
    const running = this.running && mayOperate();
    const away = state === "gone" || state === "unknown" || !mayOperate();
    const { text, wrong, end } = this.message ?? { text: () => hintText(state), wrong: false, end: 0 };
    const left = Math.ceil((end - performance.now()) / 1_000);
    const kinds = html`<div class="inject" role="group" aria-label=${t("controls.inject")}>${
      (latest("snapshot")?.run.injections ?? []).map((kind) => html`<button type="button" data-kind=${kind}
        data-test="inject-${kind}" ?disabled=${!running} @click=${() => this.#inject(kind)}>${mark(kind)}<span>${
        kindName(kind)}</span></button>`)}</div>`;
    const status = html`<span class="load-state" data-test="load-state" data-state=${
      latest("load")?.headless ? "running" : state}>${stateText(state)}</span>`;
    return html`<div class="controls">${sectionHead(id, t("controls.title"), links(state), status)}<div class="control-line"><button
      type="button" class=${this.running ? "" : "main"} data-test="load-start" ?disabled=${away || this.busy || (isMeasuring() && !this.running)} @click=${() => this.#toggle()}>${
      t(this.running ? "controls.stop" : "controls.start")}</button>${choice(t("controls.rate"), RATES, {
        pressed: this.rate ?? FIRST_RATE, text: number, test: "rate-", disabled: away,
        choose: (rate) => this.#setRate(rate),
      })}${this.#rateForm(away)}</div>
      <div class="control-line"><span class="label">${t("controls.inject")}</span>${kinds}<label
        for="inject-category" class="label">${t("controls.into")}</label><select id="inject-category"
        data-test="inject-category" ?disabled=${!running}><option value="">${t("controls.any")}</option>${
        CATEGORIES.map((name) => html`<option value=${name}>${name}</option>`)}</select></div>
      <p class="message${wrong ? " wrong" : ""}" id="controls-told" data-test="controls-told">${text(left)}</p></div>`;
  }

  /** @param {boolean} away */
  #rateForm(away) {
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#setRate(parseRate(field("own-rate")));
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

  async #toggle() {
    if (this.running) return this.#send("/api/load", { action: "stop" }, () => t("controls.stopped"));
    const rate = this.rate ?? FIRST_RATE;
    this.rate = rate;
    this.starting = true;
    const text = () => t("controls.started", { rate: exactRate(rate) });
    const answer = await this.#send("/api/load", { action: "start", rate }, text);
    if (!answer) this.starting = false;
    return answer;
  }

  /** Set a rate. Null is not a rate: the server answers what is allowed. @param {number | null} rate */
  async #setRate(rate) {
    const values = { rate: exactRate(rate) };
    if (!this.running && rate !== null) {
      this.rate = rate;
      this.#tell(() => t("controls.rate_chosen", values));
      return;
    }
    const answer = await this.#send("/api/load", { action: "rate", rate }, () => t("controls.rate_set", values));
    if (answer) this.rate = rate;
    else if (rate === null || !RATES.includes(rate)) this.wrongRate = true;
    this.redraw();
  }

  /** @param {string} kind */
  async #inject(kind) {
    const category = field("inject-category") || null;
    const answer = await this.#send("/api/inject", { kind, category }, null);
    if (!answer) return;
    const where = answer.category ?? category;
    const key = ["injected", where && "into", answer.seconds && "for"].filter(Boolean).join("_");
    const note = answer.note ? ` ${textOr(keyOfMessage("server.", answer.note) ?? "", answer.note)}` : "";
    const text = (/** @type {number} */ seconds) => t(`controls.${key}`, {
      kind: kindName(kind), category: escaped(where ?? ""), seconds: number(seconds),
    }) + note;
    this.#tell(text, { ms: answer.seconds ? answer.seconds * 1_000 : MESSAGE_MS });
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
    const send = async () => {
      this.busy = true;
      this.redraw();
      try {
        const answer = await postJson(path, body);
        this.wrongRate = false;
        if (text) this.#tell(text);
        return answer ?? {};
      } catch (error) {
        this.#tell(() => errorText(error), { wrong: true });
        return null;
      } finally {
        this.busy = false;
        this.redraw();
      }
    };
    this.sent = this.sent.then(send);
    return this.sent;
  }

  /** Show a text for a time, which may name the seconds that are left. @param {(seconds: number) => string} text */
  #tell(text, { wrong = false, ms = MESSAGE_MS } = {}) {
    this.message = { text, wrong, end: performance.now() + ms };
    announce(text(Math.ceil(ms / 1_000)));
    clearInterval(this.timer);
    this.timer = setInterval(() => {
      if (this.message && this.message.end <= performance.now()) {
        this.message = null;
        clearInterval(this.timer);
      }
      this.redraw();
    }, 1_000);
    this.redraw();
  }
}

/** Return what is typed or chosen in a field. @param {string} id */
function field(id) {
  return /** @type {HTMLInputElement | HTMLSelectElement} */ (byId(id)).value;
}

/** Return the links to the web pages of Flink and Locust; one that is away has none. @param {string} state of the load */
function links(state) {
  // They have no login of their own, and are on the machine of the run.
  if (!mayOperate()) return nothing;
  const pages = Object.entries(latest("snapshot")?.run.links ?? {}).filter(([name, address]) =>
    /^https?:/.test(address) && !(name === "locust" && state === "gone"));
  return html`<p class="links">${pages.map(([name, address]) => html`<a href=${address} rel="noreferrer noopener"
    target="_blank">${t("controls.page_of", { name: t(`stage.${name}`) })}</a>`)}</p>`;
}

/** @param {string} state */
function stateText(state) {
  const { achieved = 0, rate, failed, headless } = latest("load") ?? {};
  const values = { achieved: rateText(achieved, 10), rate: exactRate(rate) };
  const text = textOr(`controls.state.${state}`, state, values);
  return [
    headless && state !== "running" ? "" : text,
    failed ? t("controls.failed", { n: number(failed) }) : "",
    // The sales of `spaf load` or of a measurement, which are not controlled from here.
    headless ? t(`controls.state.${isMeasuring() ? "measuring" : "headless"}`, { achieved: rateText(headless.achieved, 10), rate: exactRate(headless.rate) }) : "",
  ].filter(Boolean).join(" · ");
}

/** Return why something cannot be pressed. @param {string} state */
function hintText(state) {
  if (!mayOperate()) return t("controls.viewer");
  if (isMeasuring()) return t("controls.measuring");
  if (latest("load")?.headless && state !== "gone") return t("controls.headless");
  if (state === "running" || state === "unknown") return "";
  return t(state === "gone" ? "controls.away" : "controls.not_running");
}
