// Finding one's way: what a line uses and what uses it; one line at a time.

// ---------------------------------------------------------------- what a line uses, and what uses it

const users = new Map();
program.steps.forEach(([, args], place) => {
  for (const argument of args) users.set(argument, [...(users.get(argument) ?? []), place]);
});

// What shows a step: its row, its input, its numbers in pictures.
const showing = place =>
  [
    rows.get(place),
    fields.get(place)?.closest(".number"),
    ...(places.get(place) ?? []).map(([node]) => node.parentNode).filter(node => node.closest("svg")),
  ].filter(Boolean);
let lit = [];
const light = place => {
  for (const node of lit) node.classList.remove("here", "used", "using");
  lit = [];
  if (place === undefined) return;
  for (const [kind, steps] of [
    ["here", [place]],
    ["used", program.steps[place]?.[1] ?? []],
    ["using", users.get(place) ?? []],
  ])
    for (const step of steps)
      for (const node of showing(step)) {
        node.classList.add(kind);
        lit.push(node);
      }
};
const stepOf = node => {
  const own = node.closest?.("[data-v],[data-o],[data-g],[data-slide],tr[data-s]");
  const { v, o, g, slide: slider, s } = own?.dataset ?? {};
  const place = v ?? o ?? g ?? slider ?? s;
  return place === undefined ? undefined : Number(place);
};
const lineOf = node => {
  const row = node.closest?.("tr[data-s]");
  return row ? Number(row.dataset.s) : stepOf(node);
};

const goTo = place => {
  const row = rows.get(place),
    field = fields.get(place);
  const target = row ?? field;
  if (!target) return;
  target.scrollIntoView({ block: "center" });
  target.focus({ preventScroll: true });
};

// ---------------------------------------------------------------- one line at a time

const BEHIND = Node.DOCUMENT_POSITION_FOLLOWING;
// All lines in the order of the page.
const lines = () => [...rows].sort(([, a], [, b]) => (a.compareDocumentPosition(b) & BEHIND ? -1 : 1)).map(([place]) => place);
const PHASES = ["formula", "numbers", "result"];
const stage = element("stage"),
  steps = { order: [], at: 0, phase: 0, on: false };

const boardOf = row => {
  while (row?.classList.contains("component")) row = row.previousElementSibling;
  return row?.classList.contains("board") ? row : null;
};
// A part of a line; a component has the formula of its board.
const part = (row, name) =>
  row.querySelector(`.${name}`) ?? (name === "formula" ? boardOf(row)?.querySelector(".formula") : null);
const copied = node => {
  const copy = node.cloneNode(true);
  for (const box of find(".mine, .verdict", copy)) box.remove();
  for (const one of find("[id]", copy)) one.removeAttribute("id");
  return copy;
};
const shownLine = (place, phase) => {
  const row = rows.get(place),
    cells = [];
  const name = document.createElement("span");
  name.append(...copied(part(row, "quantity")).childNodes);
  cells.push(name);
  for (const [index, which] of PHASES.entries()) {
    const cell = part(row, which);
    if (index > phase || !cell?.textContent.trim()) continue;
    const piece = document.createElement("span");
    piece.className = which;
    const copy = copied(cell);
    if (!/^\s*[=\u2248]/.test(copy.textContent)) piece.append("= ");
    piece.append(...copy.childNodes);
    cells.push(piece);
  }
  return cells;
};

// Blocks stand behind the line that comes before them; what is not reached yet is not there.
const reached = () => {
  const { on, order, at, phase } = steps,
    current = order[at],
    before = new Set(order.slice(0, at)),
    row = rows.get(current);
  for (const [place, one] of rows) {
    one.classList.toggle("later", on && !before.has(place) && place !== current);
    one.classList.toggle("now", on && place === current);
    if (on && place === current) one.dataset.phase = PHASES[phase];
    else delete one.dataset.phase;
  }
  for (const board of find(".sheet tr.board")) {
    board.classList.toggle("later", board.nextElementSibling?.classList.contains("later") ?? false);
    board.classList.toggle("veiled", on && boardOf(row) === board);
  }
  for (const block of find(".sheet section > *, .sheet footer"))
    block.classList.toggle("later", on && !block.contains(row) && Boolean(row.compareDocumentPosition(block) & BEHIND));
  const open = place => !on || before.has(place) || program.steps[place]?.[0] === GIVEN || (place === current && phase === 2);
  for (const [place, nodes] of places)
    for (const [node] of nodes) if (node.parentNode.closest("svg")) node.parentNode.classList.toggle("unknown", !open(place));
  describe();
};

