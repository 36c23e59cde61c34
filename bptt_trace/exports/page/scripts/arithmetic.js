// Numbers. An exact number is a pair [n, d] of whole numbers (BigInt), d > 0; no step on the way is a double.
//
// A rule of the page is a function of an arithmetic and its arguments: (k, s0, s1) => k.add(k.mul(s0, s1), ...).
// Three arithmetics fill the place of k: `exact` fractions; `decimals`, which keep 60 digits after every step; `doubles`.

class Failure extends Error {}

const ZERO = [0n, 1n];
const powers = [];
const ten = k => (powers[k] ??= 10n ** BigInt(k));

let DIGITS = 90,
  UNIT = ten(DIGITS); // of a function behind the decimal point
let rough = false; // whether a function was calculated that is no fraction
let nudged = false; // whether functions are made a little larger, to see whether that changes anything

const size = n => (n < 0n ? -n : n);
const length = n => size(n).toString().length;
const less = ([a, b], [c, d]) => a * d < c * b;
const equal = ([a, b], [c, d]) => a * d === c * b;
const sign = ([n]) => (n > 0n ? 1 : n < 0n ? -1 : 0);

const add = ([a, b], [c, d]) => (b === d ? [a + c, b] : [a * d + c * b, b * d]);
const neg = ([n, d]) => [-n, d];
const mul = ([a, b], [c, d]) => [a * c, b * d];
const div = ([a, b], [c, d]) => {
  if (c === 0n) throw new Failure(DIVISION);
  return c < 0n ? [-a * d, -b * c] : [a * d, b * c];
};
const absolute = ([n, d]) => [size(n), d];

const DIVISION = "a division by zero, with the digits that are kept; more places, or significant figures, may do";
const LOGARITHM =
  "a logarithm of 0 does not exist, and a probability in it is 0 with the digits that are kept; " +
  "more places, or significant figures, would do";
const UNDEFINED = "a function is not defined there";
const TOO_LARGE = "the number is too large; smaller parameters or a smaller learning rate would do";

// ---------------------------------------------------------------- rounding

// n / d to the nearest whole number, halves away from zero.
const half = (n, d) => {
  const q = (2n * size(n) + d) / (2n * d);
  return n < 0n ? -q : q;
};

// A decimal is {n, e}: the whole number n times 10 to the power e.
const times10 = ([n, d], k) => (k >= 0 ? [n * ten(k), d] : [n, d * ten(-k)]);
const fraction = ({ n, e }) => (e < 0 ? [n, ten(-e)] : [n * ten(e), 1n]);
const toPlaces = (v, k) => ({ n: half(...times10(v, k)), e: -k });

// The exponent of the first digit: 3 for 1234, -2 for 0.012.
const magnitude = v => {
  const e = length(v[0]) - length(v[1]);
  return less(absolute(v), e >= 0 ? [ten(e), 1n] : [1n, ten(-e)]) ? e - 1 : e;
};
const toFigures = (v, k) => {
  if (v[0] === 0n) return { n: 0n, e: 1 - k };
  const rounded = toPlaces(v, k - 1 - magnitude(v));
  return length(rounded.n) > k ? { n: rounded.n / 10n, e: rounded.e + 1 } : rounded;
};
const sixty = v => fraction(toFigures(v, 60));

// ---------------------------------------------------------------- functions

const fixed = ([n, d]) => (n * UNIT) / d;

// Beyond e^50000 nobody calculates. What is no larger than e^-50000 is too small to be followed, and from 10^-1,000,058 on 0.
const FAR = 50000n,
  NOWHERE = 2302718n,
  TINY = [1n, ten(21000)];
