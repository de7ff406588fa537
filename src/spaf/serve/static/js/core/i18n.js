// The page's texts in two languages, from locales/*.json, and the language that is chosen.

import en from "../../locales/en.json" with { type: "json" };
import pt from "../../locales/pt.json" with { type: "json" };

// Where the browser keeps the choice.
const STORAGE_KEY = "spaf.language";
const LOCALES = { en, pt };
let current = initialLanguage();

function initialLanguage() {
  const stored = readStorage(STORAGE_KEY);
  if (stored === "en" || stored === "pt") return stored;
  const preferred = globalThis.navigator?.language ?? "en";
  return preferred.toLowerCase().startsWith("pt") ? "pt" : "en";
}

// t("stale.silent", { seconds: 3 }): the text with {seconds} filled in; a missing key shows itself.
export function t(key, values = {}) {
  const text = LOCALES[current][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (place, name) => (name in values ? values[name] : place));
}

// Return the English text of a key, or undefined: the server writes its messages in English.
export function inEnglish(key) {
  return en[key];
}

// Return the key below a prefix whose English text is this message of the server, or undefined.
export function keyOfMessage(prefix, message) {
  return Object.keys(en).find((key) => key.startsWith(prefix) && en[key] === message);
}

export const language = () => current;

// The tag for Intl: the browser's own region where it speaks the page's language.
export function locale() {
  const own = (globalThis.navigator?.languages ?? []).find((tag) => tag.toLowerCase().startsWith(current));
  return own ?? (current === "pt" ? "pt-BR" : "en");
}

export function setLanguage(next) {
  current = next;
  writeStorage(STORAGE_KEY, next);
}

// Return what the browser has stored under a name; null where there is none or storage is forbidden.
export function readStorage(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

// Store a value, or remove it where it is null. Where storage is forbidden, the choice holds until the
// page is closed.
export function writeStorage(name, value) {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // nothing to do
  }
}
