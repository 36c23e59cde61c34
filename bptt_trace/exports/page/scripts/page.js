// The page: what is typed, and every place that a number has.
//
// sheet = { names, lines, first, bounds, changes, loss, when, told, fixed }
//   names    of every step, as in answer files         lines   the number of the line of every step, empty where it has none
//   first    the numbers of the file, by step          when    the conditions of the sentences, in the order of data-if
//   told     the alternative texts of the pictures, in pieces; a number is the place of a step
//   bounds   what a given number has to be                 changes of every new parameter the place of the old one
//   fixed    the results, where the page cannot find them again; else null

const find = (selector, within = document) => [...within.querySelectorAll(selector)];
const element = id => document.getElementById(id);
const inputs = new Map(); // the number of every given step
const fields = new Map(find("input[data-g]").map(field => [Number(field.dataset.g), field]));
let results = [],
  inFull_ = null;

// ---------------------------------------------------------------- numbers as the page prints them

const RAISED = {
  "-": "\u207b",
  0: "\u2070",
  1: "\u00b9",
  2: "\u00b2",
  3: "\u00b3",
  4: "\u2074",
  5: "\u2075",
  6: "\u2076",
  7: "\u2077",
  8: "\u2078",
  9: "\u2079",
};
const shown = text => {
  const [mantissa, exponent] = text.split("e");
  return withMark(mantissa.replace("-", "\u2212")) + (exponent ? "\u00b710" + [...exponent].map(sign => RAISED[sign]).join("") : "");
};
const operand = text => (/^\d+\.?\d*$/.test(text) ? withMark(text) : `(${shown(text)})`);
const NONE = "\u2013"; // where there is no number
const textOf = place => results[place].text;
const isNow = place => say("{name} is {value}.", { name: sheet.names[place], value: shown(textOf(place) ?? NONE) });

// ---------------------------------------------------------------- places

const places = new Map(); // for every step the nodes that tell its number, each with how it does
const rows = new Map(); // for every step its row
const relations = find("[data-r]").map(node => [Number(node.dataset.r), node]);

const collect = () => {
  for (const [attribute, spell] of [
    ["v", shown],
    ["o", operand],
  ])
    for (const node of find(`[data-${attribute}]`)) {
      const place = Number(node.dataset[attribute]);
      if (!places.has(place)) places.set(place, []);
      places.get(place).push([node.firstChild ?? node.appendChild(new Text()), spell]);
    }
  sheet.lines.forEach((line, place) => {
    const row = line && element("line-" + line.replace(/[.,]/g, "-"));
    if (row) {
      rows.set(place, row);
      row.dataset.s = place;
    }
  });
};

const put = (node, text) => {
  if (node.data !== text) node.data = text;
};
const fill = place => {
  const text = textOf(place);
  for (const [node, spell] of places.get(place) ?? []) put(node, text === undefined ? NONE : spell(text));
};

// A line that has no number says why; the lines that need it have none either.
const failing = () => {
  for (const note of find(".reason")) note.remove();
  for (const [place, row] of rows) {
    const { reason } = results[place];
    row.classList.toggle("failed", textOf(place) === undefined);
    if (reason) {
      const note = document.createElement("span");
      [note.className, note.textContent] = ["reason", reason];
      (row.querySelector(".numbers") ?? row.lastElementChild).append(note);
    }
  }
};

// Under "carry" the printed digits of a line need not give its printed result.
const relate = () => {
  if (program.policy !== "carry") return;
  const same = place => results[place].text === undefined || recomputes(program, place, results);
  for (const [place, node] of relations) put(node.firstChild ?? node.appendChild(new Text()), same(place) ? "" : "\u2248");
  const boards = new Map(); // whether every component of a matrix recomputes
  for (const [place, row] of rows) {
    const about = !same(place),
      cell = row.querySelector("td.result"),
      board = element(`line-${sheet.lines[place].split(".")[0]}`);
    if (board?.classList.contains("board")) boards.set(board, (boards.get(board) ?? false) || about);
    if (!cell) continue;
    cell.classList.toggle("about", about);
    if (cell.firstChild instanceof Text) cell.firstChild.data = about ? "\u2248 " : "";
    else cell.prepend(about ? "\u2248 " : "");
  }
  for (const [board, about] of boards) board.querySelector(".whole > .result").firstChild.data = about ? "\u2248 " : "= ";
};

// ---------------------------------------------------------------- sentences and pictures

