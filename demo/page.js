// Small helpers for the whole page: seeking the video and the running seconds.
window.msjoe = {
  seek(seconds) {
    const video = document.querySelector("#video video");
    if (!video || !Number.isFinite(seconds)) return;
    const last = Number.isFinite(video.duration) ? video.duration : seconds;
    video.currentTime = Math.min(Math.max(seconds, 0), last);
    video.scrollIntoView({ block: "nearest", behavior: "smooth" });
  },
};

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-seek]");
  if (target) window.msjoe.seek(Number(target.dataset.seek));
});

setInterval(() => {
  for (const element of document.querySelectorAll("[data-tick]")) {
    element.since ??= performance.now() - 1000 * Number(element.dataset.tick);
    element.textContent = ((performance.now() - element.since) / 1000).toFixed(1) + " s";
  }
}, 100);
