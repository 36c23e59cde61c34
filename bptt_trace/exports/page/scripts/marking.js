// Marking: a verdict for each answer, following the reader's own numbers; by the rules of `check`.

const MOST_COMBINATIONS = 15;
const NO_RESULT = say(
  "with the earlier wrong numbers this line has no result: a division by 0, or a root or logarithm that does not exist"
);
const TOO_FAR = say("rounding alone can make this difference, but it is too large to be accepted without a look");

const unite = sets => new Set(sets.flatMap(set => [...set]));
// The lines that several mistakes change; of a line that two of them change, the first has it.
const merged = changes => Object.assign({}, ...[...changes].reverse());

// ---------------------------------------------------------------- one sheet

class Marking {
  constructor(key, readings) {
    // readings: by place, in the order of the calculation
    Object.assign(this, {
      key,
      readings,
      verdicts: new Map(),
      roots: new Map(),
      typed: new Map(),
      firstCut: -1,
      worlds: new Map(),
    });
    this.written = new Map([...readings].filter(([, one]) => one.value !== undefined).map(([place, one]) => [place, one.value]));
    this.work = { left: MOST_WORK };
    this.keepsSmall = [...readings].some(
      ([place, one]) => one.value !== undefined && one.decimals > key.usual(place) && !key.figures(place)
    );
    this.renew();
  }
  renew() {
    this.world = this.worldOf(this.written);
    this.ways = new Map();
    this.worlds = new Map();
  }
  worldOf(written, more = {}) {
    return new World(this.key, written, { unit: place => this.unit(place), work: this.work, ...more });
  }

  marks() {
    for (const [place, one] of this.readings)
      this.verdicts.set(
        place,
        one.value === undefined ? { kind: one.blank ? "blank" : "unreadable", message: one.reason ?? "" } : this.judged(place)
      );
    this.unwritten = [...this.verdicts.values()].some(one => FAULTS.has(one.kind)) ? this.findUnwritten() : [];
    this.lookOver();
    return this;
  }
  judged(place) {
    try {
      return this.judge(place, this.written.get(place), this.readings.get(place));
    } catch (error) {
      if (!(error instanceof TooMuchWork)) throw error;
      this.roots.set(place, new Set([place]));
      return { kind: "needs-human", message: say("this sheet takes too much calculation to be marked to its end") };
    }
  }
  judge(place, value, one) {
    const { key } = this,
      exactValue = key.exact[place];
    if (Math.abs(value - exactValue) <= HALF * key.quantum[place] || Math.abs(value - exactValue) <= HALF * this.unit(place))
      return { kind: "correct" };
    const printed = key.printed(place);
    if (printed && equal(printed, one.v)) return { kind: "correct" };
    const verdict = this.consistent(place, value) ?? this.cutShort(place, value, one) ?? this.fromFewDecimals(place, value);
    if (verdict) return verdict;
    const reference = this.world.rule(place),
      radius = this.radius(place, reference);
    const fault = this.rearranged(place) ??
      this.fromRightNumbers(place, value) ??
      this.mixed(place, value) ??
      this.misconceived("here", place, value, reference, radius) ??
      this.slipped(place, value, reference, radius) ??
      this.misconceived("everywhere", place, value, reference, radius) ?? { kind: "wrong" };
    if (FAULTS.has(fault.kind)) this.roots.set(place, new Set([place]));
    return fault;
  }

