"""Every limit on what a visitor or a program may send: a flag and an environment variable for each.

Requests (jobs/request_checks.py), exports that are opened (actions/open_export.py) and uploads (ui/page_frame.py) are
all checked against one ``Limits`` before anything is decoded.
"""

import argparse
import os
from dataclasses import dataclass, field, fields
from html import escape

from msjoe.errors import UserError
from msjoe.letters import LETTERS
from msjoe.trace_zip import ZipBounds

PREFIX = "MSJOE_"
MAX_TIERED = 6  # frames, most of them small, that Q-Frame shows for each frame of the budget


def _limit(default: int, help: str, least: int = 1, most: int | None = None) -> int:
    """A field; ``most``: the largest value that the method or the file format allows, None for no such bound."""
    return field(default=default, metadata={"help": help, "least": least, "most": most})


@dataclass(frozen=True)
class Limits:
    """Field ``max_upload_mb`` is flag ``--max-upload-mb`` and variable ``MSJOE_MAX_UPLOAD_MB``; the flag wins."""

    max_upload_mb: int = _limit(2048, "largest video file, in MB")
    max_minutes: int = _limit(240, "longest video, in minutes")
    max_waiting: int = _limit(16, "runs that may wait in line", least=0)
    max_sessions: int = _limit(200, "visitors whose answers are kept")
    cache_hours: int = _limit(24, "hours until uploads and exports are deleted")
    cache_gb: int = _limit(20, "size of all uploads and exports, in GB; the oldest are deleted first")
    decode_seconds: int = _limit(60, "seconds without progress after which a decoder is stopped")
    decode_memory_mb: int = _limit(4096, "memory that a process may take to decode a video, in MB (Linux)")

    max_budget: int = _limit(32, "key-frames of an answer")
    max_previews: int = _limit(32, "previews of an answer", least=0)
    max_queries: int = _limit(4, "queries of a search", most=4)  # the sampler reads four
    max_query_chars: int = _limit(300, "characters of a query")
    max_options: int = _limit(len(LETTERS), "options of a question", least=2, most=len(LETTERS))
    max_arms: int = _limit(6, "answers in one comparison", least=2)
    max_seed: int = _limit(2**32 - 1, "largest seed", least=0)
    max_pasted_chars: int = _limit(20_000, "characters that are read of a pasted list")

    max_zip_mb: int = _limit(ZipBounds.megabytes, "an exported answer, unpacked, in MB")
    max_zip_text_mb: int = _limit(ZipBounds.text_megabytes, "its trace.json, in MB")
    max_zip_megapixels: int = _limit(ZipBounds.megapixels, "pixels of its pictures together, in millions")
    max_zip_frame_megapixels: int = _limit(ZipBounds.frame_megapixels, "pixels of one of its key-frames, in millions")
    max_zip_preview_megapixels: int = _limit(ZipBounds.preview_megapixels, "pixels of a preview, in millions")
    max_zip_scores: int = _limit(ZipBounds.scores, "its dense frames, times its queries")

    def __post_init__(self) -> None:
        for one in fields(self):
            value, least, most = getattr(self, one.name), one.metadata["least"], one.metadata["most"]
            if value < least or (most is not None and value > most):
                given = f"{least} or more" if most is None else f"{least} to {most}"
                raise UserError(f"{_flag(one.name)} is {value}: give {given}")

    @property
    def zip_bounds(self) -> ZipBounds:
        return ZipBounds(
            self.max_zip_mb,
            self.max_zip_text_mb,
            self.max_previews + MAX_TIERED * self.max_budget,
            self.max_zip_megapixels,
            self.max_zip_frame_megapixels,
            self.max_zip_preview_megapixels,
            self.max_queries,
            self.max_zip_scores,
        )

    def sentence(self) -> str:
        """The limits that visitors should know, as HTML."""
        size = f"{self.max_upload_mb / 1024:.3g} GB" if self.max_upload_mb >= 1024 else f"{self.max_upload_mb} MB"
        hours = f"{self.max_minutes / 60:.3g} h" if self.max_minutes >= 120 else f"{self.max_minutes} min"
        return escape(
            f"Limits of this page: uploads up to {size} and {hours} of video; {self.max_budget} key-frames, "
            f"{self.max_previews} previews, {self.max_queries} queries and {self.max_options} options for a question, "
            f"{self.max_arms} answers in a comparison; exported answers up to {self.max_zip_mb} MB, "
            f"{self.zip_bounds.pictures} pictures and {self.max_zip_megapixels} million pixels; one run at a time, "
            f"{self.max_waiting} may wait; uploads and exports are deleted after {self.cache_hours} h, "
            f"or beyond {self.cache_gb} GB in all; answers are kept for the latest {self.max_sessions} visits, "
            f"each for its visitor alone."
        )


def add_limit_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags, which default to the environment. A variable that is not a number is an argparse error."""
    group = parser.add_argument_group("limits", "each also as an environment variable, e.g. MSJOE_MAX_UPLOAD_MB")
    for one in fields(Limits):
        default = os.environ.get(_variable(one.name), one.default)  # argparse parses a string as a flag's value
        text = f"{one.metadata['help']} (default: %(default)s)"
        group.add_argument(_flag(one.name), type=int, default=default, metavar="N", help=text)


def limits_from_args(args: argparse.Namespace) -> Limits:
    """Raises UserError for a limit outside its bounds."""
    return Limits(**{one.name: getattr(args, one.name) for one in fields(Limits)})


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _variable(name: str) -> str:
    return PREFIX + name.upper()
