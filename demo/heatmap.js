// Runs once for the heatmap component: `element`, `props` and `watch` come from gr.HTML.
const area = element.querySelector(".heatmap");
const plot = element.querySelector(".plot");
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
  Plotly.newPlot(plot, figure.data, figure.layout, { displayModeBar: false, responsive: true });
}

// The library tells of a click only where a hover was told before, which a finger or a quick click has not.
const STILL = 6; // pixels: a press that moves further is a scroll
let pressed = null;
plot.addEventListener("pointerdown", (event) => (pressed = [event.clientX, event.clientY]), true);
window.addEventListener("pointercancel", () => (pressed = null));
window.addEventListener("pointerup", (event) => {
  const still = pressed && Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) < STILL;
  pressed = null;
  const field = plot.querySelector(".nsewdrag");
  if (!still || !field) return;
  const box = field.getBoundingClientRect();
  const share = (event.clientX - box.left) / box.width;
  if (share < 0 || share > 1) return;
  const [first, last] = plot.layout.xaxis.range;
  window.msjoe.seek(Math.max(0, first + share * (last - first)));
}, true);

watch("value", draw);
draw();
