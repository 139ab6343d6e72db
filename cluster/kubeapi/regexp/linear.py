"""Runs a program over a text in one pass, all its ways at once (Pike's virtual machine). Pure."""

from __future__ import annotations

from kubeapi.regexp.programs import END, Step

_Threads = dict[int, int]
"""Where the ways are in the program, in the order of preference, and where in the text each has begun."""


class Linear:
    """Finds a pattern in a time that is the length of the text times the size of the program."""

    def __init__(self, steps: list[Step]) -> None:
        self._steps = steps

    def search(self, text: str, at: int = 0) -> tuple[int, int] | None:
        """Return where the first match begins and ends, None if there is none."""
        threads: _Threads = {}
        found: tuple[int, int] | None = None
        for index in range(at, len(text) + 1):
            if found is None:
                self._follow(0, index, threads, text, index)
            following: _Threads = {}
            for place, start in threads.items():
                step = self._steps[place]
                if step is END:
                    found = start, index
                    break
                if step.takes is not None and index < len(text) and step.takes(text[index]):
                    self._follow(place + 1, start, following, text, index + 1)
            threads = following
            if not threads and found is not None:
                break
        return found

    def _follow(self, place: int, start: int, threads: _Threads, text: str, index: int) -> None:
        """Add the steps that take a character, or end, to which a step leads."""
        left, seen = [place], set[int]()
        while left:
            at = left.pop()
            if at in threads or at in seen:
                continue
            seen.add(at)
            step = self._steps[at]
            if step.ways:
                left += reversed(step.ways)
            elif step.at:
                if _is_there(step.at, text, index):
                    left.append(at + 1)
            else:
                threads[at] = start


def _is_there(place: str, text: str, index: int) -> bool:
    match place:
        case "AT_BEGINNING_STRING":
            return index == 0
        case "AT_END_STRING":
            return index == len(text)
        case "AT_BEGINNING":
            return index == 0 or text[index - 1] == "\n"
        case "AT_END":
            return index == len(text) or text[index] == "\n"
    before, after = text[index - 1 : index] if index else "", text[index : index + 1]
    return (_is_word(before) != _is_word(after)) == (place == "AT_BOUNDARY")


def _is_word(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character == "_")
