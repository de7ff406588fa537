// Requests to the server, with its errors in the page's language.

import { t } from "./i18n.js";

/** An answer that is an error, or no answer (status 0). */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {number} status
   * @param {ErrorDetails} details of the server
   */
  constructor(message, status, { todo, code, parameters, parameter } = {}) {
    super(message);
    this.status = status;
    this.todo = todo;
    this.code = code;
    this.parameters = parameters;
    this.parameter = parameter;
  }
}

/** Return the address of a path of the server; a proxy may publish it below a prefix. @param {string} path */
export function address(path) {
  return `${meta("spaf-root")}${path.slice(1)}`;
}

/**
 * Return the JSON at a path; parameters that are null are left out.
 *
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} parameters
 * @returns {Promise<any>}
 */
export function getJson(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined) query.set(name, String(value));
  }
  return answer(fetch(address(query.size ? `${path}?${query}` : path), { headers: { accept: "application/json" } }));
}

/**
 * Post JSON and return the answer.
 *
 * @param {string} path
 * @param {object} body
 * @param {RequestInit} options
 * @returns {Promise<any>}
 */
export function postJson(path, body, options = {}) {
  return answer(fetch(address(path), {
    method: "POST",
    headers: { "content-type": "application/json", "x-spaf-token": meta("spaf-token") },
    body: JSON.stringify(body),
    ...options,
  }));
}

/** @param {Promise<Response>} request */
async function answer(request) {
  const response = await request.catch(() => null);
  if (!response) throw new ApiError(t("error.unreachable"), 0);
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  const message = body?.error ?? `${response.status} ${response.statusText}`;
  throw new ApiError(message, response.status, body ?? {});
}

/** @param {string} name */
function meta(name) {
  return document.querySelector(`meta[name="${name}"]`)?.getAttribute("content") ?? "";
}
