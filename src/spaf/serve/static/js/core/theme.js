// The colour theme (light, dark, or that of the system), and the sheet's colours for what is drawn on a canvas.

import { emit } from "./events.js";
import { store, stored } from "./i18n.js";

const STORAGE_KEY = "spaf.theme";
const CHOICES = ["auto", "light", "dark"];
let current = CHOICES.find((choice) => choice === stored(STORAGE_KEY)) ?? "auto";

/** Apply the chosen theme, and follow the system's changes. */
export function startTheme() {
  document.documentElement.dataset.theme = current;
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => emit("theme", current));
}

/** Return the choice: auto, light or dark. */
export function theme() {
  return current;
}

/** Choose the next theme. */
export function nextTheme() {
  current = CHOICES[(CHOICES.indexOf(current) + 1) % CHOICES.length];
  document.documentElement.dataset.theme = current;
  store(STORAGE_KEY, current);
  emit("theme", current);
}

/** Return the present colour of a custom property, as a canvas reads it. @param {string} property */
export function colour(property) {
  // An element that is never shown.
  document.head.style.setProperty("color", `var(${property})`);
  return getComputedStyle(document.head).color;
}
