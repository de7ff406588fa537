// A rate of sales, as people write it.

import { number } from "../core/format.js";

/**
 * Return a rate as it is typed in either language, or null: 1,000 and 1.000 are a thousand, 0.5 and 0,5 a half.
 *
 * @param {string} typed
 */
export function parseRate(typed) {
  const text = typed.trim();
  const isGrouped = /^\d{1,3}([.,\s]\d{3})+$/.test(text);
  const plain = isGrouped ? text.replace(/[.,\s]/g, "") : text.replace(",", ".");
  return /^\d+(\.\d+)?$/.test(plain) ? Number(plain) : null;
}

/** Return a rate; only one that is not whole has a decimal. @param {number | null | undefined} rate */
export function formatRate(rate) {
  return number(rate ?? 0, Number.isInteger(rate) ? 0 : 1);
}
