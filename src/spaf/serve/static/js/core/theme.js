// The colour theme (light, dark, or that of the system), and the sheet's colours for what is drawn on a canvas.

import { emit } from "./events.js";
import { store, stored } from "./i18n.js";

const STORAGE_KEY = "spaf.theme";
const CHOICES = ["auto", "light", "dark"];
// The choice: auto, light or dark.
export let theme = CHOICES.find((choice) => choice === stored(STORAGE_KEY)) ?? "auto";

document.documentElement.dataset.theme = theme;
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => emit("theme", theme));

/** Choose the next theme. */
export function nextTheme() {
  theme = CHOICES[(CHOICES.indexOf(theme) + 1) % CHOICES.length];
  document.documentElement.dataset.theme = theme;
  store(STORAGE_KEY, theme);
  emit("theme", theme);
}

/** Return the present colour of a custom property, as a canvas reads it. @param {string} property */
export function colour(property) {
  // An element that is never shown.
  document.head.style.setProperty("color", `var(${property})`);
  return getComputedStyle(document.head).color;
}