  // An answer that follows from the reader's own numbers.
  consistent(place, value) {
    let reference = this.world.rule(place);
    const sources = this.unsound(place);
    const behind = unite(sources.map(source => this.roots.get(source)));
    if (reference === null) {
      if (!behind.size) return undefined;
      this.roots.set(place, behind);
      return { kind: "not-assessable", message: NO_RESULT, inherits: behind };
    }
    const unit = this.unit(place);
    if (!sources.length && Math.abs(value - reference) <= HALF * unit) return { kind: "rounded" };
    let radius = this.radius(place, reference);
    const within = Math.abs(value - reference) <= radius;
    if (!within || this.isFar(place, value, reference)) {
      const calculated = this.calculated(place, value, unit, behind);
      if (calculated !== undefined) [reference, radius] = [calculated, HALF * unit];
      else if (within) {
        this.roots.set(place, behind.size ? behind : new Set([place]));
        return { kind: "needs-human", message: TOO_FAR, inherits: behind };
      } else return undefined;
    }
    if (!sources.length) return { kind: "rounded" };
    this.roots.set(place, behind);
    const why = fromNowhere(this.key, this.written, sources) || this.hidesAgain(place, behind, reference, radius);
    const dull = why ? "" : saysNothing(this.key, this.written, place, value, sources, reference, radius);
    const message = why || dull,
      kind = message ? "not-assessable" : "follow-through";
    return { kind, message, inherits: behind, reference, radius, dull: dull !== "" };
  }
  // What the line comes to, if that is the answer, for somebody who rounds every blank line or carries a named mistake on.
  // There is none who carries it where a fault behind the line has no name: its number is not among what is carried.
  calculated(place, value, unit, behind) {
    const fits = result => result !== null && Math.abs(value - result) <= HALF * unit;
    const found = this.byHand(this.written, place, fits);
    if (found !== undefined) return found;
    const named = this.named();
    if (!behind.size || ![...behind].every(root => this.verdicts.get(root)?.slugs?.length)) return undefined;
    const changed = merged(this.key.book.mistakes.filter(({ slug }) => named.has(slug)).map(({ lines }) => lines));
    delete changed[place];
    const result = new World(this.key, new Map(), { changed, work: this.work }).rule(place);
    return fits(result) ? result : undefined;
  }
  // What the line comes to, if that is the answer, for somebody who goes on from these numbers and rounds every blank line.
  byHand(written, place, fits) {
    for (const asked of [true, false])
      for (const toEven of [false, true]) {
        const result = new RoundedWorld(this.key, written, { asked, toEven, work: this.work }).rule(place);
        if (fits(result)) return result;
      }
    return undefined;
  }
  // An answer that comes out by hand where wrong numbers are left blank: they were only copied wrong.
  fromRightNumbers(place, value) {
    if (!this.unsound(place).length) return undefined;
    const right = new Map([...this.written].filter(([one]) => !this.roots.has(one)));
    const fits = result => result !== null && Math.abs(value - result) <= HALF * this.unit(place);
    return this.byHand(right, place, fits) === undefined ? undefined : { kind: "rounded" };
  }
  // The mistakes that were named so far.
  named() {
    return new Set([...this.verdicts.values()].flatMap(one => one.slugs ?? []));
  }
  isFar(place, value, reference) {
    const carried = this.unsound(place).length && !this.keepsSmall;
    const most = Math.max(this.key.farthest[place], (carried ? MOST_UNITS : HALF) * this.unit(place));
    return !(Math.abs(value - reference) <= most || Math.abs(value - this.key.exact[place]) <= most);
  }
  // The right number, or one that follows, with up to two decimals too few.
  cutShort(place, value, one) {
    const message = say("the right number; give {position} decimals", { position: Math.max(this.key.places[place], 0) });
    let verdict = { kind: "rough", message },
      meant = this.key.exact[place];
    if (!this.isRough(place, value, one, meant)) {
      const reference = this.world.rule(place);
      if (reference === null || !this.isRough(place, value, one, reference)) return undefined;
      const whole = this.consistent(place, reference);
      if (!whole || !["rounded", "follow-through"].includes(whole.kind)) return whole;
      [verdict, meant] = [{ kind: "rough", message, inherits: whole.inherits }, reference];
    }
    this.typed.set(place, value);
    this.written.set(place, meant);
    return verdict;
  }
  isRough(place, value, one, goal) {
    const half_ = HALF * tenTo(-one.decimals);
    if (!(Math.abs(value - goal) <= half_)) return false;
    if (!this.key.program.precisions[0][1] && one.decimals >= this.key.usual(place)) return true;
    const short_ = this.key.decimals(place, goal) - one.decimals;
    return short_ > 0 && short_ <= 2 && one.digits >= 2 && half_ <= 0.05 * Math.abs(goal);
  }
  fromFewDecimals(place, value) {
    const rough_ = new Map(
      [...this.sources(place)[0]].filter(source => this.typed.has(source)).map(source => [source, this.typed.get(source)])
    );
    if (!rough_.size) return undefined;
    const world = this.worldOf(new Map([...this.written, ...rough_])),
      reference = world.rule(place),
      radius = this.radius(place, reference, world);
    if (reference === null || !(Math.abs(value - reference) <= radius)) return undefined;
    const behind = unite(this.unsound(place).map(source => this.roots.get(source)));
    this.roots.set(place, behind);
    return { kind: "follow-through", message: "", inherits: new Set([...behind, ...rough_.keys()]) };
  }
  // An answer that follows when one or two wrong numbers are replaced by the right ones.
  mixed(place, value) {
    const sources = this.unsound(place).sort((a, b) => a - b);
    const combinations = sources.map(one => [one]);
    sources.forEach((one, i) => sources.slice(i + 1).forEach(other => combinations.push([one, other])));
    const some = combinations.filter(one => one.length < sources.length).slice(0, MOST_COMBINATIONS);
    for (const replaced of some) {
      const world = this.worldOf(new Map([...this.written, ...replaced.map(source => [source, this.key.exact[source]])]));
      const reference = world.rule(place),
        radius = this.radius(place, reference, world),
        kept = sources.filter(source => !replaced.includes(source));
      if (
        reference !== null &&
        Math.abs(value - reference) <= radius &&
        !this.isFar(place, value, reference) &&
        !kept.some(source => Math.abs(value - this.written.get(source)) <= radius) && // which shows no calculation
        !fromNowhere(this.key, this.written, kept) &&
        !saysNothing(this.key, this.written, place, value, kept, reference, radius)
      ) {
        const behind = unite(kept.map(source => this.roots.get(source)));
        this.roots.set(place, behind);
        return { kind: "mixed", message: "", inherits: behind };
      }
    }
    return undefined;
  }

