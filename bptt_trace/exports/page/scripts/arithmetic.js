// Numbers. An exact number is [n, d, e]: the fraction n / d times 10^e, with whole numbers n and d > 0 (BigInt); no step on the
// way is a double. A power of ten stands beside the fraction, so a number near 10^-100,000 is as short as any other.
//
// A rule of the page is a function of an arithmetic and its arguments: (k, s0, s1) => k.add(k.mul(s0, s1), ...).
// Three arithmetics fill the place of k: `exact` fractions; `decimals`, which keep 60 digits after every step; `doubles`.

class Failure extends Error {}

const ZERO = [0n, 1n, 0],
  ONE = [1n, 1n, 0];
const powers = [];
const ten = k => (k > 9999 ? 10n ** BigInt(k) : (powers[k] ??= 10n ** BigInt(k)));

let DIGITS = 75; // of the value of a function
let FAR = 5120; // terms of a sum that are further apart, in digits, are not added exactly
let rough = false; // whether something was calculated that is no fraction
let nudges = null; // functions, with their arguments, that are made a little larger to see whether that changes anything

const size = n => (n < 0n ? -n : n);
const length = n => size(n).toString().length;
const sign = ([n]) => (n > 0n ? 1 : n < 0n ? -1 : 0);
const whole = n => [n, 1n, 0];

// The exponent of the first digit: 3 for 1234, -2 for 0.012.
const magnitude = ([n, d, e]) => {
  const k = length(n) - length(d);
  return e + k - (k >= 0 ? size(n) < d * ten(k) : size(n) * ten(-k) < d);
};

// The smaller one of two terms that are far apart leaves a trace: its place depends on DIGITS, so that nothing is made of it.
const trace = (v, far) => {
  rough = true;
  return [BigInt(sign(v)), 1n, far];
};
const add = (a, b) => {
  if (!a[0] || !b[0]) return a[0] ? a : b;
  if (a[2] < b[2]) [a, b] = [b, a];
  if (a[2] - b[2] > FAR) {
    const [x, y] = [magnitude(a), magnitude(b)];
    if (x - y > FAR) b = trace(b, x - FAR - DIGITS);
    else if (y - x > FAR) a = trace(a, y - FAR - DIGITS);
    if (a[2] < b[2]) [a, b] = [b, a];
  }
  const [n, d, e] = a,
    [m, c, f] = b,
    shifted = n * ten(e - f);
  return c === d ? [shifted + m, d, f] : [shifted * c + m * d, c * d, f];
};
const neg = ([n, d, e]) => [-n, d, e];
const sub = (a, b) => add(a, neg(b));
const mul = ([n, d, e], [m, c, f]) => [n * m, d * c, n && m ? e + f : 0];
const div = ([n, d, e], [m, c, f]) => {
  if (m === 0n) throw new Failure(DIVISION);
  return m < 0n ? [-n * c, -d * m, e - f] : [n * c, d * m, n ? e - f : 0];
};
const power = (v, e) => [v[0] ** BigInt(e), v[1] ** BigInt(e), v[2] * e];
const absolute = ([n, d, e]) => [size(n), d, e];
const less = (a, b) => sign(sub(a, b)) < 0;
const equal = (a, b) => sign(sub(a, b)) === 0;

const DIVISION = say("a division by zero, with the digits that are kept; more places, or significant figures, may do");
const LOGARITHM = say(
  "a logarithm of 0 does not exist, and a probability in it is 0 with the digits that are kept; more places, or significant figures, would do"
);
const UNDEFINED = say("a function is not defined there");
const TOO_LARGE = say("the number is too large; smaller parameters or a smaller learning rate would do");

// ---------------------------------------------------------------- rounding

// n / d to the nearest whole number, halves away from zero.
const half = (n, d) => {
  const q = (2n * size(n) + d) / (2n * d);
  return n < 0n ? -q : q;
};

