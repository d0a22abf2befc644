"""A Reel file through encoder and decoder is the same picture as the one drawn without a file."""

import json

import numpy as np
import pytest

from msjoe.cli import main
from msjoe.reel.make import make_video
from msjoe.reel.script.write_script import make_script
from msjoe.reel.source import ReelSource
from msjoe.video import open_video


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    script = make_script("validation", "order", 5, minutes=3)
    video, record = make_video(script, tmp_path_factory.mktemp("reel"), progress=False)
    return script, video, record


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Decibels, per picture [B, H, W, 3] -> mean."""
    error = ((a.astype(float) - b.astype(float)) ** 2).mean((1, 2, 3))
    return float(np.mean(10 * np.log10(255**2 / np.maximum(error, 1e-9))))


@pytest.mark.parametrize(("size", "floor"), [(56, 33), (112, 31)])
def test_the_decoded_pictures_are_the_drawn_ones_to_within_compression_noise(filmed, size, floor):
    script, video, _ = filmed
    drawn = np.concatenate(list(ReelSource(script).dense(1.0, size)))
    decoded = np.concatenate(list(open_video(video).dense(1.0, size)))
    assert decoded.shape == drawn.shape
    assert psnr(drawn, decoded) > floor
    wrong_second = psnr(drawn[:-20], decoded[20:])
    assert wrong_second < floor - 10  # another moment is far outside the noise


def test_key_frames_of_the_file_are_the_drawn_ones(filmed):
    script, video, _ = filmed
    times = [0.0, 33.0, 91.0, 179.0]
    drawn = np.stack(ReelSource(script).frames_at(times, 112 * 112))
    assert psnr(drawn, np.stack(open_video(video).frames_at(times, 112 * 112))) > 31


def test_the_file_lasts_as_long_as_the_script(filmed):
    script, video, _ = filmed
    assert open_video(video).duration == pytest.approx(script.duration, abs=0.01)


def test_the_json_holds_questions_and_evidence(filmed):
    script, _, record = filmed
    told = json.loads(record.read_text())
    assert [q["text"] for q in told["questions"]] == [q.text for q in script.questions]
    assert told["reel_version"] == script.version
    for question in told["questions"]:
        assert question["answer"] in "ABCDE"
        assert all(0 <= start < end <= script.duration for start, end in question["evidence"])


def test_reel_make_in_the_shell(tmp_path, capsys):
    told = "--split test --track global --seed 7 --minutes 1"
    code = main(["reel", "make", *told.split(), "--out", str(tmp_path)])
    assert code == 0
    written = capsys.readouterr().out.split()
    assert [line.rsplit("/")[-1] for line in written] == ["reel-test-global-7.mp4", "reel-test-global-7.json"]
    assert open_video(written[0]).duration == pytest.approx(60, abs=0.01)


def test_reel_make_refuses_a_senseless_length(tmp_path, capsys):
    assert main(["reel", "make", "--minutes", "0.01", "--out", str(tmp_path)]) == 2
    assert "0.5 to 120" in capsys.readouterr().err
