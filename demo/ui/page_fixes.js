// Two small things that no component does by itself.

// In the field for a path, Gradio marks the first suggestion as soon as something is typed, and Enter takes the marked
// one, even after the field has been emptied.
document.addEventListener(
  "keydown",
  (event) => {
    const field = event.key === "Enter" && event.target.closest?.("#place input");
    if (field && !field.value.trim()) event.stopImmediatePropagation();
  },
  true,
);

// The seconds of the current step count up between two updates from the server.
setInterval(() => {
  for (const element of document.querySelectorAll("[data-tick]")) {
    element.since ??= performance.now() - 1000 * Number(element.dataset.tick);
    element.textContent = ((performance.now() - element.since) / 1000).toFixed(1) + " s";
  }
}, 100);
