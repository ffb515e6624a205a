"""Numbers of experiments in titles that were not written for orglab: `Exp. 7:`, `#12`, `Versuch 3`, `Expérience 2`."""

import re
from functools import cache
from typing import NamedTuple

from orglab.config import Config
from orglab.experiment.model import strip_cookies
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
_SUFFIX = rf"(?P<suffix>[a-h](?![^\W_])|{_PARTS}|)"
_NUMBER = r"(?P<number>(?!\d{4}-\d\d-\d\d)\d+)"
_END = r"(?![^\W_])(?P<rest>.*)"
_WORD = compile_late(rf"(?P<word>{EXPERIMENT}|{_WEAK}){_COUNT}{_NUMBER}{_SUFFIX}{_END}", re.IGNORECASE)
_HASH = compile_late(rf"(?P<word>#)\s?(?P<number>\d+){_SUFFIX}{_END}", re.IGNORECASE)
_BRACKET = compile_late(r"(?:\[|<<)(?P<word>[^\W\d]*)[-_ ]?(?P<number>\d+)(?P<suffix>[a-h]?)(?:\]|>>)", re.IGNORECASE)
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
        name: If it is too long for an id, such as a time, the word with it: `exp20170822`; else empty.
    """

    id: str
    word: str
    is_certain: bool
    name: str = ""


def read_number(heading: Heading, config: Config) -> TitleNumber | None:
    """Return the number of an experiment in the title of a heading, or in one of its tags; None without one."""
    number = find_number(strip_cookies(heading.title), config.letter)
    for tag in heading.tags if number is None or not number.id else ():
        in_tag = find_number(tag, config.letter)
        if in_tag is not None and (in_tag.id or in_tag.name) and in_tag.word == config.tag.lower():
            return in_tag
    return number


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
