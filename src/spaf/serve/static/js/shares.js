// Shares and scores to the nearest digit; what is less than all never reads as all, and what is
// more than nothing never as nothing.

import { number, percent } from "./format.js";

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
