// Draws the heatmap and its cursor. Runs once for the component: `element`, `props` and `watch` come from gr.HTML.
const area = element.querySelector(".heatmap");
const plot = element.querySelector(".plot");
const cursor = element.querySelector(".cursor");
const legend = element.querySelector(".legend");
const LABEL = 38; // pixels: width of the time above a mark

function draw() {
  const value = props.value;
  area.classList.toggle("drawn", Boolean(value));
  if (!value) {
    Plotly.purge(plot);
    legend.innerHTML = "";
    return;
  }
  legend.innerHTML = value.legend;
  const figure = JSON.parse(value.figure);
  figure.layout.font.color = getComputedStyle(element).color;
  dropCloseLabels(figure);
  Plotly.newPlot(plot, figure.data, figure.layout, { displayModeBar: false, responsive: true }).then(placeCursor);
}

// On a narrow screen the times of close marks would overlap.
function dropCloseLabels(figure) {
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

// The area of the rows: its rectangle on the screen, and the seconds that it spans.
function field() {
  const drawn = props.value && plot.querySelector(".nsewdrag");
  return drawn ? { box: drawn.getBoundingClientRect(), range: plot.layout.xaxis.range } : null;
}

function placeCursor() {
  const rows = field();
  const share = rows ? (window.msjoe.now() - rows.range[0]) / (rows.range[1] - rows.range[0]) : -1;
  cursor.hidden = !(share >= 0 && share <= 1);
  if (!cursor.hidden) cursor.style.left = `${rows.box.left - plot.getBoundingClientRect().left + share * rows.box.width}px`;
}
document.addEventListener("msjoe-time", placeCursor);
window.addEventListener("resize", () => setTimeout(placeCursor, 200)); // after the plot has resized

watch("value", draw);
draw();
