// Seeking the video: clicks on the heatmap and on pictures end here, and so do the arrow keys.
window.msjoe = {
  at: 0, // seconds: the current time while there is no video
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
  // Mark the current key-frame, and let the heatmap move its cursor.
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

const USE_ARROW_KEYS = "input, textarea, select, video, #video, [role=slider], [role=tab], [role=listbox]";
document.addEventListener("keydown", (event) => {
  const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const chord = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
  if (!direction || chord || event.target.closest?.(USE_ARROW_KEYS) || !window.msjoe.frames().length) return;
  event.preventDefault();
  window.msjoe.step(direction);
});

// Events of a video do not bubble, but they can be captured.
for (const name of ["timeupdate", "seeked", "loadedmetadata"]) {
  document.addEventListener(name, () => window.msjoe.show(), true);
}
