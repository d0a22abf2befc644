// Small helpers for the whole page: the video's clock, the key-frames, the running seconds.
window.msjoe = {
  at: 0, // seconds, where no video is there to tell
  video: () => document.querySelector("#video video"),
  now() {
    const video = this.video();
    return video ? video.currentTime : this.at;
  },
  seek(seconds) {
    if (!Number.isFinite(seconds)) return;
    this.at = Math.max(seconds, 0);
    const video = this.video();
    if (video) {
      const last = Number.isFinite(video.duration) ? video.duration : seconds;
      video.currentTime = Math.min(this.at, last);
      video.scrollIntoView({ block: "nearest", behavior: "smooth" });
    }
    this.show();
  },
  frames: () => [...document.querySelectorAll("#frames [data-seek]")],
  // Mark the key-frame on screen and let the heatmap move its cursor.
  show() {
    const now = this.now();
    for (const frame of this.frames()) {
      frame.setAttribute("aria-current", String(Math.abs(Number(frame.dataset.seek) - now) < 0.5));
    }
    document.dispatchEvent(new CustomEvent("msjoe-time", { detail: now }));
  },
  step(direction) {
    const times = this.frames().map((frame) => Number(frame.dataset.seek));
    const now = this.now();
    const ahead = times.filter((t) => direction * (t - now) > 0.05);
    if (!ahead.length) return;
    const next = direction > 0 ? Math.min(...ahead) : Math.max(...ahead);
    this.frames()[times.indexOf(next)].focus({ preventScroll: true });
    this.seek(next);
  },
};

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-seek]");
  if (target) window.msjoe.seek(Number(target.dataset.seek));
});

const KEYS_OF_THEIR_OWN = "input, textarea, select, video, #video, [role=slider], [role=tab], [role=listbox]";
document.addEventListener("keydown", (event) => {
  const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const chord = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
  if (!direction || chord || event.target.closest?.(KEYS_OF_THEIR_OWN) || !window.msjoe.frames().length) return;
  event.preventDefault();
  window.msjoe.step(direction);
});

// Gradio marks the first path of the list as soon as something is typed, and Enter takes the marked one, also when the
// field is empty again.
document.addEventListener(
  "keydown",
  (event) => {
    const field = event.key === "Enter" && event.target.closest?.("#place input");
    if (field && !field.value.trim()) event.stopImmediatePropagation();
  },
  true,
);

// Events of a video do not bubble, but they are told on the way down.
for (const name of ["timeupdate", "seeked", "loadedmetadata"]) {
  document.addEventListener(name, () => window.msjoe.show(), true);
}

setInterval(() => {
  for (const element of document.querySelectorAll("[data-tick]")) {
    element.since ??= performance.now() - 1000 * Number(element.dataset.tick);
    element.textContent = ((performance.now() - element.since) / 1000).toFixed(1) + " s";
  }
}, 100);