let vanishes = false; // whether so small a number is 0: under "carry"
const vanishing = z => (vanishes && less(z, [-NOWHERE, 1n]) ? ZERO : TINY);
// e to the power x / UNIT, x >= 0: the series of x / 2^k, squared k times.
const exponential = x => {
  if (x > FAR * UNIT) throw new Failure(TOO_LARGE);
  const halvings = 10 + Math.max(0, x.toString(2).length - UNIT.toString(2).length);
  const y = x >> BigInt(halvings);
  let term = UNIT,
    sum = UNIT;
  for (let k = 1n; term > 0n; k++) sum += term = (term * y) / (UNIT * k);
  for (let k = 0; k < halvings; k++) sum = (sum * sum) / UNIT;
  return sum;
};
// e to the power -x / UNIT; 0 where it has no digit here.
const fading = x => (x > 3n * BigInt(DIGITS) * UNIT ? 0n : (UNIT * UNIT) / exponential(x));

const root = n => {
  if (n < 2n) return n;
  let x = 1n << BigInt((n.toString(2).length >> 1) + 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
};

// ln(x / UNIT) for 1 <= x / UNIT <= 10, by Halley's iteration from the logarithm of a double.
const logarithm = x => {
  let y = (BigInt(Math.round(Math.log(Number((x * ten(17)) / UNIT) / 1e17) * 1e15)) * UNIT) / ten(15);
  for (let right = 14; right < DIGITS; right *= 3) {
    const w = y < 0n ? fading(-y) : exponential(y);
    y += (2n * UNIT * (x - w)) / (x + w);
  }
  return y;
};
const tens = {}; // ln(10) with so many digits
const ln10 = () => (tens[DIGITS] ??= logarithm(10n * UNIT));

// x - x^3/3! + ..., or 1 - x^2/2! + ...
const wave = (x, from) => {
  let term = from ? x : UNIT,
    sum = term;
  for (let k = BigInt(from); term !== 0n; k += 2n) sum += term = (((-term * x) / UNIT) * x) / UNIT / ((k + 1n) * (k + 2n));
  return sum;
};

const functions = {
  exp: z =>
    z[0] >= 0n ? [exponential(fixed(z)), UNIT] : less(z, [-FAR, 1n]) ? vanishing(z) : [UNIT, exponential(fixed(neg(z)))],
  ln: z => {
    if (z[0] <= 0n) throw new Failure(z[0] ? UNDEFINED : LOGARITHM);
    const e = magnitude(z);
    return [logarithm(fixed(times10(z, -e))) + BigInt(e) * ln10(), UNIT];
  },
  sqrt: z => {
    if (z[0] < 0n) throw new Failure(UNDEFINED);
    const above = root(z[0]),
      below = root(z[1]);
    if (above * above === z[0] && below * below === z[1]) return [above, below];
    const scale = ten(DIGITS + Math.max(0, -magnitude(z)));
    return [root((z[0] * scale * scale) / z[1]), scale];
  },
  sin: z => [wave(fixed(z), 1), UNIT],
  cos: z => [wave(fixed(z), 0), UNIT],
  tanh: z => {
    const small = fading(2n * fixed(absolute(z)));
    return [z[0] < 0n ? small - UNIT : UNIT - small, UNIT + small];
  },
  sigmoid: z => {
    if (z[0] >= 0n) return [UNIT, UNIT + fading(fixed(z))];
    return less(z, [-FAR, 1n]) ? vanishing(z) : [UNIT, UNIT + exponential(fixed(neg(z)))];
  },
  softplus: z => {
    const x = fixed(absolute(z));
    let rest = [logarithm(UNIT + fading(x)), UNIT];
    if (x > 70n * UNIT) {
      const e = functions.exp(neg(absolute(z))); // e - e^2/2 + e^3/3: the next term is smaller by 30 digits each
      rest = mul(e, add([1n, 1n], mul(e, add([-1n, 2n], mul(e, [1n, 3n])))));
    }
    return z[0] > 0n ? add(z, rest) : rest;
  },
};
// At 0 these are fractions, and so is ln at 1.
for (const name of Object.keys(functions)) {
  const function_ = functions[name],
    at = name === "ln" ? [1n, 1n] : ZERO;
  const there = { exp: [1n, 1n], ln: ZERO, sqrt: ZERO, sin: ZERO, cos: [1n, 1n], tanh: ZERO, sigmoid: [1n, 2n] }[name];
  functions[name] = z => {
    if (there && equal(z, at)) return there;
    rough = true;
    const [n, d] = function_(z);
    return nudged ? [n * UNIT + n + 1n, d * UNIT] : [n, d];
  };
}

// A calculation with functions in it, with as many digits as it takes to know the first 60; null where all cancel.
const precisely = calculate => {
  let before = null;
  try {
    for (const digits of [90, 180, 360, 720, 1440, 2880, 5760]) {
      [DIGITS, UNIT, rough] = [digits, ten(digits), false];
      const v = calculate();
      if (v[0] === 0n && rough) {
        // 0 times a function, or a difference too small to be seen?
        nudged = true;
        try {
          if (calculate()[0] === 0n) return v;
        } finally {
          nudged = false;
        }
      }
      if (!rough || (v[0] !== 0n && magnitude(v) > -20)) return v;
      if (before && v[0] !== 0n) {
        const apart = absolute(add(v, neg(before)));
        if (less(mul(apart, [ten(62), 1n]), absolute(v))) return v;
      }
      before = v;
    }
    return null;
  } finally {
    [DIGITS, UNIT] = [90, ten(90)];
  }
};

// ---------------------------------------------------------------- arithmetics

const power = (multiply, one) => (v, e) => {
  let product = one;
  for (let k = 0; k < e; k++) product = multiply(product, v);
  return product;
};

const exact = {
  ...functions,
  neg,
  add,
  mul,
  div,
  int: n => [n, 1n],
  sub: (a, b) => add(a, neg(b)),
  sum: terms => terms.reduce(add),
  pow: ([n, d], e) => [n ** BigInt(e), d ** BigInt(e)],
  max: (a, b) => (less(a, b) ? b : a),
  min: (a, b) => (less(b, a) ? b : a),
  steps: (z, left, atZero, right) => [left, atZero, right][sign(z) + 1], // the slope of a function of straight pieces
  bent: (z, left, right) => mul(sign(z) > 0 ? right : left, z), // the function itself
};

const short =
  operation =>
  (...numbers) =>
    sixty(operation(...numbers));
const decimals = {
  ...exact,
  add: short(add),
  sub: short(exact.sub),
  mul: short(mul),
  div: short(div),
  pow: short(exact.pow),
  bent: short(exact.bent),
};
decimals.sum = terms => terms.reduce(decimals.add);

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
  steps: (z, left, atZero, right) => (z > 0 ? right : z < 0 ? left : atZero),
  bent: (z, left, right) => (z > 0 ? right : left) * z,
};
const double = v => {
  const { n, e } = toFigures(v, 20);
  return Number(n + "e" + e);
};

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
    return { v: [above, below], text: `${above}/${below}` };
  }
  match = /^([+-]?)(\d+)?\.?(\d*)(?:e([+-]?\d{1,3}))?$/i.exec(read);
  if (!match || !(match[2] || match[3]) || read.length > 64)
    return { reason: "not a number; a decimal, or a fraction such as 1/3, would do" };
  const part = match[3] || "",
    e = Number(match[4] || 0) - part.length;
  const n = BigInt(match[1].replace("+", "") + "1") * BigInt((match[2] || "") + part);
  if (n === 0n) return { v: ZERO, text: e < 0 && e >= -8 ? "0." + "0".repeat(-e) : "0" };
  const first = length(n) - 1 + e;
  if (first < -30 || first >= 30) return { reason: "out of range; numbers from 10^-30 to 10^30 are possible" };
  if (length(n) > 40) return { reason: "a number of more than 40 digits" };
  const value = fraction({ n, e });
  return { v: value, text: e > 0 ? value[0].toString() : inFull({ n, e }) };
};
