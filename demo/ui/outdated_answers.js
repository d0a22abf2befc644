// Marks answers to another question, or with other settings, than the form holds now. Each displayed answer records
// its question and settings in data-asked; outdated ones get a class and a sentence that says why.
{
  const words = (text) => text.split(/\s+/).filter(Boolean).join(" ");
  const list = (texts) => texts.map(words).filter(Boolean);
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
  const SETTINGS = ["budget", "previews", "selector", "seed"];

  Object.assign(window.msjoe, {
    asks: {}, // the question, options, settings and queries in the form now

    // Called with the fields that have changed.
    asked(changed) {
      Object.assign(this.asks, changed);
      this.compareAsked();
    },

    settings({ question = "", budget = 0, previews = "", selector = "", seed = 0 }) {
      const typed = String(previews ?? "").trim();
      const count = typed === "" ? null : Number(typed) /* null: the default of the MLLM */;
      this.asked({ question, budget: Number(budget), previews: count, selector: selector ?? "", seed: Number(seed ?? 0) });
    },

    compareAsked() {
      for (const element of document.querySelectorAll("[data-asked]")) {
        const record = JSON.parse(element.dataset.asked);
        const reason = this.outdated(record);
        element.classList.toggle("old", Boolean(reason));
        const line = element.querySelector(".outdated");
        if (line && line.textContent !== reason) line.textContent = reason;
      }
      for (const button of document.querySelectorAll("#queries .again")) button.disabled = !this.searchable();
    },

    outdated(record) {
      const { question, options } = this.asks;
      const other = question !== undefined && words(question) !== words(record.question);
      if (other || (options && !same(list(options), list(record.options)))) return "This is about another question: press Run.";
      const changed = SETTINGS.some((name) => name in record && name in this.asks && this.asks[name] !== record[name]);
      return changed ? "This is with other settings: press Run." : "";
    },

    // Whether a new search could give another result: the queries, the selector, the budget or the seed have changed.
    searchable() {
      const answer = document.querySelector("#answer [data-asked]");
      const queries = list(this.asks.queries ?? []);
      if (!answer || !queries.length) return false;
      const record = JSON.parse(answer.dataset.asked);
      const changed = ["budget", "selector", "seed"].some((name) => this.asks[name] !== record[name]);
      return changed || !same(queries, list(record.queries));
    },
  });

  // An answer may be drawn after the form has changed. Many changes cause one comparison.
  let due = null;
  new MutationObserver(() => (due ??= setTimeout(() => ((due = null), window.msjoe.compareAsked())))).observe(document, {
    childList: true,
    subtree: true,
  });
}
