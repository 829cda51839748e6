"""What can go wrong, as exceptions that say where, what was expected and found, and what to do."""

from __future__ import annotations


class ImagenetteError(Exception):
    """Something went wrong.

    Attributes:
        path: The file or folder that it is about, where there is one.
        expected: What was expected, where that can be said.
        found: What was found instead.
        hint: What to do about it.
    """

    path: str | None
    expected: str | None
    found: str | None
    hint: str | None

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        expected: str | None = None,
        found: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message if hint is None else f"{message}\nhint: {hint}")
        # As keywords they would be lost on the way to another process.
        self._message = message
        self.path, self.expected, self.found, self.hint = path, expected, found, hint

    def __reduce__(self) -> tuple[object, ...]:
        details = {"path": self.path, "expected": self.expected, "found": self.found, "hint": self.hint}
        return _again, (type(self), self._message, details)


def _again(kind: type[ImagenetteError], message: str, details: dict[str, str | None]) -> ImagenetteError:
    return kind(message, **details)


class MissingError(ImagenetteError, FileNotFoundError):
    """Something that was named is not there. Also a `FileNotFoundError`."""

    __str__ = Exception.__str__


class SettingError(ImagenetteError, ValueError):
    """A value, or the content of a file, makes no sense. Also a `ValueError`."""


class InterruptedError(ImagenetteError, KeyboardInterrupt):
    """Work was asked to stop. Also a `KeyboardInterrupt`."""


class LibraryError(ImagenetteError, ImportError):
    """A library that is optional is needed for this. Also an `ImportError`."""

    __str__ = Exception.__str__


def needs(library: str, what: str, extra: str | None = None) -> LibraryError:
    """The error of `what`, for which a library is not installed."""
    name = extra or library
    return LibraryError(f"{what} needs {library}, which is not installed", hint=f"pip install {name}")
