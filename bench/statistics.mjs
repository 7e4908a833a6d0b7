// What is made of the figures of several rounds.

/** The middle one; of an even number the mean of the two in the middle. */
export function median(values) {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}

/**
 * The median, and the spread: the lowest and the highest round that are left when, of eight rounds
 * or more, one at either end is put aside (one disturbance of the machine, one lucky round).
 */
export function summary(values) {
  const sorted = [...values].sort((left, right) => left - right);
  const aside = sorted.length >= 8 ? 1 : 0;
  return {
    median: median(values),
    low: sorted[aside],
    high: sorted.at(-1 - aside),
    rounds: values.length,
  };
}

/**
 * The ratio of two contenders: of each round by itself, since a machine that is slow for a while is
 * slow for both. The summary of these ratios, not the ratio of two summaries.
 */
export function ratio(values, others) {
  if (values.length !== others.length) throw new Error("not of the same rounds");
  return summary(values.map((value, round) => value / others[round]));
}

/** What a ratio says of a target that it must not exceed. */
export function verdict({ median: value, low, high }, target) {
  const distance = Math.round(Math.abs(value / target - 1) * 100);
  const reached = value <= target;
  const sure = reached ? high <= target : low > target;
  const text = reached ? `reached, ${distance} % below` : `missed by ${distance} %`;
  return { reached, sure, text: sure ? text : `${text}; not in every round` };
}

/** The same list, begun one later each round: no contender always comes first. */
export function turned(list, round) {
  const at = round % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

/** The value that so many per cent of the values do not exceed (nearest rank). */
export function percentile(values, percent) {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
}
