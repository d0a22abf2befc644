// What a visitor chooses goes to the server one at a time and in order: the next one when the page shows the last
// one's answer. Gradio alone drops an event whose last request is pending, and lets answers overtake each other.
const ANOTHER_VIDEO = ["example", "upload", "place", "cleared", "opened"];
const READERS = "#run, #compare, .again"; // buttons that read what was chosen

Object.assign(window.msjoe, {
  waiting: [],
  busy: false,
  pressing: null, // the button whose turn it is
  patience: 15_000, // milliseconds until a turn that nothing answers is given up
  alive: 0, // when the turn in progress was last seen to get on
  requests: 0, // on their way to the server
  place: null, // the path that is open

  choose(kind, value = null) {
    // Without a value it is read from the page when its turn comes, so one that waits is enough.
    if (value === null && this.waiting.at(-1)?.kind === kind) return;
    this.waiting.push({ kind, value });
    this.turn();
  },

  turn() {
    if (this.busy || !this.send || !this.waiting.length) return;
    this.busy = true;
    this.alive = performance.now();
    const { kind, value, button } = this.waiting.shift();
    if (button) this.press(button);
    else if (kind === "place" && (!value || value === this.place)) this.answered(); // told whenever the field is left
    else if (ANOTHER_VIDEO.includes(kind)) this.halted().then(() => this.send({ kind, value }));
    else this.send({ kind, value });
  },

  // Called when the answer is on the page; `told` is what the server has to say to this script.
  answered(told = null) {
    if (told && "place" in told) this.place = told.place;
    if (told?.copy) this.copy();
    // Not at once: gradio may be about to read the page for what follows from this turn.
    setTimeout(() => {
      this.busy = false;
      this.turn();
    });
  },

  press(button) {
    if (button.disabled || document.querySelector("#run")?.disabled) return this.answered();
    // Not at once: while a key's own click is dispatched, browsers ignore another click on the same button.
    setTimeout(() => {
      this.pressing = button;
      button.click();
      this.pressing = null;
    });
  },

  // A turn whose event was lost would hold up all that come after it.
  watch() {
    if (!this.busy || this.requests) this.alive = performance.now();
    else if (performance.now() - this.alive > this.patience) this.answered();
  },

  // A run about another video ends before its answer can stand beside this one.
  async halted() {
    const running = () => document.querySelector("#run")?.disabled;
    if (running()) document.querySelector("#stop").click();
    while (running()) {
      this.alive = performance.now();
      await new Promise((again) => setTimeout(again, 50));
    }
  },

  // What goes to the server with a choice: files where it is about them, as others may be deleted there by now.
  // The player may show an answer to what was chosen before its own turn came.
  read(choice, video, zip, ...held) {
    const { kind, value } = choice;
    if (kind === "upload") return [{ kind, value: video?.path !== value?.path }, value, null, ...held];
    if (kind === "cleared") return [{ kind, value: Boolean(video) }, null, null, ...held];
    return [choice, null, kind === "opened" ? zip : null, ...held];
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
    window.msjoe.turn();
  },
  true,
);

{
  const ask = window.fetch;
  window.fetch = async (...asked) => {
    window.msjoe.requests += 1;
    try {
      return await ask(...asked);
    } finally {
      window.msjoe.requests -= 1;
    }
  };
}
setInterval(() => window.msjoe.watch(), 250);
