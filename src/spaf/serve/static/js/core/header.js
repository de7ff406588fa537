// The top line: what this is, whether it is live and how old the data is, language and theme.

import { setLanguage } from "./i18n.js";
import { nextTheme, theme } from "./theme.js";

// Code, tag and own name of each language of the page.
const LANGUAGES = [["en", "en", "English"], ["pt", "pt-BR", "Português"]];
const SECTIONS = ["pipeline", "sales", "anomalies", "accounts", "kafka"];

export function mount(header, app) {
  const { el, t, put } = app;
  const topic = el("bdi", { class: "topic", "data-test": "topic" });
  const state = el("span", { class: "live-word" });
  const age = el("span", { class: "live-age", "data-test": "age" });
  const languages = LANGUAGES.map(([code, tag, name]) => el("button", {
    type: "button", lang: tag, text: code.toUpperCase(), "aria-label": `${code.toUpperCase()}, ${name}`,
    "data-test": `language-${code}`, onclick: () => choose(code),
  }));
  const language = el("div", { class: "choice", role: "group" }, languages);
  const lookWord = el("span");
  const look = el("button", { type: "button", class: "quiet", "data-test": "theme", onclick: swapTheme },
    el("i", { class: "half", "aria-hidden": "true" }), lookWord);
  const links = SECTIONS.map((name) => el("a", { href: `#${name}` }));
  const nav = el("nav", { class: "jump" }, ...links);

  header.append(
    el("h1", { class: "brand", text: "SPAF" }), topic,
    el("p", { class: "live" }, el("i", { class: "dot", "aria-hidden": "true" }), state, age),
    nav,
    el("span", { class: "switches" }, language, look),
  );

  app.on("snapshot", (data) => {
    put(topic, app.visible(data.run.topic));
    document.title = `${app.visible(data.run.topic)} · SPAF`;
  });
  app.on("age", ({ live, age: old }) => {
    put(state, t(`live.${live}`));
    put(age, old === null ? "" : t("live.age", { age: ageWords(old) }));
  });
  app.on("language", words);
  words();

  function words() {
    nav.setAttribute("aria-label", t("nav"));
    links.forEach((link, i) => put(link, t(`nav.${SECTIONS[i]}`)));
    language.setAttribute("aria-label", t("language"));
    languages.forEach((button, i) => button.setAttribute("aria-pressed", String(LANGUAGES[i][0] === app.language())));
    put(lookWord, t(`theme.${theme()}`));
    look.setAttribute("aria-label", t("theme.label", { theme: t(`theme.${theme()}`) }));
  }

  // In tenths of a second, so that a healthy page says "0.0 s" and not a hundred different numbers.
  function ageWords(ms) {
    return ms < 60_000 ? t("age.seconds", { n: app.number(ms / 1_000, 1) }) : app.duration(ms);
  }

  function choose(code) {
    setLanguage(code);
    app.emit("language", code);
  }

  function swapTheme() {
    nextTheme();
    words();
    app.emit("theme", theme());
  }
}
