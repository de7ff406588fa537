// The colour theme (light, dark, or that of the system), and the sheet's colours for what is drawn on a canvas.

import { readStorage, writeStorage } from "./i18n.js";

const STORAGE_KEY = "spaf.theme";
const CHOICES = ["auto", "light", "dark"];
/** @type {Map<string, string>} */
const colours = new Map();
/** @type {HTMLElement | null} */
let probe = null;

/** Apply the chosen theme, and hear of the system's changes. @param {() => void} changed */
export function startTheme(changed) {
  apply(theme());
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    colours.clear();
    changed();
  });
}

/** Return the choice: auto, light or dark. */
export function theme() {
  const stored = readStorage(STORAGE_KEY);
  return stored && CHOICES.includes(stored) ? stored : "auto";
}

/** Choose the next theme. */
export function nextTheme() {
  const next = CHOICES[(CHOICES.indexOf(theme()) + 1) % CHOICES.length];
  writeStorage(STORAGE_KEY, next === "auto" ? null : next);
  apply(next);
}

/** @param {string} choice */
function apply(choice) {
  colours.clear();
  if (choice === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
}

/** Return the present colour of a custom property, as a canvas reads it. @param {string} property */
export function colour(property) {
  const known = colours.get(property);
  if (known) return known;
  probe ??= addProbe();
  probe.style.setProperty("color", `var(${property})`);
  const present = getComputedStyle(probe).color;
  colours.set(property, present);
  return present;
}

function addProbe() {
  const node = document.createElement("i");
  node.hidden = true;
  document.body.append(node);
  return node;
}
