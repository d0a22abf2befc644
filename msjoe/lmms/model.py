"""The model that lmms-eval runs: every request is answered by the functions of ``msjoe eval``, video by video.

A multiple-choice question is handed on as its bare letter, which every scorer reads alike. What failed is handed on as
EMPTY and reported with a count.
"""

import time
from collections.abc import Iterator, Mapping, Sequence

from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms
from lmms_eval.models.model_utils.gen_metrics import log_metrics
from loguru import logger
from tqdm import tqdm

from msjoe.errors import VideoError
from msjoe.evaluation.answering import answer_all
from msjoe.evaluation.asking import ask_all
from msjoe.evaluation.choosing import build_rules, choose_for
from msjoe.evaluation.extraction import extract_answer
from msjoe.evaluation.failures import Tally
from msjoe.evaluation.footage import Footage
from msjoe.evaluation.plan import MSJOE, WORDINGS
from msjoe.evaluation.session import check_prompts
from msjoe.evaluation.shards import Shard
from msjoe.lmms.arguments import ModelArgs
from msjoe.lmms.questions import Posed, posed, video_name
from msjoe.loading import load_models
from msjoe.trace import Trace
from msjoe.video.isolated import Decoders

EMPTY = ""  # read as no letter, and not cached by lmms-eval, so that the next run tries again
Key = tuple[str, str, int]  # task, split, number of the document


class MsjoeModel(lmms):
    """``--model msjoe``: a chat model, which gets whole documents and paths of video files."""

    is_simple = False

    def __init__(
        self, batch_size: int | str | None = None, max_batch_size: int | str | None = None, **model_args: object
    ) -> None:
        """``model_args``: see ``ModelArgs``. The batch sizes are lmms-eval's, and not used: ``batch`` is ours.

        Raises UserError for arguments that cannot be worked with, CheckpointError for weights.
        """
        super().__init__()
        self.args = args = ModelArgs.read(model_args)
        if str(batch_size or 1) != "1":
            logger.warning("msjoe does not use --batch_size: give batch=... in --model_args")
        self.plan = args.plan()
        (self.arm,) = self.plan.arms()
        rules = build_rules((self.arm,), args.rows)
        device = Shard.of_environment().device(args.device)
        self.models = load_models(args.mllm, args.clip, args.sampler, args.load_in_4bit, device, not args.no_cache)
        check_prompts(self.plan, self.models.mllm)
        self.rules = rules | {MSJOE: self.models.selector}
        self.decoders = Decoders()  # a file that crashes FFmpeg must not end a run of hours

    @property
    def device(self):
        """Where lmms-eval puts what its processes exchange."""
        return self.models.mllm.device

    def generate_until(self, requests: Sequence[Instance]) -> Iterator[GenerationResult]:
        """Answers in the requests' order, each when its video is done: a cached run goes on where it was stopped.

        Raises QuestionError for a task that msjoe cannot answer, VideoError where too many videos fail.
        """
        return _Run(self, requests).answers()

    def loglikelihood(self, requests: Sequence[Instance]) -> list[tuple[float, bool]]:
        raise NotImplementedError("msjoe answers in words: choose a task whose output_type is generate_until")

    def generate_until_multi_round(self, requests: Sequence[Instance]) -> list[str]:
        raise NotImplementedError("msjoe answers each question once: choose a task whose output_type is generate_until")


