// Runs once for each list of texts: `element`, `props`, `trigger` and `watch` come from gr.HTML.
const area = element.querySelector(".editor");
const rows = element.querySelector(".rows");
const add = element.querySelector(".add");
const again = element.querySelector(".again");
const { most, noun, letters, pasted } = props;
let drawn = "[]"; // what the server sent last

const texts = () => [...rows.querySelectorAll("input")].map((input) => input.value);
const mark = (i) => (letters ? String.fromCharCode(65 + i) : String(i + 1));

function number() {
  [...rows.children].forEach((row, i) => {
    row.querySelector("b").textContent = mark(i);
    row.querySelector("input").setAttribute("aria-label", `${noun} ${mark(i)}`);
    row.querySelector("button").setAttribute("aria-label", `Remove ${noun.toLowerCase()} ${mark(i)}`);
  });
  add.disabled = rows.children.length >= most;
  if (again) again.disabled = JSON.stringify(texts()) === drawn || !texts().some((text) => text.trim());
}

function tell() {
  props.value = texts(); // goes to the server with the next run
  number();
}

function row(text) {
  const item = document.createElement("li");
  item.innerHTML = '<b></b><input type="text" autocomplete="off"><button type="button" class="remove">×</button>';
  item.querySelector("input").value = text;
  item.querySelector("input").readOnly = area.classList.contains("fixed");
  return item;
}

function draw() {
  const value = props.value || [];
  drawn = JSON.stringify(value);
  area.classList.toggle("drawn", Boolean(props.value));
  rows.replaceChildren(...value.map(row));
  number();
}

add.addEventListener("click", () => {
  rows.append(row(""));
  tell();
  rows.lastElementChild.querySelector("input").focus();
});
rows.addEventListener("click", (event) => {
  if (!event.target.closest(".remove")) return;
  event.target.closest("li").remove();
  tell();
  (rows.lastElementChild?.querySelector("input") ?? add).focus();
});
rows.addEventListener("input", tell);
rows.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || event.target.readOnly) return;
  event.preventDefault();
  if (again && !again.disabled) again.click();
  else if (!add.disabled) add.click();
});
area.addEventListener("paste", (event) => {
  if (event.target.readOnly) return;
  const text = event.clipboardData.getData("text");
  if (!/\n|\bB[.):]\s/.test(text.trim())) return; // one text: the browser pastes it
  event.preventDefault();
  window.msjoe.choose(pasted, text);
});
if (again) {
  again.addEventListener("click", () => {
    if (!document.querySelector("#run")?.disabled) trigger("submit");
  });
}

watch("value", draw);
draw();
