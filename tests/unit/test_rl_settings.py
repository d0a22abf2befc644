"""Settings of a recipe: type and range are checked before anything is loaded, and numbers are read as numbers."""

import pytest

from msjoe.cli import main
from msjoe.errors import RecipeError
from msjoe.rl import command
from msjoe.rl.recipe import JointStage, Keeping, Lora, Recipe, Rollouts, SamplerStage


@pytest.fixture
def empty(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("")
    return path


@pytest.mark.parametrize(
    ("setting", "section", "name", "value"),
    [
        ("sampler.lr=3e-4", "sampler", "lr", 3e-4),  # YAML 1.1 takes it for text
        ("sampler.lr=1", "sampler", "lr", 1.0),
        ("joint.mllm_lr=1E-6", "joint", "mllm_lr", 1e-6),
        ("joint.mllm_lr=0", "joint", "mllm_lr", 0.0),
        ("rollout.dense_fps=5e-1", "rollout", "dense_fps", 0.5),
        ("rollout.previews=0", "rollout", "previews", 0),
        ("rollout.previews=null", "rollout", "previews", None),
        ("keep.trackers=wandb", "keep", "trackers", ("wandb",)),
        ("data.tracks=[multi, order]", "data", "tracks", ("multi", "order")),
    ],
)
def test_values_are_read_as_what_they_are(empty, setting, section, name, value):
    found = getattr(getattr(Recipe.read(empty, [setting]), section), name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("rollout.dense_fps=0", ("dense_fps", "0")),
        ("rollout.max_queries=9", ("max_queries", "9", "4")),
        ("rollout.previews=-3", ("previews", "-3")),
        ("rollout.batch=0", ("batch", "0", "1")),
        ("sampler.lr=-1", ("lr", "-1", "0")),
        ("sampler.lr=.nan", ("lr", "nan")),
        ("sampler.lr=inf", ("lr", "inf")),
        ("sampler.lr=true", ("lr", "True")),
        ("sampler.steps=true", ("steps", "True")),
        ("sampler.steps=2.0", ("steps", "2.0")),
        ("sampler.scale=1", ("scale", "1")),
        ("sampler.warmup=-1", ("warmup", "-1")),
        ("sampler.max_grad_norm=0", ("max_grad_norm", "0")),
        ("sampler.rollouts=1", ("rollouts", "1", "2")),
        ("sampler.kernel=4", ("kernel", "4")),
        ("sampler.temperature=-0.5", ("temperature", "-0.5")),
        ("tspo.heads=0", ("heads", "0")),
        ("tspo.last_temperature=0", ("last_temperature", "0")),
        ("joint.lora.rank=0", ("rank", "0", "1")),
        ("joint.lora.dropout=1", ("dropout", "1.0")),
        ("joint.lora.targets=[]", ("targets", "[]")),
        ("joint.grpo.epsilon_low=1", ("epsilon_low", "1.0")),
        ("joint.rewards.format=-1", ("format", "-1")),
        ("joint.weight_decay=-1", ("weight_decay", "-1")),
        ("joint.sampler=3", ("sampler", "3")),
        ("keep.validate_every=-5", ("validate_every", "-5", "0")),
        ("keep.checkpoint_seconds=-1", ("checkpoint_seconds", "-1")),
        ("data.tracks=[1, 2]", ("tracks", "1, 2")),
        ("data.tracks=[nowhere]", ("tracks", "nowhere", "needle")),
        ("data.split=exam", ("split", "exam", "train")),
        ("data.questions=100.5", ("questions", "100.5", "1")),
        ("data.videos=many", ("videos", "many")),
        ("data.benchmark=nosuch", ("benchmark", "nosuch", "mlvu")),
        ("data.failures=2", ("failures", "2")),
        ("models.dtype=int8", ("dtype", "int8", "bfloat16")),
        ("models.mllm=7", ("mllm", "7")),
        ("models.features_gb=0", ("features_gb", "0")),
        ("seed=-1", ("seed", "-1")),
        ("seed=1.5", ("seed", "1.5")),
        ("sampler.steps=[", ("sampler.steps",)),
    ],
)
def test_values_that_cannot_be_are_refused_with_name_value_and_range(empty, setting, words):
    with pytest.raises(RecipeError) as refused:
        Recipe.read(empty, [setting])
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize("text", ["- 1", "seed", "3"])
def test_an_override_of_what_holds_no_settings_is_refused(tmp_path, text):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError):
        Recipe.read(path, ["sampler.steps=3"])


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_bytes(b"seed: \xff\xfe")
    with pytest.raises(RecipeError, match=r"recipe\.yaml"):
        Recipe.read(path)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (SamplerStage, {"lr": -1.0}),
        (SamplerStage, {"steps": True}),
        (JointStage, {"questions": 2.5}),
        (JointStage, {"grpo": None}),
        (JointStage, {"vision": True, "tuning": "lora"}),
        (Lora, {"rank": 0}),
        (Keeping, {"validate_every": -5}),
        (Keeping, {"trackers": ["wandb"]}),
    ],
)
def test_settings_made_in_python_are_checked_as_well(kind, values):
    with pytest.raises(RecipeError, match=next(iter(values))):
        kind(**values)


def test_rollouts_have_the_ranges_of_one_answer():
    assert Rollouts(budget=9, previews=0).settings.previews == 0
    with pytest.raises(ValueError, match="0"):
        Rollouts(budget=0)


# --- the shell


def test_set_may_be_given_more_than_once(empty, tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(command, "_runner", lambda stage: lambda recipe, *_: ran.append(recipe))
    told = ["--set", "sampler.steps=5", "data.videos=4", "--set", "data.questions=12"]
    assert main(["train", "sampler", "--config", str(empty), "--out", str(tmp_path / "out"), *told]) == 0
    (recipe,) = ran
    assert (recipe.sampler.steps, recipe.data.videos, recipe.data.questions) == (5, 4, 12)
    assert recipe.source[1:] == ("sampler.steps=5", "data.videos=4", "data.questions=12")


def test_a_wrong_setting_ends_before_anything_runs(empty, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "_runner", lambda stage: pytest.fail("a stage was started"))
    code = main(["train", "sampler", "--config", str(empty), "--out", str(tmp_path / "out"), "--set", "sampler.lr=-1"])
    assert code == 2
    assert "lr is -1.0" in capsys.readouterr().err
