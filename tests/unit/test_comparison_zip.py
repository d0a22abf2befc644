"""An answer and a comparison as one zip, and back; an old zip of an answer alone; and zips that are neither."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from msjoe.comparison_zip import COLUMNS, Column, Export, read_export, write_export
from msjoe.errors import UserError
from msjoe.trace import Trace
from msjoe.trace_zip import write_zip


def trace(selector: str = "uniform", **changes) -> Trace:
    picture = np.full((16, 16, 3), 120, np.uint8)
    whole = Trace(
        question="What?",
        options=["a cup", "a key"],
        video_id="v",
        duration=20.0,
        models={"selector": selector},
        queries=["red"],
        preview_times=[5.0],
        times_T=np.arange(20, dtype=np.float32),
        sim_QT=np.zeros((1, 20), np.float32),
        indices=[3],
        chosen_times=[3.0],
        answer="A",
        answer_reply="A",
        seconds={"answer": 1.0},
        previews=[picture],
        keyframes=[picture],
    )
    return replace(whole, **changes)


COLUMNS_MADE = (Column("uniform", 8, trace()), Column("", 8, trace("sampler", answer="B")))


@pytest.mark.parametrize("answer", [trace("sampler"), None])
def test_what_is_written_is_read(tmp_path, answer):
    found = read_export(write_export(Export(answer, COLUMNS_MADE), tmp_path / "both.zip"))
    assert (found.answer is None) == (answer is None)
    assert answer is None or found.answer.same_answer(answer)
    assert [(column.selector, column.budget) for column in found.columns] == [("uniform", 8), ("", 8)]
    for read, made in zip(found.columns, COLUMNS_MADE, strict=True):
        assert read.trace.same_answer(made.trace)
        assert len(read.trace.keyframes) == 1


def test_a_zip_of_an_answer_alone_is_read_as_ever(tmp_path):
    found = read_export(write_zip(trace(), tmp_path / "old.zip"))
    assert found.answer.same_answer(trace())
    assert found.columns == ()
    assert COLUMNS not in zipfile.ZipFile(write_export(Export(trace()), tmp_path / "new.zip")).namelist()


def changed(tmp_path, change) -> Export:
    """Read a zip whose parts, by name, ``change`` has altered."""
    path = write_export(Export(trace(), COLUMNS_MADE), tmp_path / "both.zip")
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    change(parts)
    with zipfile.ZipFile(tmp_path / "changed.zip", "w") as packed:
        for name, data in parts.items():
            packed.writestr(name, data)
    return read_export(tmp_path / "changed.zip")


@pytest.mark.parametrize(
    "names",
    [b"null", b"5", b"[]", b"{", b"[" * 100_000, b"[5, 5]", b'[{"selector": "x"}]', json.dumps([{}] * 7).encode()],
)
def test_columns_that_are_none_are_refused(tmp_path, names):
    with pytest.raises(UserError):
        changed(tmp_path, lambda parts: parts.update({COLUMNS: names}))


def test_parts_that_do_not_belong_are_refused(tmp_path):
    for extra in ("../evil.py", "compared/6/trace.json", "compared/0/../../evil", "compared/0/notes.txt", "more/a.jpg"):
        with pytest.raises(UserError):
            changed(tmp_path, lambda parts, extra=extra: parts.update({extra: b"x"}))


def test_a_column_that_is_missing_damaged_or_about_something_else_is_refused(tmp_path):
    with pytest.raises(UserError):
        changed(tmp_path, lambda parts: parts.pop("compared/1/trace.json"))
    with pytest.raises(UserError):
        changed(tmp_path, lambda parts: parts.update({"compared/1/arrays.npz": b"damaged"}))
    other = write_export(Export(None, (Column("topk", 8, trace(question="Who?")),)), tmp_path / "other.zip")
    record = zipfile.ZipFile(other).read("compared/0/trace.json")
    with pytest.raises(UserError, match="different questions"):
        changed(tmp_path, lambda parts: parts.update({"compared/1/trace.json": record}))
