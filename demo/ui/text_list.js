// Runs once for each list of texts: `element`, `props`, `trigger` and `watch` come from gr.HTML.
const area = element.querySelector(".editor");
const rows = element.querySelector(".rows");
const add = element.querySelector(".add");
const again = element.querySelector(".again");
const { most, noun, letters, pasted } = props;

const texts = () => [...rows.querySelectorAll("input")].map((input) => input.value);
const mark = (i) => (letters ? String.fromCharCode(65 + i) : String(i + 1));

// Empty rows are not asked, so they have no letter, and those below them have the letters of the answer.
function number() {
  let count = 0;
  for (const row of rows.children) {
    const input = row.querySelector("input");
    const name = input.value.trim() ? mark(count++) : "";
    const kind = noun.toLowerCase();
    row.querySelector("b").textContent = name || "·";
    input.setAttribute("aria-label", name ? `${noun} ${name}` : `Empty ${kind}`);
    row.querySelector("button").setAttribute("aria-label", name ? `Remove ${kind} ${name}` : `Remove empty ${kind}`);
  }
  add.disabled = rows.children.length >= most;
  if (pasted) window.msjoe.asked({ [pasted]: texts() });
}

function tell() {
  props.value = texts(); // goes to the server with the next run
  number();
}

function row(text) {
  const item = document.createElement("li");
  item.innerHTML = '<b></b><input type="text" autocomplete="off"><button type="button" class="remove">×</button>';
  const input = item.querySelector("input");
  input.value = text;
  input.placeholder = "empty: left out";
  input.readOnly = area.classList.contains("fixed");
  return item;
}

function draw() {
  area.classList.toggle("drawn", Boolean(props.value));
  rows.replaceChildren(...(props.value || []).map(row));
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
  const field = event.target.closest("input");
  if (event.key !== "Enter" || event.isComposing || !field || field.readOnly) return;
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
