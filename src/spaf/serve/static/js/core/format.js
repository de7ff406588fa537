// Numbers, money and times in the reader's own form. An Intl formatter is costly to make, so each is kept.

import { on } from "./events.js";
import { locale, t } from "./i18n.js";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
const MINUTE = /** @type {const} */ ({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const TIME = /** @type {const} */ ({ ...MINUTE, second: "2-digit" });
const DATE_TIME = /** @type {const} */ ({ year: "numeric", month: "2-digit", day: "2-digit", ...TIME });
// By the number of digits after the point.
const FIXED = [0, 1, 2, 3].map((digits) => ({ minimumFractionDigits: digits, maximumFractionDigits: digits }));
const PERCENT = FIXED.map((digits) => /** @type {const} */ ({ style: "percent", ...digits }));
// For an axis: zeros at the end are left out, so that no label has more digits than its step needs.
const COMPACT = /** @type {const} */ ({ notation: "compact", minimumFractionDigits: 0, maximumFractionDigits: 3 });

const dateFormat = kept((/** @type {Intl.DateTimeFormatOptions} */ options) => new Intl.DateTimeFormat(locale(), options));
const numberFormat = kept((/** @type {Intl.NumberFormatOptions} */ options) => new Intl.NumberFormat(locale(), options));
const moneyFormat = keptOfMoney(FIXED[2]);
const roundMoneyFormat = keptOfMoney(FIXED[0]);
const axisMoneyFormat = keptOfMoney(COMPACT);
const symbolFormat = keptOfMoney({ currencyDisplay: "narrowSymbol" });

/**
 * Return a function that makes something of each value once in a language.
 *
 * @template V, M
 * @param {(value: V) => M} make
 * @returns {(value: V) => M}
 */
function kept(make) {
  /** @type {Map<V, M>} */
  const made = new Map();
  on("language", () => made.clear());
  return (value) => {
    const known = made.get(value) ?? make(value);
    made.set(value, known);
    return known;
  };
}

/** Keep a format of each currency; a code that is not three letters is left out. @param {Intl.NumberFormatOptions} options */
function keptOfMoney(options) {
  return kept((/** @type {string} */ currency) => {
    try {
      return new Intl.NumberFormat(locale(), { style: "currency", currency, ...options });
    } catch {
      return new Intl.NumberFormat(locale(), options);
    }
  });
}

/** Return 1234.5 as 1,234.5, with a true minus sign. @param {number} value @param {number} digits */
export function number(value, digits = 0) {
  const text = numberFormat(FIXED[digits]).format(value);
  return value < 0 ? text.replace("-", "\u2212") : text;
}

/** Return a rate; a small one has a decimal. @param {number} value @param {number} below */
export function rate(value, below = 100) {
  return number(value, value < below ? 1 : 0);
}

/** Return a rate that was set; only one that is not whole has a decimal. @param {number | null | undefined} value */
export function exactRate(value) {
  return number(value ?? 0, Number.isInteger(value) ? 0 : 1);
}

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

/** Return 0.5 as 50 %. @param {number} share @param {number} digits */
export function percent(share, digits = 0) {
  return numberFormat(PERCENT[digits]).format(share);
}

/** Return cents as money, exactly: never through a float. @param {string | bigint} cents @param {string} currency */
export function money(cents, currency) {
  return moneyFormat(currency).format(decimal(cents));
}

/** Return cents as money without its cents. @param {string | bigint} cents @param {string} currency */
export function roundMoney(cents, currency) {
  return roundMoneyFormat(currency).format(decimal(cents));
}

/** Return cents as an amount whose heading names the currency. @param {string | bigint | number} cents */
export function amount(cents) {
  return numberFormat(FIXED[2]).format(decimal(cents));
}

/** Return -12345 cents as "-123.45", which Intl reads exactly. @param {string | bigint | number} cents @returns {any} */
function decimal(cents) {
  const all = BigInt(cents);
  const digits = String(all < 0n ? -all : all).padStart(3, "0");
  return `${all < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** Return a label of an axis. @param {number} value */
export function axisNumber(value) {
  return numberFormat(COMPACT).format(value);
}

/** Return a label of an axis of money. @param {number} cents @param {string} currency */
export function axisMoney(cents, currency) {
  return axisMoneyFormat(currency).format(cents / 100);
}

/**
 * Return how a column of amounts is written: in one unit, so that the amounts can be compared.
 *
 * @param {number} highest of the amounts, cents
 * @param {string} currency
 */
export function moneyColumn(highest, currency) {
  const symbol = symbolFormat(currency).formatToParts(1).find(({ type }) => type === "currency")?.value ?? currency;
  const [divisor, unit] = highest >= 1e11 ? [1e8, "unit.million"] : highest >= 1e8 ? [1e5, "unit.thousand"] : [100, ""];
  return {
    text: (/** @type {number} */ cents) => number(cents / divisor, unit ? 1 : 0),
    unit: unit ? `${symbol} ${t(unit)}` : symbol,
  };
}

/** Return the time of day. @param {number} ms */
export function time(ms) {
  return dateFormat(TIME).format(ms);
}

/** Return the time of day without seconds. @param {number} ms */
export function minute(ms) {
  return dateFormat(MINUTE).format(ms);
}

/** Return date and time. @param {number} ms */
export function dateTime(ms) {
  return dateFormat(DATE_TIME).format(ms);
}

/** Return 12.3 ms, 1.2 s, 3 min 5 s or 2 h 4 min. @param {number | null | undefined} ms @returns {string} */
export function duration(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "–";
  if (ms < 0) return `−${duration(-ms)}`;
  if (ms < 1_000) return `${rate(ms)} ms`;
  if (ms < 60_000) return `${number(ms / 1_000, 1)} s`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 3_600) return `${number(Math.floor(seconds / 60))} min ${seconds % 60} s`;
  return `${number(Math.floor(seconds / 3_600))} h ${Math.floor((seconds % 3_600) / 60)} min`;
}

/** Return a size in B, KiB, MiB, ... @param {number} count */
export function bytes(count) {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, count)) / 10));
  const size = count / 1_024 ** step;
  return `${number(size, step === 0 || size >= 100 ? 0 : 1)} ${UNITS[step]}`;
}

/** Return a share from 0 to 1 as a percentage, or "< 0.01%", "> 99.99%". @param {number} share @param {number} digits */
export function shareText(share, digits) {
  return roundedInside(share, digits + 2, (value) => percent(value, digits));
}

/** Return a score from 0 to 1 as a number, or "> 0.999". @param {number} score @param {number} digits */
export function scoreText(score, digits) {
  return roundedInside(score, digits, (value) => number(value, digits));
}

/**
 * Round a share, but never less than all to all, nor more than nothing to nothing.
 *
 * @param {number} value
 * @param {number} places
 * @param {(value: number) => string} text
 */
function roundedInside(value, places, text) {
  const smallest = 10 ** -places;
  if (value > 0 && value < smallest / 2) return `< ${text(smallest)}`;
  if (value < 1 && value >= 1 - smallest / 2) return `> ${text(1 - smallest)}`;
  return text(value);
}
