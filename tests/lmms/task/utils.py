"""The functions of reel_files.yaml. The scorer is lmms-eval's own, which Video-MME, LVBench and MLVU use."""

import os
import sys

from lmms_eval.tasks._task_utils.mcq_extract import extract_mcq_answer


def doc_to_visual(doc):
    path = os.path.abspath(doc["video"])
    if not os.path.exists(path):
        sys.exit(f"video path:{path} does not exist, please check")  # what Video-MME's and MLVU's tasks do
    return [path]


def doc_to_text(doc):
    options = [f"{letter}. {text}" for letter, text in zip("ABCDEFGH", doc["options"], strict=False)]
    asked = "Answer with the option's letter from the given choices directly."
    return "\n".join([doc["question"], *options, asked, ""])


def process_results(doc, results):
    letter = extract_mcq_answer(results[0], choices="ABCDEFGH"[: len(doc["options"])])
    return {"accuracy": float(letter == doc["answer"])}
