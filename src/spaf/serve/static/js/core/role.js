// Who uses the page: a viewer reads, an operator changes something too. Without roles everyone may do everything.

import { getJson, meta } from "./server.js";

const LOGGED_OUT = 401;
const TOKEN_OF_LINK = "#token=";
/** "viewer", "operator", or "" for a page without roles. */
export const role = meta("spaf-role");
/** The name that a proxy has given this person; empty after a login with a token. */
export const userName = meta("spaf-name");

/** Return whether this person may change something. The server decides; this is for what is shown. */
export function mayOperate() {
  return role !== "viewer";
}

/** Return the token that a link has behind `#`, or ""; it leaves the address at once. */
export function takeTokenOfLink() {
  const { hash, pathname, search } = location;
  if (!hash.startsWith(TOKEN_OF_LINK)) return "";
  history.replaceState(null, "", pathname + search);
  return decodeURIComponent(hash.slice(TOKEN_OF_LINK.length));
}

/** Show the login if the server no longer knows this person; EventSource does not give the reason of its failure. */
export function reloadIfLoggedOut() {
  if (role) getJson("/api/me").catch((error) => error.status === LOGGED_OUT && location.reload());
}
