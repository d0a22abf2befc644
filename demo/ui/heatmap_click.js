// A click on the heatmap seeks the video (video_seek.js). Runs after heatmap_draw.js, in the same scope.
// Plotly reports a click only after a hover event, which a finger or a quick click does not cause.
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

// In a long video a column spans many seconds; a click on it means the second whose value the column shows.
function secondOf(time, y) {
  const { peaks } = props.value;
  if (!peaks) return time;
  const above = y - plot.getBoundingClientRect().top - peaks.top;
  const seconds = peaks.seconds[Math.min(Math.max(Math.floor(above / peaks.row), 0), peaks.seconds.length - 1)];
  return seconds[Math.min(Math.max(Math.round((time - peaks.first) / peaks.width), 0), seconds.length - 1)];
}
