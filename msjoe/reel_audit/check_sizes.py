"""The sizes of a check. Imports nothing heavy."""

from dataclasses import dataclass, fields

from msjoe.errors import UserError


@dataclass(frozen=True)
class CheckSizes:
    """The defaults give intervals of about 2 points or less where a gate is 2 points wide."""

    text: int = 20_000  # questions of gate 1's guessers and gate 2's layout
    black: int = 12_000  # questions with black frames
    steps: int = 150  # of each U-Net's training in gate 2
    matrices: int = 40  # videos of a track whose shuffled matrices a U-Net learns from
    videos: int = 50  # of a track of the validation split: gates 3 to 7
    files: int = 10  # of a track of the test split: gate 8

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise UserError(f"--{field.name} is {getattr(self, field.name)}: give 1 or more")
