// The visitor's choices are queued here and sent to the server one at a time: the next one is sent when the page shows
// the result of the last one. Gradio alone drops an event while its last request is pending, and lets the results of
// different events overtake each other. event_queue.py is the other end.
const ANOTHER_VIDEO = ["example", "upload", "place", "cleared", "opened"];
const READERS = "#run, #compare, .again"; // buttons whose events depend on what was chosen

Object.assign(window.msjoe, {
  waiting: [], // choices, and buttons that were clicked
  busy: false, // whether an event has been sent whose result is not on the page yet
  pressing: null, // the button that this script is clicking
  patience: 15_000, // milliseconds until an event without a response is given up
  alive: 0, // when the current event last made progress
  requests: 0, // pending HTTP requests
  place: null, // the path of the open video under --videos

  choose(kind, value = null) {
    // Without a value, the event reads the page when it is sent, so one in the queue is enough.
    if (value === null && this.waiting.at(-1)?.kind === kind) return;
    this.waiting.push({ kind, value });
    this.sendNext();
  },

  sendNext() {
    if (this.busy || !this.send || !this.waiting.length) return;
    this.busy = true;
    this.alive = performance.now();
    const { kind, value, button } = this.waiting.shift();
    if (button) this.press(button);
    else if (kind === "place" && (!value || value === this.place)) this.answered(); // the field lost focus
    else if (ANOTHER_VIDEO.includes(kind)) this.stopRun().then(() => this.send({ kind, value }));
    else this.send({ kind, value });
  },

  // Called when the page shows the result; `message` is what the server sends to this script.
  answered(message = null) {
    if (message && "place" in message) this.place = message.place;
    if (message?.copy) this.copy();
    // Delayed: gradio may still read the page for events that follow from this one.
    setTimeout(() => {
      this.busy = false;
      this.sendNext();
    });
  },

  press(button) {
    if (button.disabled || document.querySelector("#run")?.disabled) return this.answered();
    // Delayed: while a click caused by a key is dispatched, browsers ignore another click on the same button.
    setTimeout(() => {
      this.pressing = button;
      button.click();
      this.pressing = null;
    });
  },

  // A lost event would block all events behind it.
  watch() {
    if (!this.busy || this.requests) this.alive = performance.now();
    else if (performance.now() - this.alive > this.patience) this.answered();
  },

  // Stops a run, so that its answer cannot appear beside another video.
  async stopRun() {
    const running = () => document.querySelector("#run")?.disabled;
    if (running()) document.querySelector("#stop").click();
    while (running()) {
      this.alive = performance.now();
      await new Promise((again) => setTimeout(again, 50));
    }
  },

  // The values that are sent with a choice. Files only if the choice is about them: others may have been deleted on the
  // server by now. While an upload was in the queue, the player may have changed to another video.
  read(choice, video, zip, ...state) {
    const { kind, value } = choice;
    if (kind === "upload") return [{ kind, value: video?.path !== value?.path }, value, null, ...state];
    if (kind === "cleared") return [{ kind, value: Boolean(video) }, null, null, ...state];
    return [choice, null, kind === "opened" ? zip : null, ...state];
  },
});

window.addEventListener(
  "click",
  (event) => {
    const button = event.target.closest?.(READERS);
    if (!button || button === window.msjoe.pressing) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    window.msjoe.waiting.push({ button });
    window.msjoe.sendNext();
  },
  true,
);

{
  const fetch = window.fetch;
  window.fetch = async (...args) => {
    window.msjoe.requests += 1;
    try {
      return await fetch(...args);
    } finally {
      window.msjoe.requests -= 1;
    }
  };
}
setInterval(() => window.msjoe.watch(), 250);