const COMPARE = {
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
};
const MAKE = { abs: Math.abs, neg: a => -a, add: (a, b) => a + b, sub: (a, b) => a - b, mul: (a, b) => a * b };
const number = way => {
  if (typeof way === "string") {
    const [above, below] = way.split("/");
    return below ? above / below : Number(above);
  }
  const [kind, ...parts] = way;
  if (kind === "v") {
    const { text, v } = results[parts[0]];
    return text === undefined ? NaN : text.includes("/") ? double(v) : Number(text);
  }
  if (kind === "x") return unroundedNumbers()[parts[0]];
  return MAKE[kind](...parts.map(number));
};
const unroundedNumbers = () => (inFull_ ??= unrounded(program, inputs));

const CHANGES = { rises: say("rises"), falls: say("falls"), stays: say("stays"), rounded: say("rounded"), "": "" };
const changed = (place, before) => {
  const [now, old] = [results[place], results[before]];
  if (equal(now.digits, old.digits ?? old.v)) return "stays";
  if (equal(fraction(settled(program.precisions[program.steps[place][2]], old.digits ?? old.v)), now.digits)) return "rounded";
  return less(old.digits ?? old.v, now.digits) ? "rises" : "falls";
};

// The word for what an update does stands in its line; of a whole matrix, where all of its components do the same.
const roleOf = row => {
  const whole = row.querySelector(".whole");
  if (!whole) return row.querySelector("td.role");
  if (!whole.querySelector(".role")) whole.append(" ", Object.assign(document.createElement("span"), { className: "role" }));
  return whole.querySelector(".role");
};
const nameChanges = () => {
  const groups = new Map();
  for (const [place, before] of Object.entries(sheet.changes)) {
    if (!rows.has(Number(place))) continue;
    const [line] = sheet.lines[place].split(".");
    groups.set(line, [
      ...(groups.get(line) ?? []),
      [Number(place), textOf(place) === undefined ? "" : changed(Number(place), before)],
    ]);
  }
  for (const [line, group] of groups) {
    const board = element(`line-${line}`),
      words = new Set(group.map(([, word]) => word));
    const together = board?.classList.contains("board") && words.size === 1;
    if (board?.classList.contains("board")) roleOf(board).textContent = together ? CHANGES[group[0][1]] : "";
    for (const [place, word] of group) roleOf(rows.get(place)).textContent = together ? "" : CHANGES[word];
  }
};

const holds = ([kind, ...parts]) => {
  if (kind === "lost") return false;
  if (kind === "relation") return recomputes(program, parts[0], results) === parts[1];
  if (kind === "change") return changed(parts[0], parts[1]) === parts[2];
  const [left, right] = [number(parts[0]), number(parts[1])];
  return !Number.isNaN(left) && !Number.isNaN(right) && COMPARE[kind](left, right) === parts[2];
};
// Bars are as high as their numbers, the highest as high as the highest was; the number above a bar goes with it.
const bars = find("svg:has([data-h])").map(svg =>
  find("[data-h]", svg).map(bar => {
    const { y, height } = bar.querySelector("rect"),
      place = Number(bar.dataset.h);
    const label = find("text", svg).find(text => text.childNodes.length === 1 && text.firstChild.dataset?.v === bar.dataset.h);
    return { bar, label, place, height: height.baseVal.value, base: y.baseVal.value + height.baseVal.value };
  })
);
const draw = () => {
  for (const figure of bars) {
    const sizes = figure.map(({ place }) => Math.abs(number(["v", place])) || 0),
      most = Math.max(...sizes);
    const highest = Math.max(...figure.map(({ height }) => height));
    figure.forEach(({ bar, label, height, base }, i) => {
      const wanted = most ? (sizes[i] / most) * highest : 0;
      bar.setAttribute("transform", `translate(0 ${base * (1 - wanted / height)}) scale(1 ${wanted / height})`);
      label?.setAttribute("transform", `translate(0 ${height - wanted})`);
    });
  }
};

const asFiled = () => [...inputs].every(([place, { text }]) => text === sheet.first[place]);

const sentences = find("[data-if]"),
  descriptions = find(".picture desc");
const speak = () => {
  const filed = asFiled(),
    complete = results.every(one => one.text !== undefined);
  for (const block of sentences) block.hidden = !(filed || (complete && sheet.when[block.dataset.if].every(holds)));
  describe();
};
// What a picture says to who cannot see it; nothing, while results are not to be told.
const describe = () =>
  descriptions.forEach((node, which) => {
    const said = piece => (typeof piece === "number" ? shown(textOf(piece) ?? NONE) : piece);
    node.textContent = steps.on || asking ? "" : sheet.told[which].map(said).join("");
  });

// ---------------------------------------------------------------- from the numbers that are typed to the page