const present = () => {
  const place = steps.order[steps.at],
    row = rows.get(place);
  element("line").replaceChildren(...shownLine(place, steps.phase));
  const label = part(row, "role")?.textContent.trim();
  const where = { line: sheet.lines[place], at: steps.at + 1, count: steps.order.length };
  const which = say("Line {line}, {at} of {count}", where);
  element("which").textContent = label ? say("{what}: {said}", { what: which, said: label }) : which;
  element("back").disabled = steps.at === 0 && steps.phase === 0;
  element("next").disabled = steps.at === steps.order.length - 1 && steps.phase === 2;
  const guess = element("guess"),
    asks = element("first").checked && steps.phase < 2 && row.querySelector("td.result");
  element("guessing").hidden = !asks;
  if (guess.dataset.place !== String(place)) {
    guess.value = "";
    guess.dataset.place = place;
  }
  if (steps.phase < 2) element("verdict").textContent = "";
  reached();
  row.scrollIntoView({ block: "center" });
  light(place);
  const known = steps.phase === 2 && textOf(place) !== undefined;
  status.textContent = known ? isNow(place) : element("which").textContent;
};
const move = by => {
  let { at, phase } = steps;
  phase += by;
  if (phase > 2) [at, phase] = [at + 1, 0];
  if (phase < 0) [at, phase] = [at - 1, 2];
  if (at < 0 || at >= steps.order.length) return;
  Object.assign(steps, { at, phase });
  present();
};
const walk = wanted => {
  steps.on = wanted;
  stage.hidden = !wanted;
  document.body.classList.toggle("stepping", wanted);
  element("walk").setAttribute("aria-pressed", wanted);
  if (!wanted) {
    reached();
    light();
    return;
  }
  answering(false);
  Object.assign(steps, { order: lines(), at: 0, phase: 0 });
  element("next").focus();
  present();
};

// ---------------------------------------------------------------- events

const guide = () => {
  const sheet_ = document.querySelector(".sheet");
  for (const [from, to] of [
    ["pointerover", "pointerout"],
    ["focusin", "focusout"],
  ]) {
    document.addEventListener(from, event => {
      const place = lineOf(event.target);
      if (place !== undefined) light(place);
    });
    document.addEventListener(to, () => {
      if (!steps.on) light();
    });
  }
  sheet_.addEventListener("click", event => {
    const link = event.target.closest("a[href^='#']");
    if (link) {
      event.preventDefault(); // the address keeps the numbers
      const row = element(link.getAttribute("href").slice(1));
      if (row?.dataset.s) goTo(Number(row.dataset.s));
      else row?.scrollIntoView({ block: "center" });
      return;
    }
    const number_ = event.target.closest("[data-v],[data-o]");
    if (number_ && !event.target.closest("td.result")) goTo(stepOf(number_));
  });
  const order = lines();
  order.forEach((place, i) => {
    rows.get(place).tabIndex = i ? -1 : 0;
  });
  sheet_.addEventListener("keydown", event => {
    const row = event.target.closest("tr[data-s]");
    if (!row || event.target !== row || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    const next = order[order.indexOf(Number(row.dataset.s)) + (event.key === "ArrowDown" ? 1 : -1)];
    if (next === undefined) return;
    event.preventDefault();
    row.tabIndex = -1;
    rows.get(next).tabIndex = 0;
    rows.get(next).focus();
  });
  element("walk").addEventListener("click", () => walk(!steps.on));
  element("close").addEventListener("click", () => {
    walk(false);
    element("walk").focus();
  });
  element("next").addEventListener("click", () => move(1));
  element("back").addEventListener("click", () => move(-1));
  element("first").addEventListener("change", present);
  element("large").addEventListener("click", () => {
    const large = document.body.classList.toggle("large");
    element("large").setAttribute("aria-pressed", large);
  });
  element("guessing").addEventListener("submit", event => {
    event.preventDefault();
    const place = steps.order[steps.at],
      verdict = judged(new Map([[place, element("guess").value]])).get(place);
    Object.assign(steps, { phase: 2 });
    present();
    element("verdict").textContent = told(verdict);
    element("verdict").className = verdict.kind;
    status.textContent = `${told(verdict)} ${isNow(place)}`;
    element("next").focus();
  });
  document.addEventListener("keydown", event => {
    if (!steps.on || event.altKey || event.ctrlKey || event.metaKey) return;
    const typing = event.target.matches("input:not([type=checkbox])");
    const by = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 }[event.key];
    if (event.key === "Escape") {
      walk(false);
      element("walk").focus();
    } else if (by && !typing) {
      event.preventDefault();
      move(by);
    } else if (event.key === " " && !event.target.matches("button,input,a,summary")) {
      event.preventDefault();
      move(1);
    }
  });
  document.addEventListener("calculated", () => {
    if (steps.on) present();
  });
};
