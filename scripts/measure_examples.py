"""Answer the example questions with the embedded models, and record how many are right.

    python -m scripts.measure_examples

runs every question through the pipeline, as Run on the page does, and writes the count and all answers into the
``measured`` part of ``demo/examples.json``. The page shows the count. The other parts of the file stay unchanged.
"""

import argparse
import json
import logging
from pathlib import Path

from demo.examples import LIST, ExampleVideo, load_examples
from msjoe.files import write_atomic
from msjoe.flags import add_model_arguments
from msjoe.loading import models_from_args
from msjoe.pipeline import Models, Settings, answer
from msjoe.video import open_video

log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Count how many bundled questions are answered right.")
    parser.add_argument("--budget", type=int, default=8, help="key-frames (default: 8, as on the page)")
    parser.add_argument("--list", type=Path, default=LIST, help="the list of examples (default: the bundled one)")
    add_model_arguments(parser)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    models = models_from_args(args)
    results = [one for example in load_examples(args.list).items for one in measure(example, models, args.budget)]
    right = sum(one["right"] for one in results)
    log.info("%d of %d right", right, len(results))
    write_measured(args.list, {"right": right, "total": len(results), "budget": args.budget, "results": results})


def measure(example: ExampleVideo, models: Models, budget: int) -> list[dict]:
    """Answer one example's questions; for each a record of its queries, times and answer."""
    source = open_video(example.path)
    results = []
    for asked in example.questions:
        trace = answer(source, asked.question, list(asked.options), models, Settings(budget))
        log.info("%s %s (true: %s)", asked.question, trace.answer, asked.answer)
        results.append(
            {
                "video": example.path.name,
                "question": asked.question,
                "queries": trace.queries,
                "times": trace.chosen_times,
                "answer": trace.answer,
                "right": trace.answer == asked.answer,
            }
        )
    return results


def write_measured(path: Path, measured: dict) -> None:
    """Replace the ``measured`` part of the list."""
    record = json.loads(path.read_text(encoding="utf-8")) | {"measured": measured}
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    write_atomic(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


if __name__ == "__main__":
    main()
