"""Numbers of experiments in titles that were not written for orglab: `Exp. 7:`, `#12`, `Versuch 3`, `Expérience 2`."""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from orglab.config import Config
from orglab.experiment.model import strip_cookies
from orglab.experiment.title_dates import read_time_in_name
from orglab.org.document import Document
from orglab.org.heading import Heading
from orglab.org.syntax import compile_late
from orglab.org.timestamp import skip_date

# Words for nothing but an experiment.
EXPERIMENT = (
    "experiment(?:s|o|os|en|e|um)?|exper|expts?|exp|xp(?!#)|experimentos?|esperiment[oi]|exp[eé]rien(?:ce|cia|cias|ces)|"
    "experi[eê]ncias?|eksperiment(?:er)?|eksperyment|doświadczenie|versuche?s?|proef|försök|forsøg|pokus|deney|koe|"
    "эксперимент|опыт|πείραμα|実験|实验|實驗|실험|تجربة|प्रयोग|ניסוי"
)
# Words that may count something else.
_WEAK = "run|trial|test|attempt|assay|measurement|lauf|durchlauf|messung|essai|manip|mesure|prueba|ensayo|prova|прогон"
_COUNT = r"[\s._:-]*(?:(?:no|nr|num|n[°ºo]|№|#)\.?)?[\s_]*"
_PARTS = r"(?:[.-]\d{1,3}){1,4}(?![\d.-]{0,20}[^\W_])"
_SUFFIX = rf"(?P<suffix>(?:[a-h]|bis|ter|quater)(?![^\W_])|{_PARTS}|)"
_NUMBER = r"(?P<number>(?!\d{4}-\d\d-\d\d)\d+)"
_END = r"(?![^\W_])(?P<rest>.*)"
_WORD = compile_late(rf"(?P<word>{EXPERIMENT}|{_WEAK}){_COUNT}{_NUMBER}{_SUFFIX}{_END}", re.IGNORECASE)
# exp-210204-unet, which six digits that are a date may begin
_DATED = compile_late(
    rf"(?P<word>{EXPERIMENT})(?P<sep>[-_ ]?)(?P<number>\d{{6}})(?:[-_][A-Za-z0-9_-]*)?{_END}", re.IGNORECASE
)
_HASH = compile_late(rf"(?P<word>#)\s?(?P<number>\d+){_SUFFIX}{_END}", re.IGNORECASE)
_BRACKET = compile_late(r"(?:\[|<<)(?P<word>[^\W\d]*)[-_ ]?(?P<number>\d+)(?P<suffix>[a-h]?)(?:\]|>>)", re.IGNORECASE)
# A name of letters, digits and marks that ends with a number, or a word and a number.
_SERIES = compile_late(
    r"(?P<prefix>[^\W\d](?:[^\W_]|[-_./](?=[^\W_]))*?[-_./]?|[^\W\d]{1,12}\.?[ ])"
    r"(?P<number>\d{1,4})(?P<suffix>[a-h]?)(?![^\W]|[-_./]\d)"
)
# What is counted in any notebook.
_NO_SERIES = compile_late(
    r"(?:week|woche|semaine|semana|settimana|day|tag|jour|d[ií]a|month|monat|mois|year|jahr|chapter|kapitel|section|"
    r"abschnitt|part|teil|figure|fig|abb|table|tab|tabelle|equation|eq|version|release|lecture|meeting|phase|step|"
    r"question|task|todo|issue|bug|pr|paper|milestone|sprint|session|seminar|q|h|room|box|batch|level|python|cuda)"
    r"\.?[-_ .]?",
    re.IGNORECASE,
)
_STRONG = compile_late(EXPERIMENT, re.IGNORECASE)
# After a number: nothing, a mark, or something in brackets.
_DELIMITED = compile_late(r"\s*(?:$|[:.,;)\]|_(\[{\u2013\u2014\uff1a]|-\D|-$)")
_MARKUP = compile_late(r"(?:\[\[[^\]]*\]\[|[*/_=~+\"'(]|\s)+(?=\w|#)")
# What the file has not declared as one
_KEYWORD = compile_late(r"[A-ZÄÖÜÉÈ]{3,}\s+")
# Longer numbers are times, such as that of exp20170822165129.
_LONGEST = 6


class TitleNumber(NamedTuple):
    """The number of an experiment in a title.

    Attributes:
        id: The id that it makes, such as `7` or `7a`; empty if it makes none.
        word: What stands before it, in lower case.
        is_certain: Whether it can hardly be anything but the number of an experiment.
        name: If it is a time, or too long for an id, the word with it: `exp20170822`, `exp-210204-unet`; what a series
            calls it, such as `MKR-2-07`; else empty.
        is_series: Whether just other titles of the file show that it is a number: `MKR-2-06`, `MKR-2-07`.
    """

    id: str
    word: str
    is_certain: bool
    name: str = ""
    is_series: bool = False


def read_number(heading: Heading, config: Config) -> TitleNumber | None:
    """Return the number of an experiment in the title of a heading, or in one of its tags; None without one."""
    title = strip_cookies(heading.title)
    number = _find_in_file(title, heading.document, config) or _find_in_series(title, heading)
    for tag in heading.tags if number is None or not number.id else ():
        in_tag = _find_in_file(tag, heading.document, config)
        if in_tag is not None and (in_tag.id or in_tag.name) and in_tag.word == config.tag.lower():
            return in_tag
    return number


