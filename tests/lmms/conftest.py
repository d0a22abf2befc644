"""One run of ``msjoe eval`` and lmms-eval each over the same questions about Reel files, offline.

Nothing is asked of the hub: the task loads a JSON file ("dataset_path: json"), and the environment says so, too.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from msjoe.reel.make import make_video
from msjoe.reel.script.records import TRACKS
from msjoe.reel.script.write_script import make_script

TASK = Path(__file__).parent / "task"
BROKEN = "broken.mp4"  # there, and no video
MISSING = "missing.mp4"  # not there: the task's own function then asks for the process to end
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


@dataclass
class Folder:
    """Videos and questions.jsonl, and commands run there."""

    path: Path
    questions: list[dict]

    def msjoe_eval(self, *flags: str) -> dict[str, dict]:
        """Its answers by question."""
        place = ["--annotations", "questions.jsonl", "--videos", ".", "--out", "run"]
        done = self._run("msjoe", "eval", "jsonl", *place, *flags)
        assert done.returncode == 0, done.stderr
        rows = (self.path / "run" / "answers.jsonl").read_text(encoding="utf-8").splitlines()
        return {row["id"]: row for row in map(json.loads, rows)}

    def lmms_eval(self, model_args: str) -> "Report":
        how = ["--model", "msjoe", "--model_args", model_args, "--tasks", "reel_files", "--include_path", str(TASK)]
        done = self._run("lmms_eval", *how, "--output_path", "out", "--log_samples")
        assert done.returncode == 0, done.stderr
        return Report(self.path / "out", re.sub(r"\x1b\[\d+m", "", done.stdout + done.stderr))

    def _run(self, *command: str) -> subprocess.CompletedProcess:
        folders = {"HF_HOME": str(self.path / "hub"), "MSJOE_CACHE": str(self.path / "cache")}
        line = [sys.executable, "-m", *command]
        return subprocess.run(line, cwd=self.path, env=os.environ | OFFLINE | folders, capture_output=True, text=True)


@dataclass
class Report:
    """What lmms-eval left behind, and what it said."""

    path: Path
    said: str

    @property
    def results(self) -> dict:
        (file,) = self.path.rglob("*_results.json")
        return json.loads(file.read_text(encoding="utf-8"))

    @property
    def letters(self) -> list[str]:
        """What it scored, in the order of the questions."""
        (file,) = self.path.rglob("*_samples_reel_files.jsonl")
        samples = map(json.loads, file.read_text(encoding="utf-8").splitlines())
        ordered = sorted(samples, key=lambda sample: sample["doc_id"])
        return [sample["filtered_resps"] for sample in ordered]

    @property
    def accuracy(self) -> float:
        return self.results["results"]["reel_files"]["accuracy,none"]


@pytest.fixture(scope="session")
def films(tmp_path_factory) -> Path:
    """A film of two minutes of each track."""
    folder = tmp_path_factory.mktemp("films")
    for track in TRACKS:
        make_video(make_script("validation", track, 3, minutes=2), folder, progress=False)
    return folder


@pytest.fixture
def folder(films, tmp_path) -> Folder:
    questions = []
    for path in sorted(films.glob("*.json")):
        video = path.with_suffix(".mp4")
        (tmp_path / video.name).symlink_to(video)
        for asked in json.loads(path.read_text(encoding="utf-8"))["questions"]:
            kept = {name: asked[name] for name in ("id", "options", "answer")}
            questions.append(kept | {"question": asked["text"], "video": video.name})
    return written(tmp_path, questions)


@pytest.fixture
def damaged_folder(folder) -> Folder:
    """With two questions about a file that is no video, and one about a file that is not there."""
    (folder.path / BROKEN).write_bytes(b"no video at all" * 100)
    options = ["the wizard", "the king"]
    more = [
        {"id": f"none-{i}", "options": options, "answer": "A", "question": "Who was there?", "video": video}
        for i, video in enumerate((BROKEN, MISSING, BROKEN))
    ]
    return written(folder.path, [more[0], *folder.questions, *more[1:]])


def written(path: Path, questions: list[dict]) -> Folder:
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    (path / "questions.jsonl").write_text(lines, encoding="utf-8")
    return Folder(path, questions)
