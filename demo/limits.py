"""What the page allows its visitors: a flag and an environment variable for each limit, all told on the page."""

import argparse
import os
from dataclasses import dataclass, fields
from html import escape

from msjoe.errors import UserError

PREFIX = "MSJOE_"


@dataclass(frozen=True)
class Limits:
    """Each field is the flag ``--max-upload-mb`` and the variable ``MSJOE_MAX_UPLOAD_MB``; a flag goes first."""

    max_upload_mb: int = 2048  # of one file
    max_minutes: int = 240  # of one video
    max_waiting: int = 16  # runs in line behind the one that has the models
    max_sessions: int = 200  # visitors whose answers are kept
    cache_hours: int = 24  # after which uploads and exports are deleted
    cache_gb: int = 20  # of uploads and exports in all; the oldest are deleted first
    decode_seconds: int = 60  # without a sign of life from a decoder
    decode_memory_mb: int = 4096  # of a process that decodes

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value < (0 if field.name == "max_waiting" else 1):
                raise UserError(f"{_flag(field.name)} is {value}: give 1 or more")

    def sentence(self) -> str:
        """For visitors, as HTML."""
        size = f"{self.max_upload_mb / 1024:.3g} GB" if self.max_upload_mb >= 1024 else f"{self.max_upload_mb} MB"
        hours = f"{self.max_minutes / 60:.3g} h" if self.max_minutes >= 120 else f"{self.max_minutes} min"
        return escape(
            f"Limits of this page: uploads up to {size} and {hours} of video; one run at a time, "
            f"{self.max_waiting} may wait; uploads and exports are deleted after {self.cache_hours} h, "
            f"or beyond {self.cache_gb} GB in all; answers are kept for the latest {self.max_sessions} visits, "
            f"each for its visitor alone."
        )


HELP = {
    "max_upload_mb": "largest video file that is taken, in MB",
    "max_minutes": "longest video that is taken, in minutes",
    "max_waiting": "runs that may wait in line",
    "max_sessions": "visitors whose answers are kept",
    "cache_hours": "hours until uploads and exports are deleted",
    "cache_gb": "size of all uploads and exports, in GB",
    "decode_seconds": "seconds without a sign of life after which a decoder is ended",
    "decode_memory_mb": "memory that a process may take to decode a video, in MB (Linux)",
}


def add_limit_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags that default to the environment; a variable that is no number ends with a plain message."""
    group = parser.add_argument_group("limits", "each also as an environment variable, e.g. MSJOE_MAX_UPLOAD_MB")
    for field in fields(Limits):
        default = os.environ.get(_variable(field.name), field.default)  # argparse reads a text as it reads a flag's
        text = f"{HELP[field.name]} (default: %(default)s)"
        group.add_argument(_flag(field.name), type=int, default=default, metavar="N", help=text)


def limits_from_args(args: argparse.Namespace) -> Limits:
    """Raises UserError for a limit that allows nothing."""
    return Limits(**{field.name: getattr(args, field.name) for field in fields(Limits)})


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _variable(name: str) -> str:
    return PREFIX + name.upper()
