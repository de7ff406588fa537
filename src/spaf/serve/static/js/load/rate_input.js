// A rate of sales, as people write it.

// Return a rate as someone types it in either language, or null: 1,000 and 1.000 are a thousand,
// 0.5 and 0,5 are a half.
export function parseRate(typed) {
  const text = typed.trim();
  const grouped = /^\d{1,3}([.,\s]\d{3})+$/.test(text);
  const plain = grouped ? text.replace(/[.,\s]/g, "") : text.replace(",", ".");
  return /^\d+(\.\d+)?$/.test(plain) ? Number(plain) : null;
}

// Return a rate; only one that is no whole number has a decimal.
export function formatRate(app, rate) {
  return app.number(rate ?? 0, Number.isInteger(rate) ? 0 : 1);
}
