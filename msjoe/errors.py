"""Errors meant for the person at the keyboard.

A ``UserError`` says what happened, what was got and what to do. The shell prints it without
a traceback and exits with 2; the page shows it as a message and goes on working.
"""


class UserError(ValueError):
    """Bad input, with a message that can be shown as it is."""


class VideoError(UserError):
    """A file that cannot be read as a video."""


class CheckpointError(UserError):
    """Weights that are missing, foreign or of another version."""


class PathError(UserError):
    """A file or folder that cannot be written."""


class BusyError(UserError):
    """A folder that another run is working in."""


class QuestionError(UserError):
    """A question, its options or a setting that cannot be worked with."""


class AnnotationError(UserError):
    """A benchmark's file that is not in a form that can be read."""


class StrictError(UserError):
    """Something is missing that would be skipped and counted without ``--strict``."""


class RecipeError(UserError):
    """Settings of a training run that cannot be worked with."""


class TrainingError(UserError):
    """A training run that cannot learn any more."""