def _find_in_file(title: str, document: Document, config: Config) -> TitleNumber | None:
    """Return the number in a title or a tag; six digits are a date if the file says so."""
    number, dated = find_number(title, config.letter), _match_dated(title)
    if number is None or dated is None or not _has_dates(document, dated["sep"]):
        return number
    name = dated["word"].lower() + dated.string[dated.end("word") : dated.start("rest")].rstrip("-_").replace(" ", "")
    return number._replace(id="", name=name if name.isascii() else "")


def _find_in_series(title: str, heading: Heading) -> TitleNumber | None:
    """Return the number that a title has in a series of titles of its level, or None."""
    match = _match_series(title)
    if match is None or (match["prefix"].lower(), heading.stars) not in _read_series(heading.document):
        return None
    name = match.group() if re.fullmatch("[A-Za-z0-9_-]+", match.group()) else ""
    return TitleNumber(_make_id(match), match["prefix"].lower(), is_certain=False, name=name, is_series=True)


def _match_series(title: str) -> "re.Match[str] | None":
    """Return the match of a name with a number that a title begins with, such as `MKR-2-07` or `Page 5`."""
    title = skip_date(title)
    markup = _MARKUP.match(title)
    match = _SERIES.match(title, markup.end() if markup else 0)
    return None if match is None or _NO_SERIES.fullmatch(match["prefix"]) else match


@lru_cache(maxsize=2)
def _read_series(document: Document) -> frozenset[tuple[str, int]]:
    """Return what stands before the numbers of each series of titles, in lower case, with the level of its headings.

    A series has three numbers or more, which rise or fall, and are not far apart.
    """
    found: dict[tuple[str, int], list[int]] = {}
    for heading in document.headings():
        if (match := _match_series(strip_cookies(heading.title))) is not None:
            found.setdefault((match["prefix"].lower(), heading.stars), []).append(int(match["number"]))
    return frozenset(key for key, numbers in found.items() if _are_counted(numbers))


def _are_counted(numbers: Sequence[int]) -> bool:
    """Return whether numbers are those of a series."""
    distinct = {*numbers}
    steps = [after > before for before, after in pairwise(numbers) if after != before]
    is_ordered = max(sum(steps), len(steps) - sum(steps)) >= _ORDERED * len(steps)
    is_close = max(distinct) - min(distinct) <= _APART * (len(distinct) + 1)
    return len(distinct) >= _FEWEST and is_ordered and is_close


_FEWEST, _ORDERED, _APART = 3, 0.7, 4


def _match_dated(title: str) -> "re.Match[str] | None":
    """Return the match of a word for an experiment and six digits that a title begins with; None without them."""
    title = skip_date(title)
    markup = _MARKUP.match(title)
    return _DATED.match(title, markup.end() if markup else 0)


@lru_cache(maxsize=2)
def _has_dates(document: Document, separator: str) -> bool:
    """Return whether six digits after a word for an experiment are dates in a file, and not a count.

    They are a count if some of them are no date.  After a space, at least two have to tell, and not be consecutive.
    """
    texts = (text for one in document.headings() for text in (strip_cookies(one.title), *one.tags))
    matches = [match for text in texts if (match := _match_dated(text)) is not None]
    if any(read_time_in_name(match["number"]) is None for match in matches):
        return False
    numbers = {int(match["number"]) for match in matches}
    is_consecutive = max(numbers) - min(numbers) == len(numbers) - 1
    return separator != " " or (len(numbers) > 1 and not is_consecutive)


def find_number(title: str, letter: str) -> TitleNumber | None:
    """Return the number of an experiment that a title begins with, after a date and markup; None without one.

    Args:
        title: The title.
        letter: The letter of references, as in `[e7]`; `E` counts in any case.
    """
    title = skip_date(title)
    if (match := _BRACKET.match(title)) is not None:
        word = match["word"].lower()
        is_usual = word in ("", "e", letter.lower()) or _STRONG.fullmatch(word) is not None
        return TitleNumber(_make_id(match) if is_usual else "", word, is_usual, _make_name(match))
    if markup := _MARKUP.match(title):
        title = title[markup.end() :]
    match = _WORD.match(title) or _HASH.match(title) or _compile_letters(letter).match(title)
    if match is None and (keyword := _KEYWORD.match(title)) is not None:
        match = _WORD.match(title, keyword.end())
    if match is None:
        return None
    is_strong = match["word"] == "#" or _STRONG.fullmatch(match["word"]) is not None
    is_delimited = _DELIMITED.match(match["rest"]) is not None
    return TitleNumber(_make_id(match), match["word"].lower(), is_strong or is_delimited, _make_name(match))


@cache
def _compile_letters(letter: str) -> "re.Pattern[str]":
    # `E2E` is no number with a suffix.
    suffix = rf"(?P<suffix>[a-d](?![^\W_])|{_PARTS}|)"
    return re.compile(rf"(?P<word>e|{re.escape(letter)})[-_ ]?{_NUMBER}{suffix}{_END}", re.IGNORECASE)


def _make_id(match: "re.Match[str]") -> str:
    """Return the id for a number in any script, without leading zeros; empty for a long one, such as a time.

    Were that an id, the next experiment would have one more.
    """
    number = match["number"]
    is_short = len(number) <= _LONGEST
    return str(int(number)) + match["suffix"].lower().replace(".", "-") if is_short else ""


def _make_name(match: "re.Match[str]") -> str:
    """Return the word with a long number, if both are plain letters and digits; empty for a short one."""
    name = match["word"].lower() + match["number"]
    is_plain = len(match["number"]) > _LONGEST and match["word"].isalpha() and name.isascii()
    return name if is_plain else ""
