// Numbers, money and times in the reader's own form. Formatters are costly to make: kept.

import { locale } from "./i18n.js";

let kept = new Map();

export function forget() {
  kept = new Map();
}

function formatter(key, make) {
  let found = kept.get(key);
  if (!found) kept.set(key, (found = make(locale())));
  return found;
}

// 1234.5 -> 1,234.5; digits = exactly so many decimals; with the true minus sign.
export function number(value, digits = 0) {
  const text = formatter(`n${digits}`, (l) => new Intl.NumberFormat(l, {
    minimumFractionDigits: digits, maximumFractionDigits: digits,
  })).format(value);
  return value < 0 ? text.replace("-", "\u2212") : text;
}

// For narrow places: 12,345,678 -> 12.3M.
export function compact(value) {
  return formatter("c", (l) => new Intl.NumberFormat(l, {
    notation: "compact", maximumFractionDigits: 1,
  })).format(value);
}

export function percent(share, digits = 0) {
  return formatter(`p${digits}`, (l) => new Intl.NumberFormat(l, {
    style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits,
  })).format(share);
}

// Cents (BigInt, or an integer as text) as money, exact: never through a float.
export function money(cents, currency) {
  return moneyFormat("m", currency, 2).format(decimal(cents));
}

// The same without cents, for fast numbers of which nobody reads the cents.
export function roundMoney(cents, currency) {
  return moneyFormat("r", currency, 0).format(decimal(cents));
}

// A label of an axis, with as many digits as its step needs: 1.25K beside 1.5K.
export function axisNumber(value, step) {
  const digits = axisDigits(value, step);
  return formatter(`x${digits}`, (l) => new Intl.NumberFormat(l, {
    notation: "compact", maximumFractionDigits: digits,
  })).format(value);
}

// The same for an amount of cents; `step` is in cents too.
export function axisMoney(cents, step, currency) {
  const digits = axisDigits(cents / 100, step / 100);
  return formatter(`x${digits}${currency}`, (l) => moneyOr(l, currency, {
    notation: "compact", minimumFractionDigits: 0, maximumFractionDigits: digits,
  })).format(cents / 100);
}

function axisDigits(value, step) {
  const unit = [1e9, 1e6, 1e3].find((n) => Math.abs(value) >= n) ?? 1;
  const parts = step / unit;
  const digits = [0, 1, 2].find((n) => Math.abs(Math.round(parts * 10 ** n) - parts * 10 ** n) < 1e-6);
  return digits ?? 3;
}

// How a column of amounts is written: one unit for all of it, so that it can be compared by eye.
// {text: cents -> "1,234.5", unit: "R$ thousand"} for the largest of the amounts.
export function column(most, currency, t) {
  const steps = [[1e11, 1e8, "unit.million"], [1e8, 1e5, "unit.thousand"], [0, 100, null]];
  const [, divisor, name] = steps.find(([least]) => most >= least);
  const symbol = symbolOf(currency);
  return { text: (cents) => number(cents / divisor, name ? 1 : 0), unit: name ? `${symbol} ${t(name)}` : symbol };
}

function symbolOf(currency) {
  const parts = formatter(`s${currency}`, (l) => moneyOr(l, currency, { currencyDisplay: "narrowSymbol" })).formatToParts(1);
  return parts.find((part) => part.type === "currency")?.value ?? currency;
}

// Only the amount, for a column whose heading or neighbour names the currency.
export function amount(cents) {
  return formatter("a", (l) => new Intl.NumberFormat(l, {
    minimumFractionDigits: 2, maximumFractionDigits: 2,
  })).format(decimal(cents));
}

function moneyFormat(kind, currency, digits) {
  return formatter(`${kind}${currency}`, (l) => moneyOr(l, currency, {
    minimumFractionDigits: digits, maximumFractionDigits: digits,
  }));
}

function moneyOr(l, currency, options) {
  try {
    return new Intl.NumberFormat(l, { style: "currency", currency, ...options });
  } catch {
    return new Intl.NumberFormat(l, options); // not three letters: the amount alone
  }
}

// -12345n -> "-123.45": what Intl reads exactly.
export function decimal(cents) {
  const all = BigInt(cents);
  const digits = String(all < 0n ? -all : all).padStart(3, "0");
  return `${all < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

export function time(ms) {
  return formatter("t", (l) => new Intl.DateTimeFormat(l, {
    hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
  })).format(ms);
}

export function minute(ms) {
  return formatter("tm", (l) => new Intl.DateTimeFormat(l, {
    hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  })).format(ms);
}

export function dateTime(ms) {
  return formatter("dt", (l) => new Intl.DateTimeFormat(l, {
    year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
  })).format(ms);
}

// 12.3 ms, 480 ms, 1.2 s, 3 min 5 s, 2 h 4 min.
export function duration(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "–";
  if (ms < 0) return `−${duration(-ms)}`;
  if (ms < 100) return `${number(ms, 1)} ms`;
  if (ms < 1_000) return `${number(ms)} ms`;
  if (ms < 60_000) return `${number(ms / 1_000, 1)} s`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 3_600) return `${number(Math.floor(seconds / 60))} min ${seconds % 60} s`;
  return `${number(Math.floor(seconds / 3_600))} h ${Math.floor((seconds % 3_600) / 60)} min`;
}

export function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let step = 0;
  for (; count >= 1_024 && step < units.length - 1; step += 1) count /= 1_024;
  return `${number(count, step === 0 || count >= 100 ? 0 : 1)} ${units[step]}`;
}

// Shares and scores to the nearest digit; what is less than all never reads as all, and what is
// more than nothing never as nothing.

// Return a share from 0 to 1 as a percentage, or "< 0.01%", "> 99.99%".
export function shareText(share, digits) {
  return nearest(share, digits + 2, (value) => percent(value, digits));
}

// Return a score from 0 to 1 as a number, or "> 0.999".
export function scoreText(score, digits) {
  return nearest(score, digits, (value) => number(value, digits));
}

function nearest(value, places, text) {
  const least = 10 ** -places;
  if (value > 0 && value < least / 2) return `< ${text(least)}`;
  if (value < 1 && value >= 1 - least / 2) return `> ${text(1 - least)}`;
  return text(value);
}
