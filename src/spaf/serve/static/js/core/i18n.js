// The page's words in two languages; a section adds its own with addWords.

const KEPT = "spaf.language";
const words = { en: {}, pt: {} };
let current = chosen();

function chosen() {
  const kept = read(KEPT);
  if (kept === "en" || kept === "pt") return kept;
  const first = (navigator.languages && navigator.languages[0]) || navigator.language || "en";
  return first.toLowerCase().startsWith("pt") ? "pt" : "en";
}

export function addWords(more) {
  for (const language of Object.keys(words)) Object.assign(words[language], more[language]);
}

// t("stale.silent", {seconds: 3}): the words with {seconds} filled in; a missing key shows itself.
export function t(key, vars = {}) {
  const text = words[current][key] ?? words.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (all, name) => (name in vars ? vars[name] : all));
}

export const language = () => current;

// The tag for Intl: the browser's own region where it speaks the page's language.
export function locale() {
  const own = (navigator.languages || []).find((tag) => tag.toLowerCase().startsWith(current));
  return own ?? (current === "pt" ? "pt-BR" : "en");
}

export function setLanguage(next) {
  current = next;
  write(KEPT, next);
}

// Storage may be forbidden; the page then forgets, and works.
export function read(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function write(name, value) {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // nothing to do: the choice holds until the page is closed
  }
}
