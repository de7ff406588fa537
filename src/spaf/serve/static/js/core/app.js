// What every section is given: news of the stream, the words and formats, and the way to the server.

import * as dom from "./dom.js";
import * as format from "./format.js";
import * as words from "./i18n.js";

export class ApiError extends Error {
  constructor(message, status, { todo = null, parameter = null } = {}) {
    super(message);
    this.status = status;
    this.todo = todo;
    this.parameter = parameter;
  }
}

export function createApp() {
  const listeners = new Map();
  const newest = new Map();
  const waiting = new Set();
  let asked = false;

  function emit(kind, data) {
    newest.set(kind, data);
    for (const fn of listeners.get(kind) ?? []) guarded(fn, data);
  }

  function on(kind, fn) {
    if (!listeners.has(kind)) listeners.set(kind, new Set());
    listeners.get(kind).add(fn);
    // Who comes after the snapshot still begins with it.
    if (kind === "snapshot" && newest.has(kind)) queueMicrotask(() => guarded(fn, newest.get(kind)));
    return () => listeners.get(kind).delete(fn);
  }

  // However many ask, one animation frame runs them all; the same function runs once in it.
  function frame(fn) {
    waiting.add(fn);
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      const run = [...waiting];
      waiting.clear();
      for (const each of run) guarded(each);
    });
  }

  function announce(text) {
    dom.put(document.getElementById("polite"), text);
  }

  return {
    on, emit, frame, announce, api, post,
    get: (kind) => newest.get(kind) ?? null,
    t: words.t, language: words.language,
    number: format.number, money: format.money, time: format.time, dateTime: format.dateTime,
    duration: format.duration, bytes: format.bytes, percent: format.percent,
    compact: format.compact,
    el: dom.el, svg: dom.svg, put: dom.put, bdi: dom.bdi, visible: dom.visible,
  };
}

// A section that fails must not take the others with it; the console says what it was.
function guarded(fn, data) {
  try {
    fn(data);
  } catch (error) {
    console.error(error);
  }
}

async function api(path, params = {}) {
  const given = Object.entries(params).filter(([, v]) => v !== null && v !== undefined);
  const query = new URLSearchParams(given).toString();
  return answer(fetch(query ? `${path}?${query}` : path, { headers: { accept: "application/json" } }));
}

async function post(path, body, options = {}) {
  return answer(fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-spaf-token": token() },
    body: JSON.stringify(body),
    ...options,
  }));
}

async function answer(asked) {
  let response;
  try {
    response = await asked;
  } catch {
    throw new ApiError(words.t("error.unreachable"), 0);
  }
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  const said = body?.error ?? `${response.status} ${response.statusText}`;
  throw new ApiError(said, response.status, body ?? {});
}

function token() {
  return document.querySelector('meta[name="spaf-token"]')?.content ?? "";
}