  // ------------------------------------------------------------ named mistakes

  misconceived(where, place, value, reference, radius) {
    const { mistakes } = this.key.book,
      blanks = [...this.sources(place)[1]];
    let fits = [];
    for (const made of where === "here" && blanks.length
      ? [...mistakes.map(one => [one]), ...this.key.together]
      : mistakes.map(one => [one])) {
      const apart =
        where === "here"
          ? this.explainedHere(made, blanks, place, value, reference, radius)
          : this.explainedEverywhere(made[0], place, value, radius);
      if (apart !== undefined) fits.push([apart, made]);
    }
    if (!fits.length) return undefined;
    const named = this.named(),
      before = fits.filter(([, made]) => made.every(one => named.has(one.slug)));
    if (before.length) fits = before;
    const nearest = Math.min(...fits.map(([apart]) => apart)) + 0.02 * this.key.quantum[place];
    const best = fits.filter(([apart]) => apart <= nearest).map(([, made]) => made),
      fewest = Math.min(...best.map(made => made.length));
    const told = best.filter(made => made.length === fewest).flat();
    return {
      kind: "misconception",
      message: told.map(one => one.message).join(" "),
      slugs: told.map(one => one.slug),
      titles: told.map(one => one.title),
    };
  }
  explainedHere(made, blanks, place, value, reference, radius) {
    const lines = made.length > 1 ? merged(made.map(one => one.lines)) : made[0].lines,
      slug = made.map(one => one.slug).join(" ");
    if (!(place in lines) && !blanks.some(blank => blank in lines)) return undefined;
    const distances = [],
      ways = Math.max(...Object.values(lines).map(all => all.length));
    for (let way = 0; way < ways; way++) {
      const world = this.mistakenWorld(slug, lines, way),
        other = world.rule(place);
      if (other === null || !(Math.abs(value - other) <= 20 * Math.max(radius, this.key.quantum[place]))) continue;
      const room = this.radius(place, other, world);
      if (Math.abs(value - other) <= room && (reference === null || Math.abs(other - reference) > 3 * Math.max(radius, room)))
        distances.push(Math.abs(value - other));
    }
    return distances.length ? Math.min(...distances) : undefined;
  }
  mistakenWorld(slug, lines, way) {
    const name = `${slug} ${way}`;
    if (!this.worlds.has(name)) this.worlds.set(name, this.worldOf(this.written, { changed: lines, way }));
    return this.worlds.get(name);
  }
  explainedEverywhere(mistake, place, value, radius) {
    const quantum = this.key.quantum[place],
      room = Math.max(HALF * quantum, Math.min(radius, 5 * quantum));
    const apart = this.key
      .mistaken(mistake)
      .map(values => values[place])
      .filter(other => other !== null && Math.abs(other - this.key.exact[place]) > 3 * room && Math.abs(value - other) <= room)
      .map(other => Math.abs(value - other));
    return apart.length ? Math.min(...apart) : undefined;
  }
  hidesAgain(place, behind, reference, radius) {
    const slugs = new Set([...behind].flatMap(root => this.verdicts.get(root)?.slugs ?? []));
    for (const { slug, lines } of slugs.size ? this.key.book.mistakes : []) {
      if (!slugs.has(slug) || !(place in lines)) continue;
      for (let way = 0; way < lines[place].length; way++) {
        const other = this.mistakenWorld(slug, lines, way).rule(place);
        if (other !== null && Math.abs(other - reference) <= radius)
          return say("the earlier mistake, made again here, would give the same number");
      }
    }
    return "";
  }

