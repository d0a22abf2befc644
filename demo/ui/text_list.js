// An editable list of texts. Runs once for each list: `element`, `props`, `trigger` and `watch` come from gr.HTML.
const area = element.querySelector(".editor");
const rows = element.querySelector(".rows");
const add = element.querySelector(".add");
const again = element.querySelector(".again");
const { most, noun, letters, kind } = props;

const texts = () => [...rows.querySelectorAll("input")].map((input) => input.value);
const label = (i) => (letters ? letters[i] : String(i + 1));

// Empty rows are not sent, so they get no label, and the labels below them match the answer's.
function number() {
  let count = 0;
  for (const row of rows.children) {
    const input = row.querySelector("input");
    const name = input.value.trim() ? label(count++) : "";
    const what = noun.toLowerCase();
    row.querySelector("b").textContent = name || "·";
    input.setAttribute("aria-label", name ? `${noun} ${name}` : `Empty ${what}`);
    row.querySelector("button").setAttribute("aria-label", name ? `Remove ${what} ${name}` : `Remove empty ${what}`);
  }
  add.disabled = rows.children.length >= most;
  if (kind) window.msjoe.asked({ [kind]: texts() });
}

function changed() {
  props.value = texts(); // is sent with the next run
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
  changed();
  rows.lastElementChild.querySelector("input").focus();
});
rows.addEventListener("click", (event) => {
  if (!event.target.closest(".remove")) return;
  event.target.closest("li").remove();
  changed();
  (rows.lastElementChild?.querySelector("input") ?? add).focus();
});
rows.addEventListener("input", changed);
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
  if (!/\n|\bB[.):]\s/.test(text.trim())) return; // a single text: the browser pastes it
  event.preventDefault();
  window.msjoe.choose(kind, text);
});
if (again) {
  again.addEventListener("click", () => {
    if (!document.querySelector("#run")?.disabled) trigger("submit");
  });
}

watch("value", draw);
draw();
