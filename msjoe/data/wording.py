"""The text that follows the frames, word for word as lmms-eval 0.7.2 puts each benchmark's questions.

That is what published numbers were asked with. For models that have no entry of their own in its task files.
"""

from collections.abc import Callable, Sequence

from msjoe.data.record import Record
from msjoe.data.texts import join_embedded
from msjoe.letters import LETTERS

_DIRECTLY = "Answer with the option's letter from the given choices directly."
_VIDEOMME = (
    "Select the best answer to the following multiple-choice question based on the video and the subtitles. "
    "Respond with only the letter (A, B, C, or D) of the correct option."
)


def benchmark_prompt(record: Record, subtitles: str | Sequence[str] | None = None) -> str:
    """The prompt of a record with options; ``subtitles`` are the lines of ``subtitles_at``, or None for none asked.

    Video-MME's wording names subtitles even where there are none. LongVideoBench's lines go before the question,
    where its own prompt sets them between the frames. Other benchmarks leave subtitles out. Reel and a file of
    one's own are put as LongVideoBench is; an open question is put as it stands.
    """
    if subtitles is not None and not isinstance(subtitles, str):
        subtitles = "\n".join(subtitles)
    if not record.options:
        return record.question
    return _WORDINGS.get(record.benchmark, _longvideobench)(record, subtitles)


def _lettered(record: Record) -> str:
    lines = [f"{letter}. {text}" for letter, text in zip(LETTERS, record.options, strict=False)]
    return "\n".join([record.question, *lines])


def _videomme(record: Record, subtitles: str | None) -> str:
    asked = f"{_VIDEOMME}\n{_lettered(record)}"
    if subtitles is None:
        return f"{asked}\n\n{_DIRECTLY}"
    told = subtitles or "No subtitles available"
    return f"This video's subtitles are listed below: \n{told}\n{asked}\nThe best answer is:"


def _longvideobench(record: Record, subtitles: str | None) -> str:
    before = f"{subtitles}\n" if subtitles else ""
    return f"{before}{_lettered(record)}\n{_DIRECTLY}\n"


def _lvbench(record: Record, _: str | None) -> str:
    return f"{join_embedded(record.question, record.options)}\nAnswer the question with the option letter"


def _mlvu(record: Record, _: str | None) -> str:
    asked = join_embedded(record.question, record.options) + "\n"
    # The test set, known by its six options, is put without the words that follow in dev.
    return asked if len(record.options) > 4 else f"{asked}\nOnly give the best option.\nBest option: ("


_WORDINGS: dict[str, Callable[[Record, str | None], str]] = {
    "videomme": _videomme,
    "longvideobench": _longvideobench,
    "lvbench": _lvbench,
    "mlvu": _mlvu,
}
