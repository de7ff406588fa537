// Light, dark, or as the system is; and the colours of the sheet for what is drawn on a canvas.

import { readStorage, writeStorage } from "./i18n.js";

const STORAGE_KEY = "spaf.theme";
const CHOICES = ["auto", "light", "dark"];
const system = window.matchMedia("(prefers-color-scheme: dark)");
let probe = null;
let colours = new Map();

export function startTheme(changed) {
  apply(theme());
  system.addEventListener("change", () => {
    colours = new Map();
    changed();
  });
}

export function theme() {
  const kept = readStorage(STORAGE_KEY);
  return CHOICES.includes(kept) ? kept : "auto";
}

export function nextTheme() {
  const next = CHOICES[(CHOICES.indexOf(theme()) + 1) % CHOICES.length];
  writeStorage(STORAGE_KEY, next === "auto" ? null : next);
  apply(next);
  return next;
}

function apply(choice) {
  colours = new Map();
  if (choice === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
}

// The colour that a custom property has right now, as a canvas understands it.
export function colour(name) {
  let found = colours.get(name);
  if (!found) {
    if (!probe) {
      probe = document.createElement("i");
      probe.hidden = true;
      document.body.append(probe);
    }
    probe.style.setProperty("color", `var(${name})`);
    colours.set(name, (found = getComputedStyle(probe).color));
  }
  return found;
}