  // ------------------------------------------------------------ slips

  rearranged(place) {
    const cells = this.key.book.cells.find(all => all.some(([, one]) => one === place));
    if (!cells || cells.length < 2 || !cells.every(([, one]) => this.written.has(one))) return undefined;
    const at = new Map(cells.map(([index, one]) => [index.join(), one])),
      order = cells.map(([index]) => index);
    const ways =
      order[0].length === 2
        ? [[say("the whole matrix is transposed"), order.map(([row, column]) => [column, row])]]
        : [1, order.length - 1].map(by => [
            say("the whole vector is shifted by one place"),
            [...order.slice(by), ...order.slice(0, by)],
          ]);
    for (const [message, shifted] of ways)
      if (
        order.every((index, i) => at.has(shifted[i].join()) && this.hasValueOf(at.get(index.join()), at.get(shifted[i].join())))
      )
        return { kind: "slip", message };
    return undefined;
  }
  hasValueOf(place, other) {
    const reference = this.world.rule(other),
      radius = this.radius(other, reference);
    return [reference, this.key.exact[other]].some(goal => goal !== null && Math.abs(this.written.get(place) - goal) <= radius);
  }
  slipped(place, value, reference, radius) {
    for (const goal of [reference, this.key.exact[place]]) {
      if (goal === null) continue;
      const message = slip(value, goal, radius, this.key.places[place]);
      if (message === CUT_OFF && this.firstCut !== -1 && this.firstCut !== place) {
        this.roots.set(place, new Set([this.firstCut]));
        return { kind: "follow-through", message: say("{said}, as before", { said: message }), inherits: this.roots.get(place) };
      }
      if (message) {
        if (message === CUT_OFF) this.firstCut = place;
        return { kind: "slip", message };
      }
    }
    const { exact: exactNumbers, quantum, book } = this.key,
      near = HALF * quantum[place];
    for (const other of this.neighbours(place)) {
      const follows = this.sources(other)[0].has(place);
      const theirs = follows ? exactNumbers[other] : this.written.get(other) ?? exactNumbers[other];
      const there = Math.min(Math.abs(value - exactNumbers[other]), Math.abs(value - theirs));
      if (there <= near && Math.abs(exactNumbers[other] - exactNumbers[place]) > 3 * radius && exactNumbers[other] !== 0) {
        const time = book.alike.some(all => all.includes(place) && all.includes(other));
        const what = time ? say("the value of another time step") : say("the value of another cell");
        return { kind: "slip", message: say("this is {name}: {what}", { name: book.names[other], what }) };
      }
    }
    return undefined;
  }
  *neighbours(place) {
    const order = [...this.readings.keys()],
      at = order.indexOf(place);
    for (const i of [at - 1, at + 1]) if (i >= 0 && i < order.length) yield order[i];
    for (const other of this.key.book.alike.find(all => all.includes(place)) ?? [])
      if (other !== place && this.readings.has(other)) yield other;
    const cells = this.key.book.cells.find(all => all.some(([, one]) => one === place)),
      own = cells?.find(([, one]) => one === place)[0];
    const turned = own?.length === 2 ? cells.find(([index]) => index[0] === own[1] && index[1] === own[0]) : undefined;
    if (turned && turned[1] !== place) yield turned[1];
  }

  // ------------------------------------------------------------ tolerances

  unit(place) {
    if (this.written.has(place) && this.readings.has(place))
      return this.key.unit(place, this.written.get(place), this.readings.get(place).decimals);
    return this.key.unit(place, this.world.value(place), this.keepsSmall ? Math.max(this.key.places[place], 0) : 0);
  }
  // The written lines that a line uses, and the blank lines on the way to them.
  sources(place) {
    if (!this.ways.has(place)) {
      const written = new Set(),
        passed = new Set(),
        ahead = [...this.key.steps[place][1]];
      while (ahead.length) {
        const line = ahead.pop();
        if (this.written.has(line)) written.add(line);
        else if (!this.key.given(line) && !passed.has(line)) {
          passed.add(line);
          ahead.push(...this.key.steps[line][1]);
        }
      }
      this.ways.set(place, [written, new Set([...passed].filter(line => !this.key.book.repeats.includes(line)))]);
    }
    return this.ways.get(place);
  }
  unsound(place) {
    return this.roots.size ? [...this.sources(place)[0]].filter(source => this.roots.has(source)) : [];
  }
  radius(place, reference, world = this.world) {
    const half_ = HALF * this.unit(place);
    if (reference === null) return half_;
    const radius = half_ + MARGIN * world.spread(place);
    return Number.isFinite(radius) ? radius : Infinity;
  }

