// The login of a page with roles: a field for the token, or the message that the proxy has sent no name.
// A link may have the token behind `#token=`, which no browser sends.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { languageChoice } from "../core/header.js";
import { t } from "../core/i18n.js";
import { takeTokenOfLink } from "../core/role.js";
import { getJson, meta, postJson } from "../core/server.js";
import { byId, errorText, panel } from "../core/ui.js";

// What the server says of the last attempt.
let problem = /** @type {any} */ (null);
let busy = false;

const redraw = panel(byId("login"), [], view);
window.addEventListener("hashchange", start);
start();

function start() {
  const token = takeTokenOfLink();
  if (token) enter(token);
  // A link of another site brings no cookie; the page itself does.
  else getJson("/api/me").then(showPage, (error) => error.code !== "login" && show(error));
}

/** @param {string} token */
function enter(token) {
  busy = true;
  redraw();
  postJson("/api/login", { token }).then(showPage, show);
}

/** @param {any} error */
function show(error) {
  problem = error;
  busy = false;
  redraw();
}

function showPage() {
  location.replace((meta("spaf-root") || "/") + location.search);
}

function view() {
  const byToken = meta("spaf-login") === "token";
  return html`<div class="login"><div class="login-head"><h1 class="brand">SPAF</h1>${languageChoice()}</div>
    <h2>${t("login.title")}</h2><p>${t(byToken ? "login.by_token" : "login.by_proxy")}</p>${byToken ? form() : nothing}<p
    class="message wrong" role="alert" data-test="login-problem">${problem ? errorText(problem) : ""}</p></div>`;
}

function form() {
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    enter(/** @type {HTMLInputElement} */ (byId("login-token")).value);
  };
  return html`<form class="login-form" @submit=${submit}><label for="login-token">${t("login.token")}</label><input
    type="password" id="login-token" autocomplete="current-password" required autofocus data-test="login-token"><button
    class="main" ?disabled=${busy} data-test="login-enter">${t("login.enter")}</button></form>`;
}
