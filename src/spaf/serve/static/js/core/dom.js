// Elements are built here and nowhere else; text from outside only ever becomes a text node.

const SVG = "http://www.w3.org/2000/svg";
// Control characters and the marks that turn the direction of text: shown, never obeyed.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

// el("td", {class: "n", text: "5", "data-key": k, onclick: f}, child, "more text")
export function el(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
}

// Writing the same text again would still cost a layout, and a new text node costs more than a
// new text in the one that is there.
export function put(node, text) {
  if (node.shown === text) return;
  node.shown = text;
  const only = node.firstChild;
  if (only?.nodeType === Node.TEXT_NODE && only === node.lastChild) only.data = text;
  else node.textContent = text;
}

// What a person typed somewhere, made harmless to look at: U+202E becomes the visible ‹U+202E›.
export function visible(text) {
  return String(text).replace(UNSEEN, (c) => {
    const code = c.codePointAt(0);
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return code === 0x7f ? "\u2421" : `‹U+${code.toString(16).toUpperCase().padStart(4, "0")}›`;
  });
}

// Text from outside in an element of its own, so that its direction ends where it ends.
export function bdi(text, props = {}) {
  return el("bdi", { ...props, text: visible(text) });
}
