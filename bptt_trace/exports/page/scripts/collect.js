// A page that collects answers: boxes, and a button that writes them into a file for `check` and `grade`:
// a class of one student, names across.

const boxes = [...document.querySelectorAll("input[data-name]")];
const status = document.getElementById("status");
const cell = text => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const filled = () => boxes.filter(box => box.value.trim()).length;
let saved = true;

const count = () => {
  status.textContent = say("{filled} of {all} boxes are filled in.", { filled: filled(), all: boxes.length });
};
document.addEventListener("input", event => {
  if (event.target.dataset.name) {
    saved = false;
    count();
  }
});
document.addEventListener("keydown", event => {
  if (event.key !== "Enter" || !event.target.dataset.name) return;
  event.preventDefault();
  boxes[boxes.indexOf(event.target) + 1]?.focus();
});
document.getElementById("save").addEventListener("click", () => {
  const student = document.getElementById("student");
  if (!student.value.trim()) {
    status.textContent = say("Who are you? A name or a number, please.");
    student.focus();
    return;
  }
  const lines = [
    ["student", ...boxes.map(box => box.dataset.name)],
    [student.value.trim(), ...boxes.map(box => box.value.trim())],
  ];
  const text = lines.map(line => `${line.map(cell).join(",")}\n`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(text, { type: "text/csv" }));
  link.download = "answers.csv";
  link.click();
  URL.revokeObjectURL(link.href);
  saved = true;
  status.textContent = say("answers.csv has {filled} of {all} answers.", { filled: filled(), all: boxes.length });
});
addEventListener("beforeunload", event => {
  if (!saved) event.preventDefault();
});
count();
