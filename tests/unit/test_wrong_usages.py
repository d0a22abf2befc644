"""Wrong command lines: exit code 2, no traceback, and the message holds the value that was wrong.

``{x}`` in a row is a file or folder of the ``places`` fixture. What is refused after a run began, or at another
exit code, does not belong here.
"""

import json
import os
import shlex
import subprocess
import sys

import pytest

from msjoe.cli import main

ANSWER = [
    ("answer", "video"),
    ("answer {film}", "question"),
    ("answer {film} ''", "empty"),
    ("answer {film} '   '", "empty"),
    ("answer {gone} why", "gone.mp4"),
    ("answer {dir} why", "folder"),
    ("answer {empty} why", "empty.mp4"),
    ("answer {text} why", "text.txt"),
    ("answer {text}/below.mp4 why", "below.mp4"),
    ("answer http://localhost/film.mp4 why", "film.mp4"),
    ("answer {film} why because", "because"),
    ("answer {film} why --options one", "one"),
    ("answer {film} why --options one ONE", "ONE"),
    ("answer {film} why --options one ''", "option B"),
    ("answer {film} why --options", "--options"),
    ("answer {film} why --budget 0", "0"),
    ("answer {film} why --budget -8", "-8"),
    ("answer {film} why --budget 8.5", "8.5"),
    ("answer {film} why --budget eight", "eight"),
    ("answer {film} why --budget", "--budget"),
    ("answer {film} why --previews -1", "-1"),
    ("answer {film} why --previews half", "half"),
    ("answer {film} why --dense-fps 0", "0"),
    ("answer {film} why --dense-fps -1", "-1"),
    ("answer {film} why --dense-fps 61", "61"),
    ("answer {film} why --dense-fps nan", "nan"),
    ("answer {film} why --dense-fps inf", "inf"),
    ("answer {film} why --dense-fps fast", "fast"),
    ("answer {film} why --seed -1", "-1"),
    ("answer {film} why --seed -1 --sampler random", "-1"),
    ("answer {film} why --seed 99999999999999999999", "99999999999999999999"),
    ("answer {film} why --seed x", "x"),
    ("answer {film} why --backend magic", "magic"),
    ("answer {film} why --device tpu", "tpu"),
    ("answer {film} why --device nosuch", "nosuch"),
    ("answer {film} why --device meta", "meta"),
    ("answer {film} why --device ''", "''"),
    ("answer {film} why --device cuda:99", "cuda:99"),
    ("answer {film} why --device cpu:x", "cpu:x"),
    ("answer {film} why --save {text}", "text.txt"),
    ("answer {film} why --save {text}/x", "text.txt/x"),
    ("answer {film} why --save {full}", "full"),
    ("answer {film} why --save {link}", "link"),
    ("answer {film} why --save /proc/x", "/proc/x"),
    ("answer {film} why --save /proc/x/y", "/proc/x/y"),
    ("answer {film} why --save {dir}/{long}", "nnnn"),
    ("answer {film} why --save", "--save"),
    ("answer {film} why --mllm /no/such", "/no/such"),
    ("answer {film} why --mllm ./no/such", "no/such"),
    ("answer {film} why --mllm {full}", "full"),
    ("answer {film} why --mllm {text}", "text.txt"),
    ("answer {film} why --clip /no/such", "/no/such"),
    ("answer {film} why --sampler /no/such", "/no/such"),
    ("answer {film} why --sampler ../no/such?rows=mean", "../no/such"),
    ("answer {film} why --bugdet 8", "--bugdet"),
    ("answer {film} why -x", "-x"),
]
SELECT = [
    ("select", "NAME"),
    ("select topk", "--scores"),
    ("select topk --scores {scores}", "--budget"),
    ("select best --scores {scores} --budget 2", "best"),
    ("select sampler --scores {scores} --budget 2", "sampler"),
    ("select topk --scores {gone} --budget 2", "gone.mp4"),
    ("select topk --scores {dir} --budget 2", "directory"),
    ("select topk --scores {text} --budget 2", "text.txt"),
    ("select topk --scores {huge} --budget 2", "1.7e+308"),
    ("select bolt --scores {beyond} --budget 2", "-3.5e+38"),
    ("select topk --scores -inf.json --budget 2", "--scores"),
    ("select topk --scores=-inf.json --budget 2", "-inf.json"),
    ("select topk --scores {scores} --budget 0", "0"),
    ("select topk --scores {scores} --budget -1", "-1"),
    ("select topk --scores {scores} --budget 1e3", "1e3"),
    ("select random --scores {scores} --budget 2 --seed -1", "-1"),
    ("select aks --scores {scores} --budget 2 --set t1", "t1"),
    ("select aks --scores {scores} --budget 2 --set t9=1", "t9"),
    ("select aks --scores {scores} --budget 2 --set depth=deep", "deep"),
    ("select aks --scores {scores} --budget 2 --set t1=NaN", "nan"),
    ("select qframe --scores {scores} --budget 2 --set tau=0", "0"),
    ("select qframe --scores {scores} --budget 2 --set mode=best", "best"),
    ("select topk --scores {scores} --budget 2 --out {text}/x.json", "x.json"),
    ("select topk --scores {scores} --budget 2 --out {dir}/nowhere/x.json", "nowhere"),
    ("select topk --scores {scores} --budget 2 --out {dir}", "out"),
    ("select topk --scores {scores} --budget 2 --out /proc/x.json", "/proc/x.json"),
    ("select topk aks --scores {scores} --budget 2", "aks"),
]
EVAL = [
    ("eval", "benchmark"),
    ("eval reel", "--out"),
    ("eval mybench --out {run}", "mybench"),
    ("eval videomme --out {run}", "--annotations"),
    ("eval jsonl --annotations {gone} --videos {dir} --out {run}", "gone.mp4"),
    ("eval jsonl --annotations {text} --videos {dir} --out {run}", "text.txt"),
    ("eval reel --videos {dir} --out {run}", "--videos"),
    ("eval reel --split dev --out {run}", "dev"),
    ("eval reel --selectors best --out {run}", "best"),
    ("eval reel --selectors '' --out {run}", "--selectors"),
    ("eval reel --selectors topk,topk --out {run}", "topk"),
    ("eval reel --queries yours --out {run}", "yours"),
    ("eval reel --budget 0 --out {run}", "0"),
    ("eval reel --budget 8,x --out {run}", "8,x"),
    ("eval reel --limit 0 --out {run}", "0"),
    ("eval reel --limit -3 --out {run}", "-3"),
    ("eval reel --batch 0 --out {run}", "0"),
    ("eval reel --rows best --out {run}", "best"),
    ("eval reel --wording mine --out {run}", "mine"),
    ("eval reel --threads 0 --out {run}", "0"),
    ("eval reel --save-traces some --out {run}", "some"),
    ("eval reel --dense-fps nan --out {run}", "nan"),
    ("eval reel --previews -1 --out {run}", "-1"),
    ("eval reel --device tpu --out {run}", "tpu"),
    ("eval reel --device meta --out {run}", "meta"),
    ("eval reel --seed -1 --selectors random --out {run}", "-1"),
    ("eval reel --sampler /no/such --out {run}", "/no/such"),
    ("compare", "RUN_A"),
    ("compare {dir}", "RUN_B"),
    ("compare {dir} {gone}", "out"),
]
TRAIN = [
    ("train", "usage: msjoe train"),
    ("train best", "best"),
    ("train sampler", "--config"),
    ("train sampler --config {recipe}", "--out"),
    ("train sampler --config {gone} --out {run}", "gone.mp4"),
    ("train sampler --config {dir} --out {run}", "out"),
    ("train sampler --config {recipe} --out {run} --set sampler.stepz=2", "stepz"),
    ("train sampler --config {recipe} --out {run} --set sampler.steps", "sampler.steps"),
    ("train sampler --config {recipe} --out {run} --set models.device=tpu", "tpu"),
    ("train joint --config {recipe} --out {run} --set models.device=cuda:99", "cuda:99"),
    ("train card", "--out"),
]
REEL = [
    ("reel", "usage: msjoe reel"),
    ("reel best", "best"),
    ("reel make", "--out"),
    ("reel make --out {text} --minutes 0.5", "text.txt"),
    ("reel make --out {text}/x", "text.txt/x"),
    ("reel make --out /proc/x", "/proc/x"),
    ("reel make --out {run} --minutes 0", "0"),
    ("reel make --out {run} --minutes nan", "nan"),
    ("reel make --out {run} --minutes 1e9", "1000000000"),
    ("reel make --out {run} --seed -1", "-1"),
    ("reel make --out {run} --split dev", "dev"),
    ("reel make --out {run} --track best", "best"),
    ("reel make --out {run} --minuts 3", "--minuts"),
    ("reel train-clip", "--out"),
    ("reel train-clip --out {text}/x", "text.txt/x"),
    ("reel train-clip --out {run} --run-dir {text}", "text.txt"),
    ("reel train-clip --out {run} --seed -1", "-1"),
    ("reel train-clip --out {run} --steps 0", "0"),
    ("reel train-clip --out {run} --lr nan", "nan"),
    ("reel train-clip --out {run} --lr -1", "-1"),
    ("reel train-clip --out {run} --workers -1", "-1"),
    ("reel train-clip --out {run} --minutes 0", "0"),
    ("reel train-clip --out {run} --device tpu", "tpu"),
    ("reel train-clip --out {run} --start-from /no/such", "/no/such"),
    ("reel train-clip --out {run} --stepz 3", "--stepz"),
    ("reel train-mllm --out /proc/x", "/proc/x"),
    ("reel train-mllm --out {run} --seed -1", "-1"),
    ("reel train-mllm --out {run} --steps 0", "0"),
    ("reel train-mllm --out {run} --vision-steps 0", "0"),
    ("reel train-mllm --out {run} --lr 0", "0"),
    ("reel train-mllm --out {run} --minutes nan", "nan"),
    ("reel train-mllm --out {run} --start-from /no/such", "/no/such"),
    ("reel check --out {text} --fast", "text.txt"),
    ("reel check --gates 9", "9"),
    ("reel check --workers 0", "0"),
    ("reel check --out {run} --text 0 --fast", "0"),
    ("reel check --out {run} --mllm /no/such", "/no/such"),
    ("reel examples --out {text}/x", "text.txt/x"),
]
OTHER = [
    ("", "usage: msjoe"),
    ("anser", "anser"),
    ("--bogus", "--bogus"),
    ("-v", "usage: msjoe"),
]


