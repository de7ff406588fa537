// Requests to the server, with its errors in the page's language.

import { t } from "./i18n.js";

/** Return an answer that is an error, with what the server says of it. @param {string} message @param {ErrorDetails} details */
export function apiError(message, details = {}) {
  return Object.assign(new Error(message), details);
}

/** Return the address of a path of the server; a proxy may publish it below a prefix. @param {string} path */
export function address(path) {
  return `${meta("spaf-root")}${path.slice(1)}`;
}

/**
 * Return the JSON at a path; parameters that are null are left out.
 *
 * @param {string} path
 * @param {Record<string, string | number | null>} parameters
 * @param {RequestInit} options
 * @returns {Promise<any>}
 */
export function getJson(path, parameters = {}, options = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null);
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return answer(fetch(address(query.size ? `${path}?${query}` : path), { headers: { accept: "application/json" }, ...options }));
}

/**
 * Return a `getJson` for what only the newest request shows: an answer or error that a later request has overtaken
 * does not arrive.
 */
export function newestJson() {
  let requests = 0;
  return (/** @type {Parameters<typeof getJson>} */ ...request) => {
    requests += 1;
    const mine = requests;
    return new Promise((resolve, reject) => {
      getJson(...request).then((found) => mine === requests && resolve(found), (error) => mine === requests && reject(error));
    });
  };
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
  if (!response) throw apiError(t("error.unreachable"));
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  throw apiError(body?.error ?? `${response.status} ${response.statusText}`, { ...body, status: response.status });
}

/** Return a value that the server has put into the page. @param {string} name */
export function meta(name) {
  return document.querySelector(`meta[name="${name}"]`)?.getAttribute("content") ?? "";
}
