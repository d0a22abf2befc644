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
  plot.on("plotly_click", (event) => window.msjoe.seek(Number(event.points[0].x)));
}

watch("value", draw);
draw();