const read = (place, field) => {
  const one = given(field.value),
    note = element(`note-${place}`);
  const reason = one.reason ?? bounded(place, one.v);
  field.setAttribute("aria-invalid", Boolean(reason));
  note.textContent = reason ?? "";
  inputs.set(place, reason ? { reason } : one);
};
// What a number has to be: [least, whether that itself is possible, what it must stay below].
const bounded = (place, v) => {
  const [least, itself, below] = sheet.bounds[place] ?? [];
  const low = least !== undefined && (less(v, whole(BigInt(least))) || (!itself && equal(v, whole(BigInt(least)))));
  const high = below !== undefined && below !== null && !less(v, whole(BigInt(below)));
  if (!low && !high) return undefined;
  if (below == null) return itself ? say("a number from {least}", { least }) : say("a number more than {least}", { least });
  return itself
    ? say("a number from {least}, below {below}", { least, below })
    : say("a number more than {least}, below {below}", { least, below });
};

const calculate = () => {
  results = sheet.fixed ? sheet.fixed.map(text => ({ text })) : evaluate(program, inputs);
};
const recompute = () => {
  calculate();
  inFull_ = null;
  for (const place of places.keys()) fill(place);
  relate();
  failing();
  nameChanges();
  draw();
  speak();
  document.dispatchEvent(new Event("calculated"));
};

const status = element("status");
let waiting = 0;
const announce = text => {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    status.textContent = text;
  }, 400);
};
const tellChange = place => {
  const failed = results.findIndex(one => one.reason);
  if (failed >= 0 && sheet.lines[failed])
    return announce(say("Line {line} cannot be calculated: {reason}.", { line: sheet.lines[failed], reason: results[failed].reason }));
  if (failed >= 0) return announce(say("{what}: {because}.", { what: sheet.names[failed], because: results[failed].reason }));
  const loss = sheet.loss === null ? "" : " " + say("The loss is {value}.", { value: shown(textOf(sheet.loss)) });
  return announce(isNow(place) + loss);
};

// ---------------------------------------------------------------- the address keeps the numbers

const keep = () => {
  const own = [...fields].filter(
    ([place]) => inputs.get(place).text !== undefined && inputs.get(place).text !== sheet.first[place]
  );
  const hash = own
    .map(([place]) => `${encodeURIComponent(sheet.names[place])}=${encodeURIComponent(inputs.get(place).text)}`)
    .join("&");
  if (location.hash.slice(1) !== hash) history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search);
  element("reset").disabled = !hash && [...fields].every(([place]) => inputs.get(place).text !== undefined);
};
const recall = () => {
  const told = new Map(
    location.hash
      .slice(1)
      .split("&")
      .filter(part => part.includes("="))
      .map(part => part.split("=").map(decodeURIComponent))
  );
  for (const [place, field] of fields) {
    const text = withMark(told.get(sheet.names[place]) ?? sheet.first[place]);
    if (field.value !== text) field.value = text;
    read(place, field);
    slide(place);
  }
};

// ---------------------------------------------------------------- sliders

const sliders = new Map(find("input[data-slide]").map(slider => [Number(slider.dataset.slide), slider]));
const slide = place => {
  const slider = sliders.get(place),
    v = inputs.get(place).v;
  if (slider && v) slider.value = double(v);
};
const showSliders = wanted => {
  document.body.classList.toggle("sliding", wanted);
  for (const slider of sliders.values()) slider.hidden = !wanted;
  element("sliders").setAttribute("aria-pressed", wanted);
};

// ---------------------------------------------------------------- events

let keeping = 0;
const change = place => {
  read(place, fields.get(place));
  recompute();
  element("reset").disabled = false;
  clearTimeout(keeping);
  keeping = setTimeout(keep, 250); // a browser lets an address change a hundred times in half a minute
  tellChange(place);
};

const start = () => {
  collect();
  for (const [place, text] of Object.entries(sheet.first)) inputs.set(Number(place), given(text));
  recall();
  calculate();
  if (!asFiled()) recompute();
  else document.dispatchEvent(new Event("calculated"));
  keep();
  for (const [place, field] of fields)
    field.addEventListener("input", () => {
      change(place);
      slide(place);
    });
  for (const [place, slider] of sliders)
    slider.addEventListener("input", () => {
      fields.get(place).value = withMark(slider.value);
      change(place);
    });
  element("sliders").addEventListener("click", () => showSliders(!document.body.classList.contains("sliding")));
  element("reset").addEventListener("click", () => {
    for (const [place, field] of fields) {
      field.value = withMark(sheet.first[place]);
      read(place, field);
      slide(place);
    }
    recompute();
    keep();
    announce(say("All numbers are those of the file."));
  });
  addEventListener("hashchange", () => {
    if (!location.hash || location.hash.includes("=")) {
      recall();
      recompute();
      keep();
    }
  });
};
