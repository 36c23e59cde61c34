// The reader's own answers, marked by the rules of `check`; nothing of the solution is shown before it is asked for.

const mine = new Map(); // what was typed, by step
const boxes = new Map(); // the box of every line
let asking = false;

const WORDS = {
  correct: say("right"),
  rounded: say("right"),
  rough: say("rounded too far"),
  "follow-through": say("follows from your own numbers"),
  mixed: say("follows from your own numbers"),
  misconception: say("a known mistake"),
  slip: say("a slip"),
  wrong: say("wrong"),
  unreadable: say("no number"),
  blank: "",
  "not-assessable": say("cannot be judged"),
  "needs-human": say("cannot be judged"),
};
const MARKS = {
  correct: "\u2713",
  rounded: "\u2713",
  "follow-through": "\u2713",
  mixed: "\u2713",
  rough: "\u25cb",
  misconception: "\u2717",
  slip: "\u2717",
  wrong: "\u2717",
  unreadable: "?",
};
const told = ({ kind, message, titles }) => {
  const verdict = `${MARKS[kind] ? MARKS[kind] + " " : ""}${WORDS[kind]}`;
  const said = titles?.length ? `${titles.join("; ")}. ${message}` : message;
  return said && said !== WORDS[kind] ? say("{what}: {said}", { what: verdict, said }) : verdict;
};

let keyOf = null; // made once for the present numbers
const judged = texts => {
  keyOf ??= new Key(program, book, unrounded(program, inputs), results);
  const order = [...texts].sort(([a], [b]) => a - b);
  const marking = new Marking(keyOf, new Map(order.map(([place, text]) => [place, reading(text)]))).marks();
  marking.verdicts.unwritten = marking.unwritten;
  return marking.verdicts;
};

const NOT_YET = "\u2026";
// In later lines stands what the reader has; what nobody has said yet is not there.
const veil = () => {
  const own = place => {
    const one = mine.has(place) ? reading(mine.get(place)) : {};
    return one.value === undefined ? undefined : mine.get(place).trim().replace(",", ".");
  };
  for (const [place, nodes] of places) {
    if (program.steps[place]?.[0] === GIVEN) continue;
    const text = asking ? own(place) : textOf(place);
    for (const [node, spell] of nodes) put(node, text === undefined ? (asking ? NOT_YET : NONE) : spell(text));
  }
};

const markAll = () => {
  const verdicts = judged(mine);
  for (const [place, { verdict, field }] of boxes) {
    const one = verdicts.get(place);
    verdict.textContent = one ? told(one) : "";
    verdict.className = `verdict ${one?.kind ?? ""}`;
    field.setAttribute("aria-invalid", Boolean(one) && (FAULTS.has(one.kind) || one.kind === "unreadable"));
  }
  const faults = [...verdicts].filter(([, one]) => FAULTS.has(one.kind)).map(([place]) => place);
  for (const { place } of verdicts.unwritten) faults.push(place);
  const first = faults.length ? Math.min(...faults) : undefined;
  const right = [...verdicts.values()].filter(one => RIGHT.has(one.kind)).length;
  const answered = [...verdicts.values()].filter(one => one.kind !== "blank").length;
  const line = say("line {line}", { line: sheet.lines[first] });
  const where =
    first === undefined
      ? say("No line is wrong.")
      : say("The first wrong line is {line}, {name}.", { line, name: sheet.names[first] });
  element("score").textContent = answered
    ? say("{right} of {answered} right.", { right, answered }) + " " + where
    : say("Write a result into any box.");
  return verdicts;
};

const boxOf = (place, row) => {
  const cell = row.querySelector("td.result"),
    field = document.createElement("input"),
    verdict = document.createElement("span"),
    show = document.createElement("button");
  const holder = document.createElement("span");
  holder.className = "mine";
  field.autocomplete = "off";
  field.spellcheck = false;
  const named = { name: sheet.names[place], line: sheet.lines[place] };
  field.setAttribute("aria-label", say("your {name}, line {line}", named));
  verdict.className = "verdict";
  verdict.id = `verdict-${place}`;
  field.setAttribute("aria-describedby", verdict.id);
  [show.type, show.textContent, show.className] = ["button", say("show"), "show"];
  show.setAttribute("aria-label", say("show {name}", named));
  holder.append(field, show);
  cell.append(holder);
  (row.querySelector("td.numbers") ?? cell).append(verdict);
  field.addEventListener("change", () => {
    if (field.value.trim()) mine.set(place, field.value);
    else mine.delete(place);
    veil();
    const one = markAll().get(place);
    if (!one) return;
    const judged_ = say("Line {line}: {verdict}.", { line: sheet.lines[place], verdict: told(one) });
    announce(`${judged_} ${element("score").textContent}`);
  });
  field.addEventListener("keydown", event => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    field.dispatchEvent(new Event("change"));
    const order = [...boxes.keys()],
      next = boxes.get(order[order.indexOf(place) + 1]);
    next?.field.focus();
  });
  show.addEventListener("click", () => {
    if (results[place].text === undefined) return;
    field.value = withMark(results[place].text);
    field.dispatchEvent(new Event("change"));
    field.focus();
  });
  boxes.set(place, { field, verdict, holder });
};

const answering = wanted => {
  if (asking === wanted) return;
  if (wanted && steps.on) walk(false);
  asking = wanted;
  document.body.classList.toggle("answering", wanted);
  element("answer").setAttribute("aria-pressed", wanted);
  element("answers").hidden = !wanted;
  if (wanted && !boxes.size)
    for (const place of lines()) if (rows.get(place).querySelector("td.result")) boxOf(place, rows.get(place));
  for (const { holder, verdict } of boxes.values()) holder.hidden = verdict.hidden = !wanted;
  veil();
  describe();
  if (wanted) markAll();
  else speak();
};

const answers = () => {
  element("answer").addEventListener("click", () => answering(!asking));
  element("again").addEventListener("click", () => {
    mine.clear();
    for (const { field } of boxes.values()) field.value = "";
    veil();
    markAll();
  });
  document.addEventListener("calculated", () => {
    keyOf = null;
    if (asking) {
      veil();
      markAll();
    }
  });
};
