// What the panels share: drawing with lit-html, names, marks, bars, choices, and lists for the arrow keys.

import { html, nothing, render } from "../../vendor/lit-html/lit-html.js";
import { frame, latest, on } from "./events.js";
import { dateTime, exactRate, number, time } from "./format.js";
import { hasText, language, t } from "./i18n.js";
import { escaped } from "./untrusted_text.js";

// One shape a kind in a box of 12 by 12, so that kinds differ not only by colour.
/** @type {Record<string, string>} */
const SHAPES = {
  high_price: "M6 1 11.5 11H.5Z",
  price_x10: "M6 1 11.5 11H.5Z",
  price_x100: "M6 0 10.5 6H1.5ZM6 5.5 11.5 12H.5Z",
  low_price: "M6 11 .5 1h11Z",
  price_div10: "M6 11 .5 1h11Z",
  bulk_quantity: "M0 7h5v5H0ZM7 7h5v5H7ZM3.5 0h5v5h-5Z",
  surge: "M0 9h3v3H0ZM4.5 5h3v7h-3ZM9 0h3v12H9Z",
  drought: "M0 0h3v12H0ZM4.5 10.5h3V12h-3ZM9 10.5h3V12H9Z",
  busy_minute: "M0 12V8h4V4h4V0h4v12Z",
  quiet_minute: "M0 12V0h4v4h4v4h4v4Z",
  high_revenue: "M6 0 11 5H8v7H4V5H1Z",
  low_revenue: "M6 12 1 7h3V0h4v7h3Z",
  customer_burst: "M0 4.5h3v3H0ZM4.5 0h3v12h-3ZM9 4.5h3v3H9Z",
  level_shift: "M0 9h6.5V3H12v2.2H8.7v6H0Z",
};
const OTHER_SHAPE = "M6 .5 11.5 6 6 11.5.5 6Z";

/**
 * Draw a template into a node: now, after each of these events, and after a change of language.
 *
 * @param {HTMLElement | DocumentFragment} node
 * @param {(keyof Events)[]} kinds
 * @param {() => Content} template
 * @returns {() => void} what draws it again in the next animation frame
 */
export function panel(node, kinds, template) {
  const draw = () => render(template(), node);
  const redraw = () => frame(draw);
  for (const kind of /** @type {(keyof Events)[]} */ ([...kinds, "language"])) on(kind, redraw);
  draw();
  return redraw;
}

/** Return the element with an id of the page. @param {string} id */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** Set the text of a node; an equal text is not set again. @param {HTMLElement} node @param {string} text */
export function put(node, text) {
  const only = node.firstChild;
  if (only instanceof Text && only === node.lastChild) {
    if (only.data !== text) only.data = text;
  } else if (text || only) {
    node.textContent = text;
  }
}

/** Let a screen reader say a text. @param {string} text */
export function announce(text) {
  put(byId("polite"), text);
}

/** Return the mark of a kind of anomaly, in the colour of the text around it. @param {string} kind */
export function mark(kind) {
  return html`<svg viewBox="0 0 12 12" width="12" height="12" class="mark" aria-hidden="true"><path
    d=${SHAPES[kind] ?? OTHER_SHAPE}></path></svg>`;
}

/** Return the name of a kind of anomaly; the server names those that the job reports. @param {string} kind */
export function kindName(kind) {
  return latest("snapshot")?.run.kind_names?.[language()]?.[kind] ?? textOr(`kind.${kind}`, kind);
}

/**
 * Return the text of a key, or what it stands for where it has none.
 *
 * @param {string} key
 * @param {string} fallback
 * @param {TextValues} values
 */
export function textOr(key, fallback, values = {}) {
  return hasText(key) ? t(key, values) : escaped(String(fallback));
}

/** Return the heading that names a section. @param {string} id of the section @param {string} title @param {Content[]} rest */
export function sectionHead(id, title, ...rest) {
  return html`<div class="section-head"><h2 id="${id}-title">${title}</h2>${rest}</div>`;
}

/** Return the time of a moment, with its date where it is not today. @param {number} ms */
export function moment(ms) {
  const isToday = new Date(ms).toDateString() === new Date().toDateString();
  return html`<time datetime=${new Date(ms).toISOString()} title=${dateTime(ms)}>${isToday ? time(ms) : dateTime(ms)}</time>`;
}

/**
 * Return a group of buttons of which one is pressed.
 *
 * @template T
 * @param {string} label
 * @param {readonly T[]} values
 * @param {{ pressed: T | null, choose: (value: T) => void, text: (value: T) => string, test?: string, disabled?: boolean }} how
 */
