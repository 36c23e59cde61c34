// What an answer tells beside being right or not: slips of the pen, and whether it shows work or may be chance.

const LEAST_FILLED = 3;
const ASTRAY = 3;
const IN_VAIN = 2;
const HUGE = 1e6;
const FEW = 2;
const CUT_OFF = say("cut off instead of rounded");
const RIGHT = new Set(["correct", "rough", "rounded", "follow-through", "mixed"]);
const FAULTS = new Set(["misconception", "slip", "wrong"]);

// ---------------------------------------------------------------- slips of the pen

// Places of a double, without the traces of its binary digits.
const toFixed = (value, places_) => plain(toPlaces(exactly(value), places_));
const exactly = value => {
  const [mantissa, e] = value.toExponential(20).split("e");
  return fraction({ n: BigInt(mantissa.replace(".", "")), e: Number(e) - 20 });
};
const slip = (value, goal, radius, places_) => {
  if (Math.abs(goal) <= 2 * radius) return "";
  if (Math.abs(value + goal) <= radius) return say("the sign is turned");
  for (const power_ of [1, -1, 2, -2, 3, -3])
    if (Math.abs(value - goal * tenTo(power_)) <= radius * tenTo(Math.max(power_, 0)) && Math.abs(value) > radius)
      return say("the decimal point is shifted");
  const cut = Math.trunc(goal * tenTo(places_)) / tenTo(places_);
  if (Number.isFinite(cut) && Math.abs(value - cut) <= Math.max(0.01 * tenTo(-places_), 1e-15 * Math.abs(cut))) return CUT_OFF;
  const typed_ = toFixed(Math.abs(value), Math.max(places_, 0)),
    right = toFixed(Math.abs(goal), Math.max(places_, 0));
  if (typed_.length === right.length && value < 0 === goal < 0) {
    const differ = [...typed_].map((sign_, i) => (sign_ !== right[i] ? i : -1)).filter(i => i >= 0),
      [a, b] = differ;
    if (differ.length === 2 && /^\.?$/.test(typed_.slice(a + 1, b)) && typed_[a] === right[b] && typed_[b] === right[a])
      return say("two digits are swapped");
  }
  return "";
};

// ---------------------------------------------------------------- one answer

// Why a line follows from a number that is no result of its line; empty if it does not.
const fromNowhere = (key, written, sources) =>
  sources.some(
    one => Math.abs(written.get(one)) > HUGE * Math.max(1, Math.abs(key.exact[one])) || key.outOfRange(one, written.get(one))
  )
    ? say("this follows from a wrong number that its line cannot have, such as a tanh of {z}", { z: withMark("1.5") })
    : "";

// Why a line that follows from wrong numbers shows no work by itself; empty if it does.
const saysNothing = (key, written, place, value, sources, reference, radius) => {
  const exactValue = key.exact[place],
    near = HALF * key.quantum[place];
  const emptied = [
    0,
    1,
    -1,
    Number(reference.toPrecision(1)),
    ...key.steps[place][1].filter(argument => key.given(argument)).map(argument => key.exact[argument]),
  ];
  const dull = emptied.some(one => Math.abs(reference - one) <= near && near < Math.abs(exactValue - one));
  const empties = sources.some(
    one => [0, 1, -1].includes(written.get(one)) && Math.abs(key.exact[one] - written.get(one)) > key.quantum[one]
  );
  if (dull && empties) return say("an earlier wrong 0, 1 or -1 leaves nothing to calculate here");
  const room = Math.max(radius, key.quantum[place]),
    unit = Math.max(room, tenTo(-key.usual(place)));
  if (
    Math.abs(reference) <= FEW * room ||
    (MOST_UNITS * Math.abs(reference) < Math.abs(exactValue) && Math.abs(reference) <= FEW * unit)
  )
    return say("with the earlier wrong numbers any number near 0 would follow here");
  if (sources.some(one => Math.abs(value - written.get(one)) <= room && Math.abs(exactValue - key.exact[one]) > FEW * unit))
    return say("this only repeats an earlier wrong number");
  return "";
};

// ---------------------------------------------------------------- the whole sheet

const FEWEST_FOR_A_FAULT = 10;
const DULL_FOR_EACH = 2;

// Whether a verdict is on a line that follows from wrong ones, or would, if it showed work.
const follows = verdict => verdict.dull || (RIGHT.has(verdict.kind) && verdict.inherits?.size > 0);

// The lines that show no work by themselves, of a sheet on which other lines show it.
const shownElsewhere = (key, readings, verdicts, chance) => {
  const verdict = place => verdicts.get(place),
    number = place => readings.get(place).value,
    places_ = [...readings].filter(([, one]) => one.value !== undefined).map(([place]) => place);
  if (FEWEST_FOR_A_FAULT * places_.filter(place => FAULTS.has(verdict(place).kind)).length > places_.length) return [];
  const dull = places_.filter(place => verdict(place).dull),
    working = places_.filter(place => follows(verdict(place)) && !verdict(place).dull && !chance.has(place)),
    zerosAndOnes = 2 * places_.filter(place => [0, 1, -1].includes(key.exact[place])).length >= places_.length,
    correct = places_.filter(place => zerosAndOnes && verdict(place).kind === "correct");
  const enough = new Map();
  for (const root of unite(dull.map(place => verdict(place).inherits))) {
    const from = those => those.filter(place => verdict(place).inherits.has(root)),
      hidden = from(dull).map(number);
    const times = one => hidden.filter(other => other === one).length,
      filler = hidden.reduce((best, one) => (times(one) > times(best) ? one : best));
    const shown = from(working).length + correct.filter(place => place > root && number(place) !== filler).length;
    enough.set(root, DULL_FOR_EACH * shown >= hidden.length);
  }
  return dull.filter(place => [...verdict(place).inherits].every(root => enough.get(root)));
};

// The answers that may be right by chance, by place, and why.
const byChance = (readings, verdicts) => {
  const filled = [...readings].filter(([, one]) => one.value !== undefined),
    kind = place => verdicts.get(place).kind,
    places_ = filled.map(([place]) => place);
  const right = places_.filter(place => RIGHT.has(kind(place))),
    followed = places_.filter(place => follows(verdicts.get(place))),
    astray = places_.filter(place => FAULTS.has(kind(place)));
  const all = (those, why) => new Map(those.map(place => [place, why]));
  if (
    new Set(filled.map(([, one]) => one.value)).size === 1 &&
    filled.length >= LEAST_FILLED &&
    (places_.filter(place => kind(place) === "correct").length < filled.length / 2 || astray.length >= LEAST_FILLED)
  )
    return all(right, say("the same number is in every box"));
  if (astray.length >= Math.max(LEAST_FILLED, ASTRAY * right.length))
    return all(followed, say("hardly any line of this sheet is right, or follows from another: this may be chance"));
  const times = (those, place) => those.filter(other => readings.get(other).value === readings.get(place).value).length;
  return new Map(
    followed
      .map(place => [place, times(astray, place), times(followed.filter(other => RIGHT.has(kind(other))), place)])
      .filter(([, failed, hits]) => failed >= Math.max(IN_VAIN, hits))
      .map(([place, number]) => [
        place,
        say("this number is wrong in {number} other boxes: here it may follow by chance", { number }),
      ])
  );
};