  // ------------------------------------------------------------ blank lines, and the whole sheet

  findUnwritten() {
    const faults = [];
    try {
      for (;;) {
        const wrong = [...this.readings.keys()].filter(place => FAULTS.has(this.verdicts.get(place).kind));
        if (!this.candidates(wrong).some(blank => this.explain(blank, wrong, faults))) break;
      }
    } catch (error) {
      if (!(error instanceof TooMuchWork)) throw error;
    }
    return faults;
  }
  candidates(wrong) {
    const counts = new Map();
    for (const place of wrong) for (const blank of this.sources(place)[1]) counts.set(blank, (counts.get(blank) ?? 0) + 1);
    return [...counts]
      .filter(([, count]) => count > 1)
      .map(([blank]) => blank)
      .sort((a, b) => b - a);
  }
  explain(blank, wrong, faults) {
    const behind = wrong.filter(place => this.sources(place)[1].has(blank));
    const value = this.solved(blank, behind[0], this.written.get(behind[0])),
      exactValue = this.key.exact[blank];
    if (
      value === null ||
      this.key.outOfRange(blank, value) ||
      Math.abs(value) > 100 * Math.max(Math.abs(exactValue), 10 * this.key.quantum[blank])
    )
      return false;
    const [first, ...others] = behind.map(place => new Set(this.verdicts.get(place).slugs));
    if ([...first].some(slug => others.every(slugs => slugs.has(slug)))) return false; // one mistake, of which each is told
    this.written.set(blank, value);
    this.renew();
    if (!behind.every(place => this.goesWith(place))) {
      this.written.delete(blank);
      this.renew();
      return false;
    }
    this.roots.set(blank, new Set([blank]));
    faults.push({ place: blank, explains: behind });
    const unsettled = ["wrong", "slip", "follow-through", "mixed", "needs-human", "not-assessable"];
    const again = place => place > blank && (behind.includes(place) || unsettled.includes(this.verdicts.get(place).kind));
    for (const place of [...this.readings.keys()].filter(again)) {
      this.roots.delete(place);
      this.verdicts.set(place, this.judged(place));
    }
    return true;
  }
  // The value of a blank line with which a later answer is right.
  solved(blank, place, goal) {
    const affected = new Set([blank]),
      { world, key } = this;
    for (const one of [...world.behind(key.steps[place][1]), place])
      if (key.steps[one][1].some(argument => affected.has(argument))) affected.add(one);
    const way = [...affected].filter(one => one !== blank).sort((a, b) => a - b);
    const off = value => {
      const moved = new Map([[blank, value]]);
      for (const one of way) {
        const there = world.rule(one, moved);
        if (there === null) return null;
        moved.set(one, there);
      }
      return moved.get(place) - goal;
    };
    const begin = world.value(blank);
    if (begin === null) return null;
    let left = begin,
      right = begin + Math.max(Math.abs(begin), 1) * 1e-3,
      low = off(left),
      high = off(right);
    for (let k = 0; k < 40; k++) {
      if (low === null || high === null || high === low) return null;
      [left, right] = [right, right - (high * (right - left)) / (high - low)];
      [low, high] = [high, off(right)];
      if (high !== null && Math.abs(high) <= 1e-12 * Math.max(1, Math.abs(goal))) return right;
    }
    return null;
  }
  goesWith(place) {
    const reference = this.world.rule(place);
    if (reference === null) return false;
    const radius = this.radius(place, reference);
    return radius <= 10 * this.key.quantum[place] && Math.abs(this.written.get(place) - reference) <= 2 * radius;
  }
  // Marks earned by chance are taken back; what the sheet shows to be no chance is accepted.
  lookOver() {
    const chance = byChance(this.readings, this.verdicts),
      accepted = shownElsewhere(this.key, this.readings, this.verdicts, chance);
    for (const [place, message] of chance)
      if (!this.verdicts.get(place).dull) this.verdicts.set(place, { kind: "not-assessable", message });
    for (const place of accepted)
      if (!chance.has(place)) this.verdicts.set(place, { ...this.verdicts.get(place), kind: "follow-through", message: "", dull: false });
  }
}
