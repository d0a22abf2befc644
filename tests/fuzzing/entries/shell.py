"""Command lines of ``msjoe`` and ``app.py``, made from their own parsers: a new flag is covered as it is added."""

import argparse
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from random import Random
from unittest import mock

import app
from msjoe.cli import _parser
from tests.fuzzing.commands import msjoe, run_command, stopped_at
from tests.fuzzing.entry import Attempt, Entry
from tests.fuzzing.mutations import NUMBERS, TEXTS
from tests.videos import encode

WORK = (  # what begins once everything that was given has passed
    "msjoe.loading.models_from_args",
    "msjoe.evaluation.session._models",
    "msjoe.rl.command._runner",
    "msjoe.reel.make.make_video",
    "msjoe.miniature.clip.train.train_clip",
    "msjoe.miniature.mllm.train.train_mllm",
    "msjoe.reel_audit.run_check.run_check",
    "msjoe.reel_audit.gates.video_answers.models_of",
    "msjoe.reel.bundled_videos.write_examples",
    "app.ask",
    "app.serve",
    "app.keep_small",
)
FILES = {
    "text.txt": "some words",
    "empty.mp4": "",
    "scores.json": "[[0.1, 0.5, 0.3]]",
    "recipe.yaml": "seed: 0\n",
    "own.jsonl": '{"video": "film.mp4", "question": "Who?", "options": ["a", "b"], "answer": "B"}\n',
}
LIKELY = {
    "scores": "scores.json",
    "config": "recipe.yaml",
    "annotations": "own.jsonl",
    "videos": ".",
    "video": "film.mp4",
}
PLACES = (
    *FILES, "film.mp4", ".", "gone", "gone/x", "run", "text.txt/x", "link", "full", "-x", "n" * 300,
    "/proc/x", "/dev/full",
)  # fmt: skip
RULES = ("topk", "msjoe", "sampler", "aks?t1=0.2", "topk,aks", "uniform,topk,", "bolt?power=nan", "tspo:.", "aks?t1")


def prepare(folder: Path) -> Attempt:
    film = encode(folder / "film.mp4", range(0, 1200, 4))
    for place in WORK:
        import_module(place.rpartition(".")[0])
    commands = [*_commands(_parser(), []), ([], _app_parser())]

    def attempt(rng: Random, case: Path) -> str:
        _write_places(case, film)
        path, parser = rng.choice(commands)
        argv = [*path, *_line(parser, rng)]
        is_app = parser is commands[-1][1]
        with stopped_at(*WORK), mock.patch.object(socket, "getaddrinfo", _no_network):
            return run_command(lambda: _app(argv)) if is_app else msjoe(argv)

    return attempt


def _commands(parser: argparse.ArgumentParser, path: list[str]) -> Iterator[tuple[list[str], argparse.ArgumentParser]]:
    """Every command with the parser that reads its flags."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if parser.get_default("trainer"):
        own = argparse.ArgumentParser()
        import_module(parser.get_default("trainer")).add_arguments(own)
        yield path, own
    elif not below:
        yield path, parser
    for action in below:
        for name, inner in action.choices.items():
            yield from _commands(inner, [*path, name])


def _app_parser() -> argparse.ArgumentParser:
    with mock.patch.object(argparse.ArgumentParser, "parse_args", lambda parser: parser):
        return app.parse_args()


def _app(argv: list[str]) -> None:
    with (
        mock.patch.object(sys, "argv", ["app.py", *argv]),
        mock.patch.object(app.signal, "signal"),
        mock.patch.object(app, "own_folder"),
    ):
        app.main()


def _no_network(host: str, *args, **how):
    raise socket.gaierror(f"{host} is not looked up here")


def _line(parser: argparse.ArgumentParser, rng: Random) -> list[str]:
    """What is needed, mostly, and a few of the rest."""
    actions = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
    needed = [action for action in actions if action.required and rng.random() < 0.95]
    rest = [action for action in actions if not action.required]
    chosen = needed + rng.sample(rest, min(len(rest), rng.choice((0, 1, 1, 2, 4))))
    words = []
    for action in sorted(chosen, key=lambda action: not action.option_strings):
        words = [*_words(action, rng), *words]
    if rng.random() < 0.05:
        words.insert(rng.randrange(len(words) + 1), rng.choice(TEXTS))
    return [_held(word) for word in words]


def _held(word: str) -> str:
    """As a command line can hold it: no NUL, and of surrogates only those that stand for bytes."""
    return "".join("\udcff" if "\ud800" <= char <= "\udfff" else char for char in word.replace("\0", ""))


def _words(action: argparse.Action, rng: Random) -> list[str]:
    flag = action.option_strings[-1:]
    if action.nargs == 0:
        return flag
    count = rng.choice((1, 1, 2, 3)) if action.nargs in ("+", "*") else 1
    values = [_value(action, rng) for _ in range(count)]
    return [f"{flag[0]}={values[0]}"] if flag and rng.random() < 0.5 else [*flag, *values]


def _value(action: argparse.Action, rng: Random) -> str:
    """Mostly of the flag's kind."""
    how = rng.random()
    if how < 0.1:
        return rng.choice(TEXTS)
    if action.choices:
        return str(rng.choice(list(action.choices)))
    if action.dest in LIKELY and how < 0.8:
        return LIKELY[action.dest]
    if action.type in (int, float):
        return str(rng.choice((1, 2, 3, 8, 0.5, *NUMBERS)))
    if action.type is Path:
        return rng.choice(PLACES)
    return rng.choice((str(action.default), *RULES, *PLACES, *TEXTS, "1", "8,16", "auto", "cpu"))


def _write_places(case: Path, film: Path) -> None:
    for name, text in FILES.items():
        (case / name).write_text(text, encoding="utf-8")
    shutil.copy(film, case / "film.mp4")
    (case / "full").mkdir()
    (case / "full" / "mine").touch()
    os.symlink("not-there", case / "link")


ENTRY = Entry(prepare, seconds=60)
