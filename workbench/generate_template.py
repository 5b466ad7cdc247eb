"""Templates of the Amazon Kinesis Data Generator, as they are: read once, then a row a call.

A template is text of any form with tags in double braces. Line breaks of the template are left out,
as the generator leaves them out: a row is one line.
"""

import difflib
import json
import re
from typing import Any

from workbench.generate_tags import BadTagError, Make, Source, known, of_tag

_NAME = re.compile(r"\s*([A-Za-z]\w*)\s*\.\s*([A-Za-z]\w*)\s*")
_CLOSE = re.compile(r"\s*\}\}")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


class TemplateError(ValueError):
    """A template that cannot be read: its line, the tag, and why."""

    def __init__(self, line: int, tag: str, why: str) -> None:
        self.line = line
        self.tag = tag
        super().__init__(f"line {line}: {tag}: {why}")


class Template:
    """A template whose tags are known and whose arguments are read."""

    def __init__(self, text: str, source: Source) -> None:
        """
        Args:
            text: the template.
            source: what its rows are made of.

        Raises:
            TemplateError: a tag that there is not, or that is written wrongly.
        """
        text = text.strip("﻿")
        lead = len(text) - len(text.lstrip())
        body = text.strip()
        self._first_line = text.count("\n", 0, lead) + 1
        self._body = body
        literals, makes = self._read(source)
        # One format with a place for every tag: a row is a call for each and one formatting.
        self._format = "%s".join(_one_line(literal).replace("%", "%%") for literal in literals)
        self._makes = tuple(makes)

    @property
    def tags(self) -> int:
        """How many tags a row has."""
        return len(self._makes)

    def row(self) -> str:
        """The next row, without a line break at its end."""
        return self._format % tuple([make() for make in self._makes])

    def _read(self, source: Source) -> tuple[list[str], list[Make]]:
        literals, makes = [], []
        begin = 0
        while (start := self._body.find("{{", begin)) >= 0:
            # In {{{ of JSON around a tag the tag has the inner two.
            while self._body.startswith("{", start + 2):
                start += 1
            name, argument, end = self._tag_at(start)
            literals.append(self._body[begin:start])
            try:
                makes.append(of_tag(source, name, arguments_of(argument)))
            except BadTagError as fault:
                raise self._error(start, f"{fault}{_meant(name)}") from None
            begin = end
        return [*literals, self._body[begin:]], makes

    def _tag_at(self, start: int) -> tuple[str, str, int]:
        """A tag's name, what is in its parentheses, and where it ends."""
        found = _NAME.match(self._body, start + 2)
        if found is None:
            raise self._error(start, "a tag is {{category.name}} or {{category.name(...)}}")
        name, end, argument = f"{found[1]}.{found[2]}", found.end(), ""
        if self._body.startswith("(", end):
            close = self._parenthesis_after(end)
            argument = self._body[end + 1 : close].strip()
            end = close + 1
        closed = _CLOSE.match(self._body, end)
        if closed is None:
            raise self._error(start, "the tag does not end with }} where it should")
        return name, argument, closed.end()

    def _parenthesis_after(self, opened: int) -> int:
        """Where the parenthesis closes; those in strings do not count."""
        depth, at = 0, opened
        while at < len(self._body):
            sign = self._body[at]
            if sign == '"' and (quoted := _STRING.match(self._body, at)):
                at = quoted.end()
                continue
            depth += (sign == "(") - (sign == ")")
            if depth == 0:
                return at
            at += 1
        raise self._error(opened, "its parenthesis is never closed")

    def _error(self, at: int, why: str) -> TemplateError:
        start = max(0, self._body.rfind("{{", 0, at + 2))
        end = self._body.find("}}", at)
        tag = _one_line(self._body[start : end + 2 if end >= 0 else start + 60])
        if len(tag) > 80:
            tag = f"{tag[:76]} ..."
        return TemplateError(self._first_line + self._body.count("\n", 0, at), tag, why)


def _one_line(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")


def arguments_of(text: str) -> list[Any]:
    """What is between a tag's parentheses, as the generator reads it: one JSON value, or the text.

    Several values with commas between, which the generator does not know but Faker.js does, are
    several.

    Raises:
        BadTagError: it begins as JSON and is none.
    """
    text = _one_line(text)
    if not text:
        return []
    for reading, as_list in ((text, False), (f"[{text}]", True)):
        try:
            value = json.loads(reading)
        except ValueError as fault:
            why = fault
            continue
        return list(value) if as_list else [value]
    if text[0] in "{['\"":
        raise BadTagError(f"{text!r} is no JSON ({why})")
    return [text]


def _meant(name: str) -> str:
    if name in (names := known()):
        return ""
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f": {close[0]} is like it" if close else ": see `pitboss generate --tags`"