// A decimal is {n, e}: the whole number n times 10 to the power e.
const fraction = ({ n, e }) => [n, 1n, e];
const toPlaces = (v, k) => {
  const [n, d, e] = v;
  if (!n || magnitude(v) < -k - 1) return { n: 0n, e: -k };
  return { n: e + k >= 0 ? half(n * ten(e + k), d) : half(n, d * ten(-e - k)), e: -k };
};
const toFigures = (v, k) => {
  if (v[0] === 0n) return { n: 0n, e: 1 - k };
  const rounded = toPlaces(v, k - 1 - magnitude(v));
  return length(rounded.n) > k ? { n: rounded.n / 10n, e: rounded.e + 1 } : rounded;
};
// What "carry" keeps: 60 digits, and nothing beyond 10^-1,000,058 or 10^1,000,000.
let KEPT = 60;
const kept = v => {
  const short = fraction(toFigures(v, KEPT));
  if (!v[0] || magnitude(v) < -1000058) return ZERO;
  if (magnitude(short) > 999999) throw new Failure(TOO_LARGE);
  return short;
};

// ---------------------------------------------------------------- functions
//
// Each has DIGITS right digits, also near 0: 1 - tanh(z)^2 and ln(1 + z) keep theirs, because sums are exact.
// On the way whole numbers stand for themselves over UNIT, a power of two.

let BITS = 0n,
  UNIT = 1n;
const precise = digits => {
  DIGITS = digits;
  BITS = BigInt(Math.ceil(digits * 3.33) + 80);
  UNIT = 1n << BITS;
};
precise(DIGITS);

const fixed = ([n, d, e]) => (e < 0 ? (n << BITS) / (d * ten(-e)) : ((n * ten(e)) << BITS) / d);
const unfixed = x => [x, UNIT, 0];
const remembered = calculate => {
  const found = {};
  return () => (found[BITS] ??= calculate());
};
// Whether z is so near 0 that `terms` terms of a series in z, or in its square, have all digits.
const near = (z, terms) => !z[0] || magnitude(z) < -Math.ceil(DIGITS / terms) - 1;
const series = (z, ...coefficients) =>
  coefficients.reduceRight((sum, [n, d]) => add([BigInt(n), BigInt(d), 0], mul(z, sum)), ZERO);

// e^(x / UNIT) for 0 <= x / UNIT < 4: the series of x / 2^10, squared ten times.
const exponential = x => {
  const y = x >> 10n;
  let term = UNIT,
    sum = UNIT;
  for (let k = 1n; term > 0n; k++) sum += term = ((term * y) >> BITS) / k;
  for (let k = 0; k < 10; k++) sum = (sum * sum) >> BITS;
  return sum;
};
// ln(x / UNIT) for 1 <= x / UNIT <= 10, by Halley's iteration from the logarithm of a double.
const logarithm = x => {
  let y = BigInt(Math.round(Math.log(Number((x << 60n) >> BITS) / 2 ** 60) * 2 ** 50)) << (BITS - 50n);
  if (y < 0n) y = 0n;
  for (let right = 14; right < DIGITS + 24; right *= 3) {
    const w = exponential(y);
    y += ((x - w) << (BITS + 1n)) / (x + w);
  }
  return y;
};
const ln10 = remembered(() => logarithm(10n * UNIT));
// arctan(1 / x), and pi by Machin's formula.
const arctangent = x => {
  let power_ = UNIT / x,
    sum = 0n;
  for (let k = 1n; power_ > 0n; k += 4n) {
    sum += power_ / k - power_ / (x * x * (k + 2n));
    power_ /= x ** 4n;
  }
  return sum;
};
const pi = remembered(() => 16n * arctangent(5n) - 4n * arctangent(239n));
// x - x^3/3! + ..., or 1 - x^2/2! + ...
const wave = (x, from) => {
  let term = from ? x : UNIT,
    sum = term;
  for (let k = BigInt(from); term !== 0n; k += 2n) sum += term = (((-term * x) / UNIT) * x) / UNIT / ((k + 1n) * (k + 2n));
  return sum;
};
const LARGEST_ANGLE = 30;
const turned = (z, from) => {
  if (magnitude(z) > LARGEST_ANGLE) throw new Failure(UNDEFINED);
  const x = fixed(z) % (2n * pi());
  return unfixed(wave(x, from));
};

