"""The package that tests write records into."""

from tests.record.packages import made, package

__all__ = ["made", "package"]