class _Run:
    """The requests of one call: what is known of each, and what became of it."""

    def __init__(self, model: MsjoeModel, requests: Sequence[Instance]) -> None:
        self.model, self.requests = model, requests
        self.missing = Tally(model.args.max_failed)  # videos that the task does not find, of all
        self.tally = Tally(model.args.max_failed)  # videos whose work fails, of those tried so far
        self.results: dict[Key, GenerationResult] = {}
        self.failed: set[Key] = set()  # documents
        self.unreadable = 0  # replies that name no option
        self.started = time.perf_counter()

    def answers(self) -> Iterator[GenerationResult]:
        questions = self._questions()
        by_video: dict[tuple[str, str, str], list[Key]] = {}
        for key, question in questions.items():
            by_video.setdefault((*key[:2], question.path), []).append(key)
        waiting = len(questions)
        bar = tqdm(total=len(self.requests), disable=self.model.rank != 0, desc="msjoe")
        for request in self.requests:
            key = _key(request)
            if key not in self.results:
                keys = by_video[(*key[:2], questions[key].path)]
                self._answer_video({key: questions[key] for key in keys})
                self.tally.check()
                waiting -= len(keys)
                if not waiting:
                    self._report()  # not after the loop: lmms-eval may stop asking after the last answer
            bar.update()
            yield self.results[key]
        bar.close()

    def _questions(self) -> dict[Key, Posed]:
        """All that can be asked, in order; those whose videos are missing have failed."""
        questions: dict[Key, Posed] = {}
        for request in self.requests:
            key = _key(request)
            if key in questions or key in self.results:
                continue
            task, split, number = key
            doc = self.model.task_dict[task][split][number]
            name = video_name(doc, task, number)
            messages = self.missing.attempt(name, [key], _messages, request.args[1], doc)
            if messages is None:
                self._fail(key)
            else:
                questions[key] = posed(doc, messages, task, number)
                self.missing.sound.add(name)
        self.missing.check()
        if not questions:
            self._report()
        return questions

    def _answer_video(self, questions: Mapping[Key, Posed]) -> None:
        """As ``evaluation.harness`` answers the questions of a film."""
        name = next(iter(questions.values())).record.video
        seen = self.tally.attempt(name, list(questions), self._look, list(questions.values()))
        for key, question in questions.items():
            trace = None if seen is None else self.tally.attempt(name, [key], self._answer, question, *seen)
            if trace is None:
                self._fail(key)
            else:
                self.results[key] = self._result(question, trace)
        if name not in self.tally.videos:
            self.tally.sound.add(name)

    def _look(self, questions: Sequence[Posed]) -> tuple[Footage, dict[tuple[str, int], Trace]]:
        """What all questions of a video share."""
        model = self.model
        source = model.decoders.open(questions[0].path, max_minutes=model.args.max_minutes)
        footage = Footage(source, model.models, model.plan.dense_fps)
        own = model.arm.queries == "own"
        return footage, ask_all([question.record for question in questions], footage, model.plan) if own else {}

    def _answer(self, question: Posed, footage: Footage, asked: Mapping[tuple[str, int], Trace]) -> Trace:
        model, record = self.model, question.record
        settings = model.plan.settings(model.arm.budget, record.id, model.arm.draw)
        trace = choose_for(model.arm, record, asked, footage, model.rules, settings)
        words = None if model.args.wording == WORDINGS[0] else question.prompt
        answer_all(record, [model.arm], [trace], footage, lambda *_: words, model.plan.batch)
        return trace

    def _result(self, question: Posed, trace: Trace) -> GenerationResult:
        text = trace.answer_reply
        if question.record.options:
            text = extract_answer(trace.answer_reply, question.record.options) or EMPTY
        if text == EMPTY:
            self.unreadable += 1
            logger.info("{}: no option in the reply {!r}", question.record.id, trace.answer_reply)
        spent = trace.tokens.values()
        counts = TokenCounts(sum(step["prompt"] for step in spent), sum(step["new"] for step in spent))
        return GenerationResult(text, counts)

    def _fail(self, key: Key) -> None:
        self.failed.add(key)
        self.results[key] = GenerationResult(EMPTY, TokenCounts(0, 0))

    def _report(self) -> None:
        """Into the log, and into "throughput" of lmms-eval's results, where "avg_" precedes the counts."""
        failed = self.missing.videos | self.tally.videos
        for name, reason in failed.items():
            logger.warning("{}: {}", name, reason)
        logger.info(
            "msjoe answered {} questions; {} questions about {} videos failed and have no answer; {} replies named no "
            "option",
            len(self.results) - len(self.failed),
            len(self.failed),
            len(failed),
            self.unreadable,
        )
        counts = {"failed_questions": len(self.failed), "failed_videos": len(failed)}
        seconds = time.perf_counter() - self.started
        new = sum(result.token_counts.output_tokens for result in self.results.values())
        log_metrics(seconds, new, new / seconds, counts | {"unreadable_replies": self.unreadable})


def _key(request: Instance) -> Key:
    _, _, _, number, task, split = request.args
    return task, split, number


def _messages(doc_to_messages, doc: Mapping) -> list[dict]:
    try:
        return doc_to_messages(doc)
    except SystemExit as error:  # how tasks of lmms-eval say that a video is missing, which would end the run
        raise VideoError(str(error)) from error