// ln(1 + z) near 0
const besideOne = z => mul(z, series(z, [1, 1], [-1, 2], [1, 3]));
const LARGEST = 15; // numbers from 10^15 on have no exponential
const functions = {
  exp: z => {
    if (near(z, 3)) return series(z, [1, 1], [1, 1], [1, 2], [1, 6]);
    if (magnitude(z) >= LARGEST) {
      if (z[0] > 0n) throw new Failure(TOO_LARGE);
      return [1n, 1n, -(10 ** LARGEST)];
    }
    let tens = Math.floor(double(z) / Math.LN10),
      x = fixed(z) - BigInt(tens) * ln10();
    if (x < 0n) [tens, x] = [tens - 1, x + ln10()];
    return [exponential(x), UNIT, tens];
  },
  ln: z => {
    if (z[0] <= 0n) throw new Failure(z[0] ? UNDEFINED : LOGARITHM);
    const more = sub(z, ONE);
    if (near(more, 3)) return besideOne(more);
    const e = magnitude(z);
    return unfixed(logarithm(fixed([z[0], z[1], z[2] - e])) + BigInt(e) * ln10());
  },
  sqrt: z => {
    if (z[0] < 0n) throw new Failure(UNDEFINED);
    const shift = 2 * (DIGITS + Math.max(0, Math.ceil((z[2] - magnitude(z)) / 2))) + (z[2] & 1);
    return [root((z[0] * ten(shift)) / z[1]), 1n, (z[2] - shift) / 2];
  },
  sin: z => (near(z, 6) ? mul(z, series(mul(z, z), [1, 1], [-1, 6], [1, 120])) : turned(z, 1)),
  cos: z => (near(z, 6) ? series(mul(z, z), [1, 1], [-1, 2], [1, 24], [-1, 720]) : turned(z, 0)),
  tanh: z => {
    if (near(z, 6)) return mul(z, series(mul(z, z), [1, 1], [-1, 3], [2, 15]));
    const small = functions.exp(mul(whole(-2n), absolute(z)));
    return mul(whole(BigInt(sign(z))), div(sub(ONE, small), add(ONE, small)));
  },
  sigmoid: z => div(ONE, add(ONE, functions.exp(neg(z)))),
  softplus: z => {
    const small = functions.exp(neg(absolute(z)));
    return add(z[0] > 0n ? z : ZERO, near(small, 3) ? besideOne(small) : functions.ln(add(ONE, small)));
  },
};
const root = n => {
  if (n < 2n) return n;
  let x = 1n << BigInt((n.toString(2).length >> 1) + 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
};
// At 0 these are fractions, and so is ln at 1.
const AT_ZERO = { exp: ONE, sqrt: ZERO, sin: ZERO, cos: ONE, tanh: ZERO, sigmoid: [1n, 2n, 0] };
for (const [name, calculate] of Object.entries(functions))
  functions[name] = z => {
    if (!z[0] && AT_ZERO[name]) return AT_ZERO[name];
    if (name === "ln" && equal(z, ONE)) return ZERO;
    rough = true;
    const v = calculate(z);
    if (!nudges) return v;
    const key = `${name} ${z}`;
    if (!nudges.has(key)) nudges.set(key, BigInt(nudges.size + 1));
    return add(v, mul(v, [nudges.get(key), 1n, -DIGITS]));
  };

// A calculation with so many digits of its functions.
const withDigits = (digits, calculate) => {
  precise(digits);
  try {
    return calculate();
  } finally {
    precise(75);
  }
};
// A calculation, with as many digits of its functions as it takes to know those that are kept; null where all cancel. With decimal
// places it is enough that nothing changes behind them.
const NOTHING_CHANGES = [1n, 1n, -60];
const precisely = (calculate, places = false) => {
  let before = null;
  try {
    for (const digits of [75, 110, 220, 440, 880, 1760, 3520, 7040]) {
      precise(digits);
      rough = false;
      const v = calculate();
      if (!rough) return v;
      if (v[0] === 0n && !places) {
        nudges = new Map(); // 0 whatever the functions come to, or a difference too small to be seen?
        try {
          if (calculate()[0] === 0n) return v;
        } finally {
          nudges = null;
        }
      }
      if (before) {
        const apart = absolute(sub(v, before));
        if ((places && less(apart, NOTHING_CHANGES)) || less(mul(apart, [1n, 1n, KEPT + 2]), absolute(v))) return v;
      }
      before = v;
    }
    return null;
  } finally {
    precise(75);
  }
};

// ---------------------------------------------------------------- arithmetics

const exact = {
  ...functions,
  neg,
  add,
  mul,
  div,
  sub,
  int: whole,
  sum: terms => terms.reduce(add),
  pow: power,
  max: (a, b) => (less(a, b) ? b : a),
  min: (a, b) => (less(b, a) ? b : a),
  steps: (z, left, atZero, right) => [left, atZero, right][sign(z) + 1], // the slope of a function of straight pieces
  bent: (z, left, right) => mul(sign(z) > 0 ? right : left, z), // the function itself
};

const short =
  operation =>
  (...numbers) =>
    kept(operation(...numbers));
const decimals = {
  ...exact,
  add: short(add),
  sub: short(sub),
  mul: short(mul),
  div: short(div),
  pow: short(power),
  bent: short(exact.bent),
};
decimals.sum = terms => terms.reduce(decimals.add);

let jumped = false; // whether a function was asked for that jumps at 0
const doubles = {
  exp: Math.exp,
  ln: Math.log,
  sqrt: Math.sqrt,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid: z => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z))),
  softplus: z => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))),
  int: Number,
  neg: a => -a,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  sum: terms => terms.reduce((a, b) => a + b),
  pow: (a, e) => a ** e,
  max: Math.max,
  min: Math.min,
  steps: (z, left, atZero, right) => {
    jumped = true;
    return z > 0 ? right : z < 0 ? left : atZero;
  },
  bent: (z, left, right) => (z > 0 ? right : left) * z,
};
const double = v => {
  const { n, e } = toFigures(v, 20);
  return Number(n + "e" + e);
};
const tenTo = e => Number("1e" + e); // the double next to it; 10 ** -4 is one below that in V8

