import assert from "node:assert/strict";
import { test } from "node:test";
import { median, percentile, ratio, summary, turned, verdict } from "../../bench/statistics.mjs";

test("the median is the middle one, or the mean of the two in the middle", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(median([7]), 7);
  assert.ok(Number.isNaN(median([])));
});

test("the spread is the lowest and the highest round", () => {
  assert.deepEqual(summary([5, 1, 3]), { median: 3, low: 1, high: 5, rounds: 3 });
});

test("of eight rounds or more, one at either end is put aside", () => {
  const values = [100, 1, 2, 3, 4, 5, 6, 7, 0.1];
  assert.deepEqual(summary(values), { median: 4, low: 1, high: 7, rounds: 9 });
});

test("a ratio is of the same round: a slow machine is slow for both", () => {
  const ours = [100, 200, 400];
  const peer = [200, 400, 800];
  assert.deepEqual(ratio(ours, peer), { median: 0.5, low: 0.5, high: 0.5, rounds: 3 });
  assert.throws(() => ratio([1], [1, 2]));
});

test("the verdict goes by the median, and says when the spread has the target in it", () => {
  const of = (low, middle, high) => ({ median: middle, low, high, rounds: 5 });
  assert.deepEqual(verdict(of(0.6, 0.675, 0.7), 0.75), {
    reached: true,
    sure: true,
    text: "reached, 10 % below",
  });
  assert.equal(verdict(of(0.6, 0.7, 0.8), 0.75).text, "reached, 7 % below; not in every round");
  assert.equal(verdict(of(0.8, 0.9, 1), 0.75).text, "missed by 20 %");
  assert.equal(verdict(of(0.7, 0.9, 1), 0.75).text, "missed by 20 %; not in every round");
  assert.equal(verdict(of(0.75, 0.75, 0.75), 0.75).reached, true);
});

test("no contender always comes first", () => {
  const list = ["a", "b", "c"];
  assert.deepEqual(
    [0, 1, 2, 3].map((round) => turned(list, round)[0]),
    ["a", "b", "c", "a"],
  );
  assert.deepEqual([...turned(list, 2)].sort(), list);
});

test("a percentile is the nearest rank", () => {
  const values = Array.from({ length: 200 }, (_, at) => 200 - at);
  assert.equal(percentile(values, 99), 198);
  assert.equal(percentile([3, 1], 50), 1);
  assert.equal(percentile([7], 99), 7);
});
