// Runs once for the heatmap component: `element`, `props` and `watch` come from gr.HTML.
const area = element.querySelector(".heatmap");
const plot = element.querySelector(".plot");
const cursor = element.querySelector(".cursor");
const LABEL = 38; // pixels of a time above its mark
const key = element.querySelector(".legend");

function draw() {
  const value = props.value;
  area.classList.toggle("drawn", Boolean(value));
  if (!value) {
    Plotly.purge(plot);
    key.innerHTML = "";
    return;
  }
  key.innerHTML = value.legend;
  const figure = JSON.parse(value.figure);
  figure.layout.font.color = getComputedStyle(element).color;
  spread(figure);
  Plotly.newPlot(plot, figure.data, figure.layout, { displayModeBar: false, responsive: true }).then(place);
}

// On a narrow screen close marks would write their times over each other.
function spread(figure) {
  const marks = figure.data.find((row) => row.type === "scatter");
  if (!marks) return;
  const [first, end] = figure.layout.xaxis.range;
  const pixels = plot.clientWidth / (end - first);
  let last = -Infinity;
  marks.text = marks.text.map((text, i) => {
    const fits = text && (marks.x[i] - last) * pixels >= LABEL;
    if (fits) last = marks.x[i];
    return fits ? text : "";
  });
}

// The field with the rows: where it lies, and which seconds it spans.
function field() {
  const drawn = props.value && plot.querySelector(".nsewdrag");
  return drawn ? { box: drawn.getBoundingClientRect(), range: plot.layout.xaxis.range } : null;
}

function place() {
  const rows = field();
  const share = rows ? (window.msjoe.now() - rows.range[0]) / (rows.range[1] - rows.range[0]) : -1;
  cursor.hidden = !(share >= 0 && share <= 1);
  if (!cursor.hidden) cursor.style.left = `${rows.box.left - plot.getBoundingClientRect().left + share * rows.box.width}px`;
}
document.addEventListener("msjoe-time", place);
window.addEventListener("resize", () => setTimeout(place, 200)); // after the plot has followed

// The library tells of a click only where a hover was told before, which a finger or a quick click has not.
const STILL = 6; // pixels: a press that moves further is a scroll
let pressed = null;
plot.addEventListener("pointerdown", (event) => (pressed = [event.clientX, event.clientY]), true);
window.addEventListener("pointercancel", () => (pressed = null));
window.addEventListener("pointerup", (event) => {
  const still = pressed && Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) < STILL;
  pressed = null;
  const rows = field();
  if (!still || !rows) return;
  const share = (event.clientX - rows.box.left) / rows.box.width;
  if (share < 0 || share > 1) return;
  const [first, last] = rows.range;
  window.msjoe.seek(Math.max(0, secondOf(first + share * (last - first), event.clientY)));
}, true);

// A column of a long video spans many seconds; a click on it means the one whose value it shows.
function secondOf(time, y) {
  const { peaks } = props.value;
  if (!peaks) return time;
  const above = y - plot.getBoundingClientRect().top - peaks.top;
  const seconds = peaks.seconds[Math.min(Math.max(Math.floor(above / peaks.row), 0), peaks.seconds.length - 1)];
  return seconds[Math.min(Math.max(Math.round((time - peaks.first) / peaks.width), 0), seconds.length - 1)];
}

watch("value", draw);
draw();