@pytest.fixture(scope="module")
def places(film, tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("out")
    content = {
        "text.txt": "some words",
        "empty.mp4": "",
        "scores.json": "[[0.1, 0.5, 0.3]]",
        "huge.json": json.dumps([[0.0, 1.7e308]]),
        "beyond.json": json.dumps([[1.0, -3.5e38]]),
        "recipe.yaml": "seed: 0\n",
    }
    for name, text in content.items():
        (folder / name).write_text(text)
    (folder / "full").mkdir()
    (folder / "full" / "mine").write_text("x")
    (folder / "link").symlink_to(folder / "not-there")
    names = {name.partition(".")[0]: str(folder / name) for name in (*content, "full", "link", "gone.mp4", "run")}
    return names | {"film": str(film[1]), "dir": str(folder), "long": "n" * 300}


@pytest.mark.parametrize(("line", "wrong"), [*ANSWER, *SELECT, *EVAL, *TRAIN, *REEL, *OTHER])
def test_it_is_refused_in_words(line, wrong, places, capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    before = sorted(os.listdir(places["dir"]))
    try:
        code = main([part.format(**places) for part in shlex.split(line)])
    except SystemExit as stop:  # argparse
        code = stop.code
    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert wrong in err
    assert "Traceback" not in err
    assert len(err.partition("msjoe: ")[2]) < 1000
    assert sorted(os.listdir(places["dir"])) == before


@pytest.mark.parametrize(
    ("line", "wrong"),
    [("answer {gone} why", "gone.mp4"), ("answer {film} why --seed -1", "-1"), ("reel", "usage: msjoe reel")],
)
def test_a_real_process_says_the_same_and_imports_no_torch(line, wrong, places):
    """What is wrong is found before the seconds and the gigabyte that torch takes."""
    code = "import sys; from msjoe.cli import main; sys.exit(main(sys.argv[1:]) + 90 * ('torch' in sys.modules))"
    argv = [part.format(**places) for part in shlex.split(line)]
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert wrong in done.stderr
    assert done.returncode == 2
