// Text from outside (categories, keys, bytes), made safe to show: it is only ever text, it cannot turn the
// direction of its neighbours, and characters that would be invisible are written out.

import { html } from "../../vendor/lit-html/lit-html.js";
import { number } from "./format.js";
import { t } from "./i18n.js";

// Control, format and unassigned characters, lone halves of pairs, line and paragraph separators.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u{e0000}-\u{e0fff}]/gu;
// Several in a row; a `<pre>` shows line feeds and tabs.
const HIDDEN_IN_LINES = new RegExp(`((?:(?![\\n\\t])${HIDDEN.source})+)`, "gu");
const HIDDEN_RUN = new RegExp(`(${HIDDEN.source}+)`, "gu");
/** @type {Record<string, string>} */
const SHORT = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
const JSON_PART = /("(?:\\.|[^"\\])*")(\s*:)?|(-?\d[\d.eE+-]*)|\b(true|false|null)\b/g;
// Characters of one value that are shown; a record may have a million, and the copy button gives them all.
const MAX_SHOWN_CHARS = 20_000;
// With more pieces than this the text is one plain node, so that a page of control characters is not as many elements.
const MAX_PIECES = 2_000;

/**
 * Return a text in which hidden characters are written out: `\n`, `\x1b`, `‹U+202E›`. The control pictures of
 * Unicode would be shorter, but many systems have no font with them.
 *
 * @param {string} text
 */
export function escaped(text) {
  return text.replace(HIDDEN, (char) => {
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f) return SHORT[char] ?? `\\x${code.toString(16).padStart(2, "0")}`;
    return `‹U+${code.toString(16).toUpperCase().padStart(4, "0")}›`;
  });
}

/**
 * Return what shows a text from outside, hidden characters escaped and marked.
 *
 * @param {string} text
 * @param {{ lines?: boolean, maxChars?: number }} options `lines`: keep line feeds and tabs, for a `<pre>`
 * @returns {Content[]}
 */
export function visible(text, { lines = false, maxChars = MAX_SHOWN_CHARS } = {}) {
  const shown = beginning(text, maxChars);
  const rest = text.length - shown.length;
  if (!rest) return pieces(shown, lines);
  const note = ` … ${t("panel.more_characters", { n: number(rest) })}`;
  return [...pieces(shown, lines), html`<span class="cut">${note}</span>`];
}

/** Return the beginning of a text, without half of a surrogate pair at its end. @param {string} text @param {number} maxChars */
export function beginning(text, maxChars) {
  return text.length > maxChars ? text.slice(0, maxChars).replace(/[\ud800-\udbff]$/, "") : text;
}

/** @param {string} text @param {boolean} lines */
function pieces(text, lines) {
  // Every second part is a run of hidden characters.
  const parts = text.split(lines ? HIDDEN_IN_LINES : HIDDEN_RUN);
  if (parts.length > 2 * MAX_PIECES) return [escaped(text)];
  return parts.map((part, i) => (i % 2 ? html`<span class="hidden-char">${escaped(part)}</span>` : part));
}

/**
 * Return a `<bdi>` with a text from outside; null is a dash.
 *
 * @param {string | null | undefined} text
 * @param {{ lines?: boolean, maxChars?: number }} options
 */
export function foreign(text, options = {}) {
  if (text === null || text === undefined) return html`<span class="none">–</span>`;
  return html`<bdi>${visible(text, options)}</bdi>`;
}

/** Return indented JSON with its parts coloured; every part is text from outside. @param {string} json */
export function coloured(json) {
  if (json.length > MAX_SHOWN_CHARS) return foreign(json, { lines: true });
  const parts = [];
  let from = 0;
  for (const match of json.matchAll(JSON_PART)) {
    const [whole, text, colon, digits] = match;
    const kind = colon ? "key" : text ? "text" : digits ? "number" : "word";
    parts.push(visible(json.slice(from, match.index), { lines: true }),
      html`<span class="json-${kind}">${visible(text ?? whole, { lines: true })}</span>`, colon ?? "");
    from = match.index + whole.length;
  }
  return html`<bdi>${parts}${visible(json.slice(from), { lines: true })}</bdi>`;
}
