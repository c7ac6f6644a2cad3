"""What a sample shows, as the folder that it lies in says: the number of its class in an output of class scores."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Labels:
    """The folders of a set of samples, one for each class, in the order of their names.

    `names` are the classes in the order of the model's output; empty where nobody gave them. A sample's name begins
    with its folder, as in `cat/1.jpg`.
    """

    folders: tuple[str, ...]
    names: tuple[str, ...] = ()

    def of(self, sample: str, classes: int) -> int | None:
        """Return the class of a sample among so many classes, None where `why_not` says why it is not known."""
        folder = sample.partition("/")[0]
        if self.why_not(classes) or folder not in self.folders:
            return None
        return self._order(classes).index(folder)

    def name(self, index: int, classes: int) -> str:
        """Return what a class is called: its name, else its folder where each class has one, else its number."""
        known = self._order(classes)
        return known[index] if index < len(known) else str(index)

    def why_not(self, classes: int) -> str:
        """Say why folders cannot be told apart as classes of an output, "" where they can."""
        if self.names:
            missing = [folder for folder in self.folders if folder not in self.names]
            if missing:
                return f"the list of class names lacks the folder {missing[0]!r}"
            many = f"the list has {len(self.names):,} class names, and the output {classes:,} classes"
            return "" if len(self.names) == classes else many
        if self._are_numbers(classes) or len(self.folders) == classes:
            return ""
        return f"{len(self.folders)} folders stand for some of {classes:,} classes, and nothing says for which"

    def _order(self, classes: int) -> tuple[str, ...]:
        if self.names:
            return self.names
        if self._are_numbers(classes):
            by_number = {int(folder): folder for folder in self.folders}
            return tuple(by_number.get(index, str(index)) for index in range(classes))
        return self.folders

    def _are_numbers(self, classes: int) -> bool:
        digits = [folder for folder in self.folders if folder.isascii() and folder.isdigit()]
        numbers = {int(folder) for folder in digits}
        return len(digits) == len(numbers) == len(self.folders) and max(numbers, default=0) < classes
