// What marking needs of a problem: its lines with the right numbers, and with those of a reader.
//
// book = { rules, mistakes, repeats, ranges, cells, together, alike, names }
//   mistakes  [{ slug, title, message, lines: { place: [[rule, arguments], ...] } }]: the lines of somebody with this mistake
//   repeats   the steps that only repeat another
//   ranges    what a step can be: "tanh", "unit", "positive", "error"
//   cells     the vectors and matrices, each as [[index, place], ...]
//   together  mistakes that are often made at once, each as a list of them
//   alike     the same quantity at other times

const HALF = 0.51;
const MARGIN = 1.05;
const LEAST_FIGURES = 3;
const MOST_DECIMALS = 12;
const LEAST_UNIT = 2 ** -1022;
const MOST_UNITS = 10;
const MOST_WORK = 2e6;

class TooMuchWork extends Error {}
const leading = x => Number(x.toExponential().split("e")[1]);

// ---------------------------------------------------------------- what is typed

const FRACTION = /^([+-]?\d{1,20}) ?[/\u2044\u2215] ?(\d{1,20})$/;
const TEN = / ?[x\u00d7*\u00b7] ?10/.source;
const POWER = `[eE]([+-]?\\d{1,4})|${TEN}(?:\\^|\\*\\*)([+-]?\\d{1,4})|${TEN}([\u207b\u207a]?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]{1,4})`;
const DECIMAL = new RegExp(`^([+-]?)(\\d*)(?:[.,](\\d*))?(?:${POWER})?$`);
const LOWERED = Object.fromEntries(
  [..."\u207b\u207a\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"].map((raised, i) => [raised, "-+0123456789"[i]])
);

// { v, value, decimals, digits }, or { blank } or { reason }.
const reading = text => {
  const plainText = typed(text).replace(/[\u200b-\u200d\u2060\ufeff\u2007\u200a]/g, "");
  if (!plainText) return { blank: true };
  if (plainText.length > 64) return { reason: say("more than {n} characters", { n: 64 }) };
  let match = FRACTION.exec(plainText);
  if (match) {
    if (BigInt(match[2]) === 0n) return { reason: say("a division by zero") };
    const v = [BigInt(match[1]), BigInt(match[2]), 0];
    return { v, value: double(v), decimals: 40, digits: 40 };
  }
  match = DECIMAL.exec(plainText);
  if (!match || !(match[2] || match[3])) return { reason: say("no number") };
  const part = match[3] ?? "",
    whole = match[2];
  const exponent = Number(match[4] ?? match[5] ?? [...(match[6] ?? "0")].map(sign => LOWERED[sign] ?? sign).join(""));
  if (whole.length + part.length > 40) return { reason: say("more than {n} digits", { n: 40 }) };
  if (Math.abs(exponent) > 300) return { reason: say("a power of ten beyond {n}", { n: 300 }) };
  const n = BigInt(whole + part) * (match[1] === "-" ? -1n : 1n);
  const v = fraction({ n, e: exponent - part.length });
  return { v, value: double(v), decimals: Math.max(part.length - exponent, 0), digits: (whole + part).replace(/^0+/, "").length };
};

// ---------------------------------------------------------------- a problem with its present numbers

class Key {
  constructor(program, book, exactNumbers, results) {
    Object.assign(this, { program, book, exact: exactNumbers, results, steps: program.steps });
    this.places = this.exact.map((value, place) => {
      const asked = this.decimals(place, value),
        usual = this.usual(place);
      return !this.figures(place) && asked > Math.max(usual, MOST_DECIMALS) ? usual : asked;
    });
    this.quantum = this.places.map(places => Math.max(tenTo(-places), LEAST_UNIT));
    const most = place => (program.precisions[0][1] ? 0 : HALF * tenTo(-this.usual(place)));
    this.farthest = this.quantum.map((quantum, place) => Math.max(MOST_UNITS * quantum, most(place)));
    this.worlds = new Map();
    const called = slug => book.mistakes.find(one => one.slug === slug);
    this.together = book.together.map(slugs => slugs.map(called));
  }
  given(place) {
    return this.steps[place][0] === GIVEN;
  }
  figures(place) {
    const [digits, significant] = this.program.precisions[this.steps[place][2]];
    return significant ? digits : 0;
  }
  // The decimals that the sheet keeps in a line, or those of the problem where it keeps figures.
  usual(place) {
    const [digits, significant] = this.program.precisions[this.steps[place][2]];
    return significant ? this.program.places : digits;
  }
  decimals(place, value) {
    const figures = this.figures(place),
      size_ = value ? leading(Math.abs(value)) : 0;
    if (figures) return figures - 1 - size_;
    return value ? Math.max(this.usual(place), LEAST_FIGURES - 1 - size_) : this.usual(place);
  }
  unit(place, value, typedDecimals = 0) {
    let asked = value ? this.decimals(place, value) : this.places[place];
    if (!this.figures(place)) asked = Math.min(asked, Math.max(typedDecimals, this.usual(place)));
    return Math.max(this.quantum[place], tenTo(-asked));
  }
  printed(place) {
    return this.program.policy === "by_hand" ? this.results[place].digits : undefined;
  }
  outOfRange(place, value) {
    const near = this.quantum[place];
    switch (this.book.ranges[place]) {
      case "tanh":
        return Math.abs(value) > 1 + near;
      case "unit":
        return !(-near <= value && value <= 1 + near);
      case "positive":
        return value < 0;
      case "error":
        return value < -near;
      default:
        return false;
    }
  }
  // The value of every line for somebody with a mistake, from the first line on; one list for each way to make it.
  mistaken({ slug, lines }) {
    if (!this.worlds.has(slug)) {
      const ways = Math.max(...Object.values(lines).map(all => all.length));
      this.worlds.set(
        slug,
        Array.from({ length: ways }, (_, way) => {
          const world = new World(this, new Map(), { changed: lines, way });
          return this.steps.map((_, place) => world.value(place));
        })
      );
    }
    return this.worlds.get(slug);
  }
}

