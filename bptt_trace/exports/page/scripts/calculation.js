// A program: an ordered list of steps, each with a rule and the steps that fill it.
//
// program = { rules, inexact, steps, policy, places, precisions }
//   rules    functions (k, s0, s1, ...) => a number of the arithmetic k
//   inexact  for each rule whether it has a function in it that no fraction holds
//   steps    [rule, arguments, precision]: rule -1 is a given number, -2 the sum of what is printed, which nothing rounds,
//            -3 a printed number in another way, which the number behind the precision tells
//   places   the decimals of the problem
//   precisions  [digits, significant]: the digits that lines keep, and whether they are significant figures or decimals

const GIVEN = -1,
  TOTAL = -2,
  READING = -3;
const CANCELLED = say("its terms cancel in all digits that are tried; decimal places may do");
const TOO_SMALL = say("the number is too small, below 10^-999,999; decimal places would do");

// The digits of a result that are shown: what "by hand" goes on with.
const settled = ([digits, significant], v) => {
  if (significant) {
    if (v[0] !== 0n && magnitude(v) < -999999) throw new Failure(TOO_SMALL);
    if (magnitude(v) > 999999) throw new Failure(TOO_LARGE);
    return toFigures(v, digits);
  }
  if (magnitude(v) + digits > 60) throw new Failure(TOO_LARGE);
  const decimal = toPlaces(v, digits);
  if (length(decimal.n) > 60) throw new Failure(TOO_LARGE);
  return decimal;
};
const snapped = (v, count) => fraction(toFigures(v, count)); // a division, or a function, spoils ties

const endless = ([, d]) => {
  while (d % 2n === 0n) d /= 2n;
  while (d % 5n === 0n) d /= 5n;
  return d !== 1n;
};
const reduced = ([m, c, e]) => {
  const [n, d] = e < 0 ? [m, c * ten(-e)] : [m * ten(e), c];
  let a = size(n),
    b = d;
  while (b) [a, b] = [b, a % b];
  return a > 1n ? [n / a, d / a, 0] : [n, d, 0];
};

// One line by hand, from these arguments.
const byHand = (program, [rule, , which], numbers) => {
  FAR = 5120;
  const precision = program.precisions[which],
    line = () => program.rules[rule](exact, ...numbers);
  let v = precisely(line, !precision[1]);
  if (v === null) throw new Failure(CANCELLED);
  if (rough && beside(v, m => settled(precision, m).n)) v = snapped(withDigits(5120, line), 5100);
  return settled(precision, v);
};
// Whether a number is so near a tie that it takes more than its first 50 digits to see on which side. A tie itself goes up.
const beside = (v, settle) => {
  const apart = mul(v, [1n, 1n, -50]);
  return settle(add(v, apart)) !== settle(sub(v, apart)) && !equal(v, snapped(v, 50));
};

const ended = v => (v[1] === 1n ? v : kept(v));

// One line with the digits that "carry" keeps; where a given number has no end in decimals, fractions are kept as long as they are short.
const carried = (program, [rule, , which], numbers, fractions) => {
  const [digits, significant] = program.precisions[which],
    line = arithmetic => program.rules[rule](arithmetic, ...numbers);
  FAR = 1280;
  let v;
  if (program.inexact[rule]) v = kept(precisely(() => line(exact)) ?? ZERO);
  else if (!fractions) v = line(decimals);
  else if (numbers.some(one => Math.abs(magnitude(one)) > 1000)) v = program.rules[rule](decimals, ...numbers.map(ended));
  else {
    v = line(exact);
    const short = Math.abs(v[2]) < 400 && reduced(v);
    v = short && short[1].toString(2).length <= 1000 && endless(short) ? short : kept(v);
  }
  if (!significant && v[0] !== 0n && magnitude(v) >= 50 - digits) throw new Failure(TOO_LARGE);
  return v;
};

const totalled = decimals => {
  const e = Math.min(...decimals.map(one => one.e));
  if (Math.max(...decimals.map(one => one.e)) - e > 60) return { reason: "" }; // longer than anybody adds up
  const decimal = { n: decimals.reduce((sum, one) => sum + one.n * ten(one.e - e), 0n), e },
    v = fraction(decimal);
  return { v, text: plain(decimal), decimal, digits: v };
};

