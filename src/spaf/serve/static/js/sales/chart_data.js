// What one chart shows: the server's buckets of the past, with the newest ones out of our own rows.

// The ranges to choose from: seconds, and how often the past is asked for again, ms. A minute is
// all in the rows that the page holds; asking again also brings sales that came late.
export const RANGES = {
  "1m": { span: 60, again: null },
  "15m": { span: 900, again: 20_000 },
  "1h": { span: 3_600, again: 45_000 },
  "24h": { span: 86_400, again: 60_000 },
};
// The snapshot holds so much of the past, and the page as much again from then on, seconds.
const SNAPSHOT_S = 120;

export function createChartData(app, arrived) {
  let range = "1m";
  let zoom = null; // {from, to} in seconds: a part of the past that stands still
  let past = null; // the server's newest answer
  let asked = 0;
  let askedAt = 0;
  let heldFrom = Infinity; // the page holds every row from this second on

  app.on("snapshot", (data) => {
    heldFrom = Math.floor(data.now_ms / 1_000) - SNAPSHOT_S + 1;
    ask();
  });
  app.on("tick", () => {
    const { again } = RANGES[range];
    if (!zoom && again && performance.now() - askedAt > again) ask();
  });

  async function ask() {
    askedAt = performance.now();
    const mine = (asked += 1);
    if (!zoom && RANGES[range].again === null) return arrived();
    const want = zoom ? { from: zoom.from, to: zoom.to } : { range };
    try {
      const answer = await app.api("/api/history", want);
      if (mine !== asked) return;
      answer.categories.forEach((name) => app.state.palette.meet(name));
      past = { ...answer, range: zoom ? null : range, zoom };
      arrived();
    } catch (error) {
      // The next tick asks again; what is drawn stays.
      if (mine === asked && error.status >= 400 && error.status < 500) app.announce(error.message);
    }
  }

  function choose(next) {
    range = next;
    zoom = null;
    ask();
  }

  function look(from, to) {
    zoom = { from, to };
    ask();
  }

  // {from, to, step, x, count, money}: x are the starts of the buckets, count[place][bucket] sales
  // and money[place][bucket] cents; null while there is nothing to show.
  // Not more than `most` buckets: several are put together where they would not be told apart.
  function data(most) {
    if (!app.state.run) return null;
    return zoom ? pastOnly(most) : withNewest(most);
  }

  function pastOnly(most) {
    if (!past || past.zoom !== zoom) return null;
    const step = coarser(past.step, (past.to - past.from) / most);
    const frame = empty(past.from, past.to - ((past.to - past.from) % step), step);
    pour(frame);
    return frame;
  }

  function withNewest(most) {
    const { span, again } = RANGES[range];
    if (again && past?.range !== range) return null;
    const step = coarser(again ? past.step : 1, span / most);
    // The last whole bucket; the one that is filling would draw a fall that is none. A bucket too
    // long for the rows that are held ends with the server's answer.
    const known = step > app.state.heldSeconds ? past.to : app.state.now() / 1_000;
    const to = Math.floor(known / step) * step;
    const frame = empty(Math.ceil((to - span) / step) * step, to, step);
    if (again) pour(frame);
    frame.x.forEach((start, i) => {
      if (start < heldFrom || start < to - app.state.heldSeconds) return;
      for (const counts of frame.count) counts[i] = 0;
      for (const cents of frame.money) cents[i] = 0;
      for (let second = start; second < start + step; second += 1) addSecond(frame, i, second);
    });
    return frame;
  }

  function empty(from, to, step) {
    const x = [];
    for (let at = from; at < to; at += step) x.push(at);
    const lines = () => Array.from({ length: app.state.palette.size }, () => new Array(x.length).fill(0));
    return { from, to, step, x, count: lines(), money: lines() };
  }

  function pour(frame) {
    const buckets = past.sales[0]?.length ?? 0;
    past.categories.forEach((name, at) => {
      const place = app.state.palette.place(name);
      for (let from = 0; from < buckets; from += 1) {
        const i = Math.floor((past.from + from * past.step - frame.from) / frame.step);
        if (i < 0 || i >= frame.x.length) continue;
        frame.count[place][i] += past.sales[at][from];
        frame.money[place][i] += past.money[at][from];
      }
    });
  }

  function addSecond(frame, i, second) {
    const sums = app.state.second(second);
    if (!sums) return;
    sums.count.forEach((value, place) => { frame.count[place][i] += value; });
    sums.money.forEach((value, place) => { frame.money[place][i] += value; });
  }

  return {
    choose, look, data,
    get range() { return range; },
    get zoom() { return zoom; },
  };
}

// The smallest multiple of the step that lasts at least so many seconds and divides the clock well.
function coarser(step, seconds) {
  const factor = [1, 2, 3, 5, 6, 10, 12, 15, 20, 30, 60].find((n) => n * step >= seconds);
  return step * (factor ?? 60);
}
