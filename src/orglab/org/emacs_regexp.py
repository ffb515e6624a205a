r"""Emacs regexps as Python patterns, for the `{...}` of Org's match strings.

Emacs writes `\(`, `\|` and `\{` where Python writes `(`, `|` and `{`; without the
backslash they are literal.  Which characters are word, symbol or blank characters
depends on the syntax table: here Org's (`org-mode-syntax-table`, and
`org-mode-tags-syntax-table` for tags), exact for ASCII.  Beyond ASCII, word
characters are Python's `\w`, which differs from Emacs only in rare characters
such as `²`.

The rules are those of `regex_compile` in Emacs's `regex-emacs.c`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from orglab.errors import MatchSyntaxError
from orglab.org.bounded_search import BoundedSearch
from orglab.org.syntax import compile_late

TAG_WORD = "@_"
"""Characters that are part of a word in tags only: see org-mode-tags-syntax-table."""

_DEEPEST = 50  # Python's parser is recursive and would raise a RecursionError at far deeper nesting
_MOST = 0xFFFF  # RE_DUP_MAX, the largest number in `\{n,m\}`

_MARKS = "\u0300-\u036f"  # combining accents, as in é on macOS: word characters to Emacs, but not in `\w`
_SPACES = r"\t\n\r\f \xa0\u1680\u2000-\u200b\u202f\u205f\u3000"
_LETTER = rf"[^\W\d_]|[{_MARKS}]"
_CLASSES = {
    "alnum": rf"[^\W_]|[{_MARKS}]",
    "alpha": _LETTER,
    "ascii": r"[\x00-\x7f]",
    "blank": r"[\t \xa0\u1680\u2000-\u200a\u202f\u205f\u3000]",
    "cntrl": r"[\x00-\x1f]",
    "digit": "[0-9]",
    "graph": r"[^\x00-\x20\x7f-\xa0\s]",
    # When case is ignored, both mean any letter (`ISUPPER` in regex-emacs.c).
    "lower": _LETTER,
    "upper": _LETTER,
    "multibyte": r"[^\x00-\x7f]",
    "nonascii": r"[^\x00-\x7f]",
    "print": r"[^\x00-\x1f\x7f-\x9f]",
    "space": f"[{_SPACES}]",
    "unibyte": r"[\x00-\x7f]",
    "xdigit": "[0-9A-Fa-f]",
}
_REPETITIONS = compile_late("[*+?]+")
_INTERVAL = compile_late(r"\\\{([0-9]{0,9})(,?)([0-9]{0,9})\\\}")
_GROUP = compile_late(r"\\\((?:\?([1-9][0-9]{0,8}|):|(?!\?))")
_RANGE = compile_late(r"(.)-([^]])", re.DOTALL)


def compile_emacs_regexp(pattern: str, *, also_word: str = "") -> re.Pattern[str]:
    r"""Return the Python pattern that finds what Emacs would find, ignoring case.

    Case is ignored because Org does so for match strings: `org-scan-tags` binds `case-fold-search`.

    Args:
        pattern: An Emacs regexp.
        also_word: Characters that count as word characters in addition to those of Org's syntax table.

    Raises:
        MatchSyntaxError: Emacs would reject the regexp, or it uses a construct that needs a
            buffer (`\=`, `\cX`).  The error refers to a position in `pattern`.
    """
    return _compile(pattern, _Translation(pattern, also_word).translate())


def compile_search(pattern: str, error: Callable[[], Exception], *, also_word: str = "") -> Callable[[str], bool]:
    """Return a function that tells whether Emacs would find a regexp in a text; it raises `error` if this never ends.

    Args:
        pattern: An Emacs regexp.
        error: Returns the error for a regexp that takes too long.
        also_word: As for `compile_emacs_regexp`.

    Raises:
        MatchSyntaxError: As for `compile_emacs_regexp`.
    """
    translation = _Translation(pattern, also_word)
    compiled = _compile(pattern, translation.translate())
    return BoundedSearch(compiled, translation.effort.ways, translation.effort.unbounded, error).search


def _compile(pattern: str, translated: str) -> re.Pattern[str]:
    try:
        return re.compile(translated, re.IGNORECASE | re.MULTILINE)
    except re.error as error:
        raise MatchSyntaxError(f"Unsupported regexp ({error.msg})", pattern, 0) from error
    except (RecursionError, OverflowError, MemoryError):
        raise MatchSyntaxError("Unsupported regexp (too many repetitions)", pattern, 0) from None


def quote_emacs_regexp(text: str) -> str:
    """Return the Emacs regexp that matches exactly `text` (`regexp-quote`)."""
    return re.sub(r"[][.*+?^$\\]", r"\\\g<0>", text)


@dataclass
class _Effort:
    """In how many ways a regexp can match, counted while it is translated; never too few.

    Attributes:
        ways: The number of ways, without the unbounded repetitions.
        unbounded: How many unbounded repetitions there are.
        choices: The pieces at which there is a choice, so that repeating them multiplies without limit.
    """

    ways: float = 1
    unbounded: int = 0
    choices: list[int] = field(default_factory=list)

    def repeat(self, start: int, least: int, most: int | None) -> None:
        """Count a repetition of the pieces from `start` on."""
        if any(choice >= start for choice in self.choices):
            self.ways = float("inf")
        self.ways *= max(1, least if most is None else most) + (most == 1)
        self.unbounded += most is None
        if least != most:
            self.choices.append(start)


class _Translation:
    """The translation of one Emacs regexp to a Python pattern."""

    def __init__(self, pattern: str, also_word: str) -> None:
        self._pattern = pattern
        self._position = 0
        self._pieces: list[str] = []
        # Index of the first piece that a following `*` would repeat: Emacs's `laststart`.
        self._repeatable: int | None = None
        self._starts_alternative = True
        # Groups not yet closed: the piece and position where each begins, and its number.
        self._open: list[tuple[int, int, int | None]] = []
        self._names: dict[int, str] = {}
        self._highest = 0
        self._captures = 0
        self.effort = _Effort()
        # How many alternatives each open group has, and first the whole regexp.
        self._alternatives = [1]
        self._word = rf"(?:[^\W_]|[$%'{_MARKS}{re.escape(also_word)}])"
        self._symbol = rf"(?:(?!{self._word})[&*+\-/=\\_|~])"
        self._assertions = self._make_assertions()
        self._constructs = {
            r"\(": self._open_group,
            r"\)": self._close_group,
            r"\|": self._start_alternative,
            r"\{": self._read_interval,
            **dict.fromkeys((r"\w", r"\W", r"\s", r"\S"), self._read_syntax_class),
        }

    def translate(self) -> str:
        """Return the Python pattern."""
        while self._position < len(self._pattern):
            self._read_element()
        if self._open:
            raise self._error(r"Unclosed `\(`", self._open[-1][1])
        self.effort.ways *= self._alternatives[0]
        return "".join(self._pieces)

    def _make_assertions(self) -> dict[str, str]:
        word = self._word
        constituent = f"(?:{word}|{self._symbol})"
        edge = rf"(?<={word})(?!{word})|(?<!{word})(?={word})"
        return {
            # To Emacs, both ends of the text are always word boundaries.
            r"\b": rf"(?:\A|\Z|{edge})",
            r"\B": rf"(?!\A|\Z|{edge})",
            r"\<": rf"(?<!{word})(?={word})",
            r"\>": rf"(?<={word})(?!{word})",
            r"\_<": rf"(?<!{constituent})(?={constituent})",
            r"\_>": rf"(?<={constituent})(?!{constituent})",
            r"\`": r"\A",
            r"\'": r"\Z",
        }

    def _error(self, problem: str, position: int) -> MatchSyntaxError:
        return MatchSyntaxError(problem, self._pattern, position)

    def _add(self, piece: str, length: int, *, repeatable: bool = True) -> None:
        """Append `piece` as the translation of the next `length` characters."""
        if repeatable:
            self._repeatable = len(self._pieces)
        self._pieces.append(piece)
        self._position += length
        self._starts_alternative = False

    def _read_element(self) -> None:
        """Translate the next construct: one or more characters."""
        character = self._pattern[self._position]
        following = self._pattern[self._position + 1 : self._position + 3]
        if character == "\\":
            self._read_backslash()
        elif character == "[":
            self._read_bracket()
        elif character == ".":
            self._add(".", 1)
        elif character in "*+?" and self._repeatable is not None:
            self._read_repetition()
        elif character == "^" and self._starts_alternative:
            self._add("^", 1, repeatable=False)
        elif character == "$" and following in ("", r"\)", r"\|"):
            self._add("$", 1, repeatable=False)
        else:
            # In all other positions, `^`, `$`, `*`, `+` and `?` are literal.
            self._add(re.escape(character), 1)

    # ---- repetition ----

    def _read_repetition(self) -> None:
        """Translate a run of `*`, `+` and `?`, which is one operator to Emacs: `a*+` is `a*`."""
        match = _REPETITIONS.match(self._pattern, self._position)
        run = match.group() if match else ""
        none = many = False
        greedy = True
        for operator in run:
            if operator == "?" and (none or many):
                greedy = False
            else:
                none |= operator != "+"
                many |= operator != "?"
        self._position += len(run)
        operator = "*" if many and none else "+" if many else "?"
        self._repeat(operator + ("" if greedy else "?"), 0 if none else 1, None if many else 1)

    def _read_interval(self) -> None:
        r"""Translate `\{n\}`, `\{n,m\}`, `\{n,\}` or `\{,m\}`."""
        match = _INTERVAL.match(self._pattern, self._position)
        if not match:
            raise self._error(r"Expected one or two numbers and `\}` after `\{`", self._position)
        least = int(match[1] or 0)
        most = (int(match[3]) if match[3] else _MOST) if match[2] else least
        if most > _MOST or least > most or (match[3] and not match[2]):
            raise self._error(rf"`\{{n,m\}}` requires n <= m <= {_MOST}", self._position)
        if self._repeatable is None:
            self._add(r"\{", 2)
        else:
            self._position = match.end()
            is_open = bool(match[2]) and not match[3]
            self._repeat(f"{{{least},{'' if is_open else most}}}", least, None if is_open else most)

    def _repeat(self, operator: str, least: int, most: int | None) -> None:
        start = self._repeatable
        self.effort.repeat(start or 0, least, most)
        repeated = "".join(self._pieces[start:])
        self._pieces[start:] = [f"(?:{repeated}){operator}"]

    # ---- backslash ----

    def _read_backslash(self) -> None:
        """Translate a backslash construct."""
        start = self._position
        pair = self._pattern[start : start + (3 if self._pattern.startswith(r"\_", start) else 2)]
        if pair == "\\":
            raise self._error("Trailing backslash", start)
        if pair in self._constructs:
            self._constructs[pair]()
        elif pair in self._assertions:
            # A following `*` repeats `\<` and `\_<` themselves, but not `\b` or `\B`: it repeats what is before those.
            self._add(self._assertions[pair], len(pair), repeatable=pair[-1] in "<>")
        elif pair[1] in "123456789":
            self._read_back_reference(int(pair[1]))
        elif pair[1] in "_=cC":
            raise self._error(f"Unsupported construct `{pair}`", start)
        else:
            self._add(re.escape(pair[1]), 2)

    def _start_alternative(self) -> None:
        self._alternatives[-1] += 1
        self.effort.choices.append(len(self._pieces))
        self._add("|", 2)
        self._repeatable, self._starts_alternative = None, True

    def _open_group(self) -> None:
        start = self._position
        match = _GROUP.match(self._pattern, start)
        if not match:
            raise self._error(r"Expected `:` after `\(?`, as in `\(?:a\)`,", start)
        if len(self._open) == _DEEPEST:
            raise self._error("Groups nested too deeply", start)
        number: int | None = None
        if match[1] is None:
            number = self._highest + 1
        elif match[1]:
            number = int(match[1])
        self._open.append((len(self._pieces), start, number))
        self._alternatives.append(1)
        if number is None:
            piece = "(?:"
        else:
            self._highest = max(self._highest, number)
            self._captures += 1
            # Emacs allows a number twice (the last group counts); Python does not allow a name twice.
            self._names[number] = f"g{self._captures}"
            piece = f"(?P<{self._names[number]}>"
        self._add(piece, match.end() - start)
        self._repeatable, self._starts_alternative = None, True

    def _close_group(self) -> None:
        if not self._open:
            raise self._error(r"Unmatched `\)`", self._position)
        self._add(")", 2)
        self._repeatable = self._open.pop()[0]
        self.effort.ways *= self._alternatives.pop()

    def _read_back_reference(self, number: int) -> None:
        if number > self._highest or any(number == opened for _, _, opened in self._open):
            raise self._error(f"No group {number} before this back-reference", self._position)
        name = self._names.get(number)
        self.effort.ways = float("inf")
        self._add(f"(?P={name})" if name else "(?!)", 2)

    def _read_syntax_class(self) -> None:
        r"""Translate `\w`, `\sC` and their complements."""
        start = self._position
        kind = self._pattern[start + 1]
        code = "w" if kind in "wW" else self._pattern[start + 2 : start + 3]
        beyond = rf"(?![\x00-\x7f{_SPACES}])(?!{self._word})[\s\S]"
        classes = {
            "w": self._word,
            "-": f"[{_SPACES}]",
            " ": f"[{_SPACES}]",
            "_": self._symbol,
            ".": rf"(?:(?!{self._word})[!#,.:;?@^`\x00-\x08\x0b\x0e-\x1f\x7f]|{beyond})",
            "(": r"[(<\[{]",
            ")": r"[)>\]}]",
            '"': '"',
        }
        if code not in classes:
            raise self._error(rf"Unknown character class `\{kind}{code}`", start)
        complement = kind in "WS"
        self._add(_one_of([classes[code]], complement=complement), 2 if kind in "wW" else 3)

    # ---- brackets ----

    def _read_bracket(self) -> None:
        """Translate `[...]`, in which a backslash is literal."""
        pattern, start = self._pattern, self._position
        complement = pattern.startswith("^", start + 1)
        first = position = start + 1 + complement
        characters: list[str] = []
        classes: list[str] = []
        while position < len(pattern) and (pattern[position] != "]" or position == first):
            name_end = pattern.find(":]", position + 2) if pattern.startswith("[:", position) else -1
            if name_end >= 0:
                classes.append(self._find_class(pattern[position + 2 : name_end], position))
                position = name_end + 2
            elif match := _RANGE.match(pattern, position):
                low, high = match.groups()
                if low <= high:  # to Emacs, `[z-a]` is not an error but an empty range
                    characters.append(f"{re.escape(low)}-{re.escape(high)}")
                position += 3
            else:
                characters.append(re.escape(pattern[position]))
                position += 1
        if position == len(pattern):
            raise self._error("Unclosed `[`", start)
        if characters:
            classes.append(f"[{''.join(characters)}]")
        self._add(_one_of(classes, complement=complement), position + 1 - start)

    def _find_class(self, name: str, position: int) -> str:
        if name == "word":
            return self._word
        if name == "punct":
            return rf"[!-/:-@\[-`{{-~]|(?![\x00-\x7f])(?!{self._word})[\s\S]"
        if name not in _CLASSES:
            raise self._error(f"Unknown character class `[:{name}:]`", position)
        return _CLASSES[name]


def _one_of(classes: list[str], *, complement: bool) -> str:
    """Return a pattern for one character that is in any of `classes`, or in none of them if `complement`."""
    any_of = "|".join(classes) or "(?!)"
    # Atomic, since classes may overlap: the other class of the same character would be tried in vain.
    return rf"(?:(?!{any_of})[\s\S])" if complement else f"(?{'>' if len(classes) > 1 else ':'}{any_of})"
