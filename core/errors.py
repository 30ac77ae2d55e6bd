"""The error tree: what a user did that cannot be done, and what is broken on disk."""

from __future__ import annotations


class LoupeError(Exception):
    """Something to show to a user in one sentence: what was wrong, and what to do."""


class InputError(LoupeError):
    """The input cannot be used as it is (a file, a name, an option)."""


class QueryError(InputError):
    """A query or a filter that cannot be read.

    Parameters
    ----------
    message : str
        What is wrong and what to write instead.
    column : int or None
        Zero-based character in `text` where reading stopped.
    text : str
        The text that was read.
    """

    def __init__(self, message: str, column: int | None = None, text: str = "") -> None:
        super().__init__(message)
        self.column = column
        self.text = text

    def pointer(self) -> str:
        """Two lines: the text, and a caret under the character where reading stopped."""
        if self.column is None:
            return self.text
        return f"{self.text}\n{' ' * self.column}^"


class ImageError(InputError):
    """An image file that cannot be read; the message is the reason shown in the list of skipped files."""


class EncoderError(LoupeError):
    """An encoder that does not exist, or whose weights cannot be had."""


class NotFound(LoupeError):
    """A collection, an item, a vector set or a recipe that is not there."""


class Damaged(LoupeError):
    """A file of the store that does not hold what the database says it holds."""


class Cancelled(LoupeError):
    """The work was cancelled by a user; what was committed stays."""
