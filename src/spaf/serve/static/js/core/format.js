// Numbers, money and times in the reader's own form. An Intl formatter is costly to make, so each is kept.

import { locale, t } from "./i18n.js";

/** @type {Map<string, Intl.NumberFormat | Intl.DateTimeFormat>} */
const formatters = new Map();
const TIME = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const DATE = { year: "numeric", month: "2-digit", day: "2-digit" };
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Forget all formatters: the language has changed. */
export function resetFormatters() {
  formatters.clear();
}

/**
 * @template {Intl.NumberFormat | Intl.DateTimeFormat} F
 * @param {string} key
 * @param {(locale: string) => F} make
 * @returns {F}
 */
function formatter(key, make) {
  const known = formatters.get(key);
  if (known) return /** @type {F} */ (known);
  const made = make(locale());
  formatters.set(key, made);
  return made;
}

/** @param {string} key @param {Intl.NumberFormatOptions} options */
function numberFormat(key, options) {
  return formatter(key, (tag) => new Intl.NumberFormat(tag, options));
}

/** @param {string} key @param {object} options */
function dateFormat(key, options) {
  return formatter(key, (tag) => new Intl.DateTimeFormat(tag, options));
}

/**
 * Return a format of money; a code that is not three letters is left out.
 *
 * @param {string} key
 * @param {string} currency
 * @param {Intl.NumberFormatOptions} options
 */
function moneyFormat(key, currency, options) {
  return formatter(`${key}${currency}`, (tag) => {
    try {
      return new Intl.NumberFormat(tag, { style: "currency", currency, ...options });
    } catch {
      return new Intl.NumberFormat(tag, options);
    }
  });
}

/** @param {number} digits */
function exactly(digits) {
  return { minimumFractionDigits: digits, maximumFractionDigits: digits };
}

/** Return 1234.5 as 1,234.5, with a true minus sign. @param {number} value @param {number} digits */
export function number(value, digits = 0) {
  const text = numberFormat(`n${digits}`, exactly(digits)).format(value);
  return value < 0 ? text.replace("-", "\u2212") : text;
}

/** Return a rate; a small one has a decimal. @param {number} value @param {number} below */
export function rate(value, below = 100) {
  return number(value, value < below ? 1 : 0);
}

/** Return 0.5 as 50 %. @param {number} share @param {number} digits */
export function percent(share, digits = 0) {
  return numberFormat(`p${digits}`, { style: "percent", ...exactly(digits) }).format(share);
}

/** Return cents as money, exactly: never through a float. @param {string | bigint} cents @param {string} currency */
export function money(cents, currency) {
  return formatDecimal(moneyFormat("m", currency, exactly(2)), cents);
}

/** Return cents as money without its cents. @param {string | bigint} cents @param {string} currency */
export function roundMoney(cents, currency) {
  return formatDecimal(moneyFormat("r", currency, exactly(0)), cents);
}

/** Return cents as an amount whose heading names the currency. @param {string | bigint | number} cents */
export function amount(cents) {
  return formatDecimal(numberFormat("a", exactly(2)), cents);
}

/** @param {Intl.NumberFormat} format @param {string | bigint | number} cents */
function formatDecimal(format, cents) {
  return format.format(/** @type {any} */ (decimal(cents)));
}

/** Return -12345 cents as "-123.45", which Intl reads exactly. @param {string | bigint | number} cents */
export function decimal(cents) {
  const all = BigInt(cents);
  const digits = String(all < 0n ? -all : all).padStart(3, "0");
  return `${all < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** Return a label of an axis with the digits that its step needs. @param {number} value @param {number} step */
export function axisNumber(value, step) {
  const digits = axisDigits(value, step);
  return numberFormat(`x${digits}`, { notation: "compact", maximumFractionDigits: digits }).format(value);
}

/**
 * Return a label of an axis of money.
 *
 * @param {number} cents
 * @param {number} step in cents too
 * @param {string} currency
 */
export function axisMoney(cents, step, currency) {
  const digits = axisDigits(cents / 100, step / 100);
  const options = { notation: /** @type {const} */ ("compact"), minimumFractionDigits: 0, maximumFractionDigits: digits };
  return moneyFormat(`x${digits}`, currency, options).format(cents / 100);
}

/** @param {number} value @param {number} step */
function axisDigits(value, step) {
  const unit = [1e9, 1e6, 1e3].find((n) => Math.abs(value) >= n) ?? 1;
  const parts = step / unit;
  const isWhole = (/** @type {number} */ n) => Math.abs(Math.round(n) - n) < 1e-6;
  return [0, 1, 2].find((digits) => isWhole(parts * 10 ** digits)) ?? 3;
}

/**
 * Return how a column of amounts is written: in one unit, so that the amounts can be compared.
 *
 * @param {number} highest of the amounts, cents
 * @param {string} currency
 */
export function moneyColumn(highest, currency) {
  const narrow = moneyFormat("s", currency, { currencyDisplay: "narrowSymbol" }).formatToParts(1);
  const symbol = narrow.find((part) => part.type === "currency")?.value ?? currency;
  const [divisor, unit] = highest >= 1e11 ? [1e8, "unit.million"] : highest >= 1e8 ? [1e5, "unit.thousand"] : [100, ""];
  return {
    text: (/** @type {number} */ cents) => number(cents / divisor, unit ? 1 : 0),
    unit: unit ? `${symbol} ${t(unit)}` : symbol,
  };
}

/** Return the time of day. @param {number} ms */
export function time(ms) {
  return dateFormat("t", TIME).format(ms);
}

/** Return the time of day without seconds. @param {number} ms */
export function minute(ms) {
  return dateFormat("tm", { ...TIME, second: undefined }).format(ms);
}

/** Return date and time. @param {number} ms */
export function dateTime(ms) {
  return dateFormat("dt", { ...DATE, ...TIME }).format(ms);
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
