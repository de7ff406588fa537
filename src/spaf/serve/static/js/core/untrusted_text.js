// What others have written (categories, keys, bytes), made safe to look at.
//
// It is only ever text, it cannot turn its neighbours around, and what would be invisible is seen.

// Control, format and unassigned characters, lone halves of pairs, line and paragraph separators.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u{e0000}-\u{e0fff}]+/gu;
const SHORT = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
// Characters of one value that are put on the page; a record may have a million, and the copy
// button gives them all.
const MAX_SHOWN_CHARS = 20_000;
// Above this many marked pieces the text is one plain node: a page of control characters would
// otherwise be as many elements.
const MAX_PIECES = 2_000;

// Return a text in which hidden characters are seen: `\n` for a line feed, `‹U+202E›`. The control
// pictures of Unicode would be shorter, but many systems have no font that holds them.
export function escaped(text) {
  return text.replace(HIDDEN, (run) => [...run].map(escapeOne).join(""));
}

function escapeOne(char) {
  const code = char.codePointAt(0);
  if (SHORT[char]) return SHORT[char];
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, "0")}`;
  return `‹U+${code.toString(16).toUpperCase().padStart(4, "0")}›`;
}

// Return nodes of a text others wrote, hidden characters escaped and marked.

//

// With `lines`, line feeds and tabs stay what they are, for text shown in a `<pre>`.
export function visible(app, text, { lines = false, longest = MAX_SHOWN_CHARS } = {}) {
  const cut = beginning(text, longest);
  const nodes = pieces(app, cut, lines);
  if (cut.length < text.length) {
    const more = app.t("panel.more_characters", { n: app.number(text.length - cut.length) });
    nodes.push(app.el("span", { class: "cut", text: ` … ${more}` }));
  }
  return nodes;
}

// Return the beginning of a text; no pair of halves is cut in two.
export function beginning(text, longest) {
  return text.length > longest ? text.slice(0, longest).replace(/[\ud800-\udbff]$/, "") : text;
}

function pieces(app, text, lines) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(HIDDEN)) {
    if (lines && /^[\n\t]+$/.test(found[0])) continue;
    if (nodes.length > MAX_PIECES) return [document.createTextNode(escaped(text))];
    nodes.push(document.createTextNode(text.slice(from, found.index)));
    const shown = lines ? found[0].split(/([\n\t])/) : [found[0]];
    for (const part of shown) {
      const kept = lines && (part === "\n" || part === "\t");
      nodes.push(kept ? document.createTextNode(part) : hidden(app, part));
    }
    from = found.index + found[0].length;
  }
  nodes.push(document.createTextNode(text.slice(from)));
  return nodes;
}

function hidden(app, run) {
  return app.el("span", { class: "hidden-char", text: escaped(run) });
}

// Return a `<bdi>` with a text that others wrote; `null` is a dash.
export function foreign(app, text, options) {
  if (text === null || text === undefined) return app.el("span", { class: "none", text: "–" });
  const shell = app.el("bdi", {});
  shell.append(...visible(app, String(text), options));
  return shell;
}

// Return pretty JSON with its parts told apart; every part is foreign text.
export function coloured(app, json) {
  const shell = app.el("bdi", {});
  const part = /("(?:\\.|[^"\\])*")(\s*:)?|(-?\d[\d.eE+-]*)|\b(true|false|null)\b/g;
  if (json.length > MAX_SHOWN_CHARS) return foreign(app, json, { lines: true });
  let from = 0;
  for (const found of json.matchAll(part)) {
    shell.append(...visible(app, json.slice(from, found.index), { lines: true }));
    const kind = found[2] ? "key" : found[1] ? "text" : found[3] ? "number" : "word";
    const span = app.el("span", { class: `json-${kind}` });
    span.append(...visible(app, found[1] ?? found[0], { lines: true }));
    shell.append(span, found[2] ?? "");
    from = found.index + found[0].length;
  }
  shell.append(...visible(app, json.slice(from), { lines: true }));
  return shell;
}