// A printed number without its sign, in percent with two figures, in whole percent.
const hundred = v => mul(absolute(v), whole(100n));
const READINGS = [
  ({ text }) => text.replace("-", ""),
  ({ v, digits }) => {
    const { n, e } = toFigures(hundred(digits ?? v), 2);
    return e > 0 ? (n * ten(e)).toString() : inFull({ n, e });
  },
  ({ v, digits }) => toPlaces(hundred(digits ?? v), 0).n.toString(),
];

// Every step: { v, text }, with `digits` the printed number; or { reason } where it has no value.
const evaluate = (program, inputs) => {
  const nothing = new Set();
  for (;;) {
    const out = passed(program, inputs, nothing),
      more = program.policy === "carry" ? cancelled(program, inputs, nothing, out) : [];
    if (!more.length) return out;
    for (const place of more) nothing.add(place);
  }
};

// Under "carry" the places of values that are 0: of which 480 digits leave far less than 60.
const cancelled = (program, inputs, nothing, out) => {
  const suspicious = [...out.keys()].filter(
    place => program.steps[place][0] >= 0 && out[place].v?.[0] && magnitude(out[place].v) < -35
  );
  if (!suspicious.length) return [];
  KEPT = 480;
  try {
    const finer = passed(program, inputs, nothing);
    return suspicious.filter(place => {
      const { v } = finer[place];
      return v && (!v[0] || magnitude(v) < magnitude(out[place].v) - 200);
    });
  } finally {
    KEPT = 60;
  }
};

// One pass over the steps; `nothing` are the places of values that are 0.
const passed = (program, inputs, nothing) => {
  const out = [],
    carries = program.policy === "carry";
  const fractions = carries && [...inputs.values()].some(one => endless(reduced(one.v)));
  program.steps.forEach((step, place) => {
    if (step[0] === GIVEN) {
      out.push(inputs.get(place));
      return;
    }
    const missing = step[1].find(argument => out[argument].v === undefined);
    if (missing !== undefined) {
      out.push({ reason: "", because: out[missing].because ?? missing });
      return;
    }
    const numbers = step[1].map(argument => out[argument].v);
    if (step[0] === TOTAL) {
      out.push(totalled(step[1].map(argument => out[argument].decimal)));
      return;
    }
    if (step[0] === READING) {
      out.push({ v: numbers[0], text: READINGS[step[3]](out[step[1][0]]) });
      return;
    }
    try {
      if (carries) {
        const v = nothing.has(place) ? ZERO : carried(program, step, numbers, fractions);
        const decimal = settled(program.precisions[step[2]], snapped(v, 50));
        out.push({ v, text: plain(decimal), decimal, digits: fraction(decimal) });
      } else {
        const decimal = byHand(program, step, numbers),
          v = fraction(decimal);
        out.push({ v, text: plain(decimal), decimal, digits: v });
      }
    } catch (error) {
      if (!(error instanceof Failure) && !(error instanceof RangeError)) throw error;
      out.push({ reason: error instanceof Failure ? error.message : TOO_LARGE, because: place });
    }
  });
  return out;
};

// Whether the printed digits of a line give its printed result; under "carry" they need not.
const recomputes = (program, place, out) => {
  const step = program.steps[place];
  try {
    return (
      plain(
        byHand(
          program,
          step,
          step[1].map(argument => out[argument].digits ?? out[argument].v)
        )
      ) === out[place].text
    );
  } catch (error) {
    if (error instanceof Failure || error instanceof RangeError) return false;
    throw error;
  }
};

// Every step in doubles, without any rounding. Where doubles fail, or have noise for the 0 at which a function jumps, 60 digits
// are taken; NaN where there is no number.
const NOISE = 1e-12;
const unrounded = (program, inputs) => {
  jumped = false;
  const out = inDoubles(program, inputs);
  if (out.every(Number.isFinite) && !(jumped && out.some(x => x && Math.abs(x) < NOISE))) return out;
  const precisions = program.precisions.map(() => [15, true]);
  return evaluate({ ...program, policy: "carry", precisions }, inputs).map(({ v }) => (v ? double(v) : NaN));
};
const inDoubles = (program, inputs) => {
  const out = [];
  program.steps.forEach(([rule, args], place) =>
    out.push(
      rule === READING
        ? out[args[0]]
        : rule === TOTAL
        ? args.reduce((sum, one) => sum + out[one], 0)
        : rule === GIVEN
        ? double(inputs.get(place).v)
        : program.rules[rule](doubles, ...args.map(argument => out[argument]))
    )
  );
  return out;
};
