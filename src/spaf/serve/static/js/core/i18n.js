// The page's texts in two languages, from locales/*.json, and the language that is chosen.

import { emit } from "./events.js";
import en from "../../locales/en.json" with { type: "json" };
import pt from "../../locales/pt.json" with { type: "json" };

const STORAGE_KEY = "spaf.language";
/** @type {Record<string, Record<string, string>>} */
const LOCALES = { en, pt };
// The choice, or else the language of the browser.
let current = [stored(STORAGE_KEY), globalThis.navigator?.language.toLowerCase().slice(0, 2)]
  .find((code) => code && code in LOCALES) ?? "en";

/**
 * Return the text of a key: t("stale.silent", { seconds: 3 }) fills in {seconds}. A missing key shows itself.
 *
 * @param {string} key
 * @param {TextValues} values
 * @param {string} code of another language than that of the page
 */
export function t(key, values = {}, code = current) {
  return (LOCALES[code][key] ?? key).replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}

/** Return whether a key has a text. @param {string} key */
export function hasText(key) {
  return key in LOCALES.en;
}

/**
 * Return the key below a prefix whose English text is this message of the server, or undefined.
 *
 * @param {string} prefix
 * @param {string} message
 */
export function keyOfMessage(prefix, message) {
  return Object.keys(en).find((key) => key.startsWith(prefix) && LOCALES.en[key] === message);
}

/** Return the code of the page's language. */
export function language() {
  return current;
}

/** Return the tag for Intl: the browser's own region where it speaks the page's language. */
export function locale() {
  const own = (globalThis.navigator?.languages ?? []).find((tag) => tag.toLowerCase().startsWith(current));
  return own ?? (current === "pt" ? "pt-BR" : "en");
}

/** Change the language and remember it. @param {string} code */
export function setLanguage(code) {
  current = code;
  store(STORAGE_KEY, code);
  emit("language", code);
}

/** Return what the browser stores under a name, or null; storage may be forbidden. @param {string} name */
export function stored(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Store a choice. @param {string} name @param {string} value */
export function store(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // The choice lasts until the page closes.
  }
}
