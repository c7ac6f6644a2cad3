"""A plugin of pytest: the data that coremltools' tests download, in the place and form in which they keep it.

Source of the place and the form: `load_boston` in coremltools 9.0, coremltools/test/utils.py: 22 lines of head, then
each house in two lines of 11 and 3 numbers. mlxtend ships the same houses.
"""

from pathlib import Path

from mlxtend.data import boston_housing_data

PLACE = Path("/tmp/bostonHousingData.txt")
_HEAD, _FIRST = 22, 11


def pytest_configure() -> None:
    """Write the file where there is none."""
    if PLACE.exists():
        return
    inputs, prices = boston_housing_data()
    lines = [""] * _HEAD
    for row, price in zip(inputs, prices, strict=True):
        numbers = [*map(str, row.tolist()), str(price)]
        lines += [" ".join(numbers[:_FIRST]), " ".join(numbers[_FIRST:])]
    PLACE.write_text("\n".join(lines) + "\n")
