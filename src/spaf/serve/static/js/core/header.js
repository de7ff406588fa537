// The top line: the topic, whether the page is live and how old the data is, language and theme.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { latest, on } from "./events.js";
import { duration, number } from "./format.js";
import { language, setLanguage, t } from "./i18n.js";
import { role, userName } from "./role.js";
import { postJson } from "./server.js";
import { nextTheme, theme } from "./theme.js";
import { panel } from "./ui.js";
import { escaped } from "./untrusted_text.js";

// Code, tag and own name of each language of the page.
const LANGUAGES = [["en", "en", "English"], ["pt", "pt-BR", "Português"]];
const SECTIONS = ["pipeline", "sales", "anomalies", "accounts", "measure", "kafka"];

/** Draw the top line. @param {HTMLElement} node */
export function mount(node) {
  on("snapshot", ({ run }) => { document.title = `${escaped(run.topic)} · SPAF`; });
  panel(node, ["snapshot", "age", "theme"], () => {
    const topic = escaped(latest("snapshot")?.run.topic ?? "");
    return html`<h1 class="brand">SPAF</h1><bdi class="topic" data-test="topic">${topic}</bdi>${liveness()}<nav class="jump"
      aria-label=${t("nav")}>${SECTIONS.map((name) => html`<a href="#${name}">${t(`nav.${name}`)}</a>`)}</nav><span
      class="switches">${user()}${languageChoice()}${themeButton()}</span>`;
  });
}

function liveness() {
  const { live, age } = latest("age") ?? { live: "connecting", age: null };
  // In tenths of a second, so that a healthy page keeps saying "0.0 s".
  const text = (age ?? 0) < 60_000 ? t("age.seconds", { n: number((age ?? 0) / 1_000, 1) }) : duration(age);
  return html`<p class="live"><i class="dot" aria-hidden="true"></i><span class="live-word">${t(`live.${live}`)}</span><span
    class="live-age" data-test="age">${age === null ? "" : t("live.age", { age: text })}</span></p>`;
}

/** Return who one is, and the way out for a person who has logged in with a token. */
function user() {
  if (!role) return nothing;
  const leave = () => postJson("/api/logout", {}).catch(() => null).then(() => location.reload());
  return html`<span class="user" data-test="user" data-role=${role}>${t(`role.${role}`)}${userName
    ? html` · <bdi>${escaped(userName)}</bdi>` : nothing}</span>${userName ? nothing : html`<button type="button"
    class="quiet" data-test="log-out" @click=${leave}>${t("role.log_out")}</button>`}`;
}

/** Return the buttons of the languages. */
export function languageChoice() {
  return html`<div class="choice" role="group" aria-label=${t("language")}>${LANGUAGES.map(([code, tag, name]) =>
    html`<button type="button" lang=${tag} aria-label="${code.toUpperCase()}, ${name}" data-test="language-${code}"
      aria-pressed=${code === language()} @click=${() => setLanguage(code)}>${code.toUpperCase()}</button>`)}</div>`;
}

function themeButton() {
  const name = t(`theme.${theme}`);
  return html`<button type="button" class="quiet" data-test="theme" aria-label=${t("theme.label", { theme: name })}
    @click=${nextTheme}><i class="half" aria-hidden="true"></i><span>${name}</span></button>`;
}