export function choice(label, values, { pressed, choose, text, test, disabled = false }) {
  return html`<div class="choice" role="group" aria-label=${label}>${values.map((value) => html`<button
    type="button" data-test=${test ? `${test}${value}` : nothing} aria-pressed=${value === pressed}
    ?disabled=${disabled} @click=${() => choose(value)}>${text(value)}</button>`)}</div>`;
}

/** Return a thin bar; a share that is not zero is seen. @param {number} share from 0 to 1 @param {string} extra class */
export function bar(share, extra = "") {
  const width = share > 0 ? Math.max(share * 100, 0.75) : 0;
  return html`<span class="bar ${extra}" aria-hidden="true"><span class="bar-fill"
    .style=${`inline-size: ${width}%`}></span></span>`;
}

/** Return the text of a value, or a dash for null. @template T @param {T | null | undefined} value @param {(value: T) => string} text */
export function orDash(value, text) {
  return value === null || value === undefined ? "–" : text(value);
}

/**
 * Make a list one stop of the Tab key, with the arrow keys leading from row to row.
 *
 * @param {HTMLElement} list
 * @param {string} selector of what of a row takes the focus
 */
export function arrowKeys(list, selector) {
  /** @type {Element | null} */
  let current = null;
  const rows = () => /** @type {HTMLElement[]} */ ([...list.querySelectorAll(selector)]);
  const update = () => {
    const stop = current?.isConnected ? current : rows()[0];
    for (const row of rows()) {
      const index = row === stop ? 0 : -1;
      if (row.tabIndex !== index) row.tabIndex = index;
    }
  };
  list.addEventListener("focusin", ({ target }) => {
    if (target instanceof Element && target.matches(selector)) current = target;
    update();
  });
  list.addEventListener("keydown", (event) => {
    const all = rows();
    const at = all.findIndex((row) => row === document.activeElement);
    const last = all.length - 1;
    /** @type {Record<string, number>} */
    const targets = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: last, PageDown: at + 10, PageUp: at - 10 };
    if (!(event.key in targets) || at < 0) return;
    event.preventDefault();
    const row = all[Math.max(0, Math.min(last, targets[event.key]))];
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  });
  update();
  new MutationObserver(update).observe(list, { childList: true });
}

/** Return why the rows of a list must not move: the focus is in it, or a mouse over it; or null. @param {HTMLElement} list */
export function reading(list) {
  if (list.matches(":focus-within")) return "focus";
  // A finger would leave it hovered.
  return window.matchMedia("(hover: hover)").matches && list.matches(":hover") ? "pointer" : null;
}

/** Hear when that may have changed, or the list was scrolled. @param {HTMLElement} list @param {() => void} listener */
export function whenRead(list, listener) {
  for (const kind of ["pointerenter", "pointerleave", "focusin", "focusout", "scroll"]) {
    list.addEventListener(kind, () => setTimeout(listener));
  }
}

/** Hear when a section comes near the screen or leaves. @param {HTMLElement} section @param {(near: boolean) => void} listener */
export function whenNear(section, listener) {
  new IntersectionObserver((entries) => listener(entries[entries.length - 1].isIntersecting), {
    rootMargin: "120px",
  }).observe(section);
}

/** Return what an error says and what to do, translated where there is a text. @param {any} error */
export function errorText(error) {
  if (!error?.message) return t("panel.no_answer");
  const name = escaped(String(error.parameter));
  if (error.parameter) return hasText(`panel.wrong.${name}`) ? t(`panel.wrong.${name}`) : t("panel.wrong", { name });
  const message = [error.message, error.todo].filter(Boolean).map((text) => escaped(String(text))).join(" ");
  if (!hasText(`refused.${error.code}`)) return message;
  const values = Object.entries(error.parameters ?? {}).map(([key, value]) =>
    [key, typeof value === "number" ? exactRate(value) : escaped(String(value))]);
  return t(`refused.${error.code}`, { error: message, ...Object.fromEntries(values) });
}

/**
 * Return the text for a list without a reason. Only where every record was accepted it says so; others may still
 * be on their way to being classified.
 *
 * @param {Accounts | null} accounts
 * @param {string} allAccepted key of the text
 */
export function noReasonsText(accounts, allAccepted) {
  const n = (accounts?.late ?? 0) + (accounts?.rejected ?? 0);
  if (!accounts) return t("record.loading");
  if (!n) return t(allAccepted);
  const waiting = accounts.quarantine?.waiting;
  // All are classified, and none of them is stored.
  if (waiting === 0) return t("quarantine.none_of_reason");
  return t("accounts.being_explained", { n: number(waiting ?? n) });
}