// ---------------------------------------------------------------- text

// A decimal with all of its zeros; e is not above 0.
const inFull = ({ n, e }) => {
  const digits = size(n)
    .toString()
    .padStart(1 - e, "0");
  return (n < 0n ? "-" : "") + (e ? digits.slice(0, e) + "." + digits.slice(e) : digits);
};
// A decimal as a person writes it; far from 1 with a power of ten: 1.234e-10.
const plain = ({ n, e }) => {
  const digits = size(n).toString(),
    first = digits.length - 1 + e;
  if (e <= 0 && (e >= -16 || first >= 0)) return inFull({ n, e });
  const more = digits.length > 1 ? "." + digits.slice(1) : "";
  return (n < 0n ? "-" : "") + digits[0] + more + "e" + first;
};

const SIGNS = { "\u2212": "-", "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-" };
const typed = text =>
  text
    .trim()
    .replace(/[\u2010-\u2014\u2212]/g, sign => SIGNS[sign])
    .replace(/[\u00a0\u2009\u202f]/g, "");

// A given number as a problem file may have it: its exact value, and how it is printed; or why it is none.
const given = text => {
  const read = typed(text).replace(",", ".");
  let match = /^([+-]?\d{1,20})\/(\d{1,20})$/.exec(read);
  if (match && BigInt(match[2]) > 0n) {
    const [above, below] = [BigInt(match[1]), BigInt(match[2])];
    return { v: [above, below, 0], text: `${above}/${below}` };
  }
  match = /^([+-]?)(\d+)?\.?(\d*)(?:e([+-]?\d{1,3}))?$/i.exec(read);
  if (!match || !(match[2] || match[3]) || read.length > 64)
    return { reason: say("not a number; a decimal, or a fraction such as 1/3, would do") };
  const part = match[3] || "",
    e = Number(match[4] || 0) - part.length;
  const n = BigInt(match[1].replace("+", "") + "1") * BigInt((match[2] || "") + part);
  if (n === 0n) return { v: ZERO, text: e < 0 && e >= -8 ? "0." + "0".repeat(-e) : "0" };
  const first = length(n) - 1 + e;
  if (first < -30 || first >= 30) return { reason: say("out of range; numbers from 10^-30 to 10^30 are possible") };
  if (length(n) > 40) return { reason: say("a number of more than 40 digits") };
  return { v: fraction({ n, e }), text: e > 0 ? (n * ten(e)).toString() : inFull({ n, e }) };
};