// The values of all lines, given some written values and some changed rules; null where there is none.
class World {
  constructor(key, written, { changed = {}, way = 0, unit = place => key.quantum[place], work = { left: MOST_WORK } } = {}) {
    Object.assign(this, { key, written, changed, way, unit, work, known: new Map(), partials: new Map() });
  }
  line(place) {
    const ways = this.changed[place],
      { program, book } = this.key;
    if (ways) {
      const [rule, args] = ways[Math.min(this.way, ways.length - 1)];
      return [book.rules[rule], args];
    }
    const [rule, args] = program.steps[place];
    return [rule < 0 ? null : program.rules[rule], args];
  }
  value(place) {
    if (this.written.has(place)) return this.written.get(place);
    if (!this.known.has(place)) for (const line of this.behind([place], this.known)) this.known.set(line, this.kept(line));
    return this.known.get(place);
  }
  // The result of a blank line as the lines after it use it.
  kept(place) {
    return this.rule(place);
  }
  behind(places_, passed = new Map()) {
    const ordered = [],
      ahead = [...places_];
    while (ahead.length) {
      const step = ahead.pop();
      if (step < 0) ordered.push(~step);
      else if (!passed.has(step) && !this.written.has(step)) {
        passed.set(step, null);
        ahead.push(~step, ...this.line(step)[1]);
      }
    }
    return ordered;
  }
  rule(place, instead) {
    const [line, args] = this.line(place);
    if (!line) return this.key.exact[place];
    const values = [];
    for (const argument of args) {
      const value = instead?.has(argument) ? instead.get(argument) : this.value(argument);
      if (value === null) return null;
      values.push(value);
    }
    return this.result(line, values);
  }
  result(line, values) {
    if (--this.work.left < 0) throw new TooMuchWork();
    const result = line(doubles, ...values);
    return Number.isFinite(result) ? result : null;
  }
  // The largest effect on a line of rounding its sources.
  spread(place) {
    const slopes = new Map([[place, 1]]);
    let spread = 0;
    for (const step of [place, ...this.behind(this.line(place)[1]).reverse()]) {
      if (!slopes.has(step)) continue;
      const slope = slopes.get(step);
      slopes.delete(step);
      if (step !== place) spread += Math.abs(slope) * this.rounding(step);
      for (const [argument, partial] of this.slopes(step)) slopes.set(argument, (slopes.get(argument) ?? 0) + slope * partial);
    }
    for (const [step, slope] of slopes) spread += Math.abs(slope) * this.rounding(step);
    return spread;
  }
  rounding(place) {
    const exactZero = this.written.has(place)
      ? this.written.get(place) === 0 && this.key.exact[place] === 0
      : this.key.book.repeats.includes(place) || this.value(place) === 0;
    return this.key.given(place) || exactZero ? 0 : this.unit(place) / 2;
  }
  slopes(place) {
    if (!this.partials.has(place)) this.partials.set(place, this.slopesOf(place));
    return this.partials.get(place);
  }
  slopesOf(place) {
    const [line, args] = this.line(place),
      values = args.map(argument => this.value(argument)),
      found = [];
    if (!line || values.includes(null)) return found;
    const middle = this.result(line, values);
    if (middle === null) return found;
    args.forEach((argument, number_) => {
      if (this.key.given(argument)) return;
      const shift = Math.max(this.key.quantum[argument] / 2, Math.abs(this.key.exact[argument]) * 1e-8);
      const sides = [];
      for (const side of [shift, -shift]) {
        const there = this.result(
          line,
          values.map((value, other) => (other === number_ ? value + side : value))
        );
        if (there !== null) sides.push((there - middle) / side);
      }
      if (sides.length) found.push([argument, sides.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a))]);
    });
    return found;
  }
}

// What lines come to where every blank line before them is rounded: to the decimals asked for, or by the sheet's own rule.
class RoundedWorld extends World {
  constructor(key, written, { asked, toEven, work }) {
    super(key, written, { work });
    Object.assign(this, { asked, toEven });
  }
  kept(place) {
    const value = this.rule(place),
      { key } = this;
    if (!value || key.given(place)) return value;
    const own = this.asked ? key.places[place] : key.usual(place);
    return roundedTo(value, key.figures(place) ? key.decimals(place, value) : own, this.toEven);
  }
}

// A double with so many decimals; with the digits of a tie to twelve it is one.
const roundedTo = (value, decimals_, toEven) => {
  if (leading(Math.abs(value)) + decimals_ >= 12) return value;
  const [mantissa, power_] = value.toExponential(11).split("e");
  const v = fraction({ n: BigInt(mantissa.replace(".", "")), e: Number(power_) - 11 }),
    { n, e } = toPlaces(v, decimals_);
  const tie = equal(absolute(sub(v, fraction({ n, e }))), [1n, 2n, e]);
  return Number((toEven && tie && n % 2n ? n - (n > 0n ? 1n : -1n) : n) + "e" + e);
};
