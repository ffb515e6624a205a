"""Find secrets in texts: values of known forms, values that the text itself names, and given ones.

What is found is a list of spans, the places where a secret begins and ends.  In doubt, a span is longer: a value that
is named as secret in a command of a shell is all of its word.  Each function takes time that is linear in the text.
"""

import enum
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from orglab.secret_names import is_secret_name

Span: TypeAlias = tuple[int, int]

MASK = "***"
"""What stands for a secret."""
MASKED = re.compile(r"(?:[rRbBfFuU]{1,2}|\$)?[\\\"'(\[]{0,8}\*\*\*")
"""How a value begins that is masked already."""
SHORT = 4
"""A shorter secret may be a part of other words by chance."""
_TWO_STATES = frozenset(("true", "false", "yes", "no", "on", "off"))
_HINTS = ("key", "token", "secret", "passw", "passphrase", "credential", "authorization")  # without one, no name is
# Names of packages, and what people name after a library, have the form of a token.
_PACKAGES = r"(?:learn|image|video|contrib|tree)(?![A-Za-z0-9])"
_THINGS = (
    r"(?:model|token|tokenizer|dataset|cache|hub|home|config|transformer|checkpoint|trainer|pipeline|finetuned"
    r"|pretrained)s?(?![A-Za-z0-9])"
)
_LABEL = r"[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
# Each with what a text must have for it, since searching for a text is a hundred times as fast as for an expression.
_FORMS = (
    (("sk-",), rf"(?<![\w-])sk-(?!{_PACKAGES})[\w-]{{4,}}"),
    (("ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_"), r"(?<![A-Za-z0-9])(?:gh[pousr]|github_pat)_\w{4,}"),
    (("hf_",), rf"(?<![A-Za-z0-9_])hf_(?!{_THINGS})[A-Za-z0-9]{{5,}}+(?!_)"),
    (("xox",), r"(?<![A-Za-z0-9])xox[abeoprs]-[\w-]{4,}"),
    (("AKIA",), r"(?<![A-Za-z0-9])AKIA[0-9A-Z]{8,}"),
    (("glpat-",), r"(?<![A-Za-z0-9])glpat-[\w-]{4,}"),
    (("PRIVATE KEY",), rf"(?s)-----BEGIN {_LABEL}.*?(?:-----END {_LABEL}|\Z)"),
)
_URL = "://"
_SCHEME_SIZE = 21
_URL_USER = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@\"'<>]*:")
_URL_PATH = re.compile(r"[/?#]")
_URL_PORT = re.compile(r"\d{1,5}[/?#]")
_URL_END = re.compile(r"\s|[\"'](?=[\s,;:)}\]]|$)|://")
MARKS = (*(mark for marks, _ in _FORMS for mark in marks), _URL)
"""What a text has if it has a value of a known form."""


class Language(enum.Enum):
    """What a text is, since `key=len` is no secret in Python, and `--share-key for` none in a sentence."""

    PROSE = "prose"
    CODE = "code"
    SHELL = "shell"


# ---- all ----


def find_secrets(text: str, language: Language = Language.PROSE, known: Iterable[str] = ()) -> list[Span]:
    """Return where a text has values of known forms, values that it names as secret, and given ones.

    Args:
        text: The text.
        language: What it is.
        known: Values that are secret.
    """
    return join_spans(text, (*find_known(text, known), *find_forms(text), *find_named(text, language)))


def join_spans(text: str, spans: Iterable[Span]) -> list[Span]:
    """Return spans in their order, those that touch as one; without those that are masked already."""
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return [(begin, end) for begin, end in joined if text[begin:end].strip("*")]


def mask_spans(text: str, spans: Sequence[Span]) -> str:
    """Return a text with `***` in place of each span."""
    if not spans:
        return text
    pieces, place = [], 0
    for begin, end in spans:
        pieces += [text[place:begin], MASK]
        place = end
    return "".join((*pieces, text[place:]))


def may_name(text: str) -> bool:
    """Return whether a text may name a secret."""
    lower = text.lower()
    for hint in _HINTS:  # noqa: SIM110 - twice as fast as `any`, and a table of runs asks for thousands
        if hint in lower:
            return True
    return False


def is_suspect(text: str) -> bool:
    """Return whether it is worth to look for secrets in a text."""
    return may_name(text) or any(mark in text for mark in MARKS)


def is_secret_value(value: str) -> bool:
    """Return whether a value can be secret: it is neither empty, nor a number, nor a word of two states."""
    plain = value.strip().lower()
    if not plain or plain in _TWO_STATES:
        return False
    try:
        float(plain)
    except ValueError:
        return True
    return False


# ---- given values, and known forms ----


def find_known(text: str, known: Iterable[str]) -> Iterator[Span]:
    """Yield where given secrets are; a short one counts only as a whole word."""
    for secret in known:
        if not secret or secret not in text:
            continue
        if len(secret) < SHORT:
            yield from (match.span() for match in re.finditer(rf"(?<!\w){re.escape(secret)}(?!\w)", text))
            continue
        begin = text.find(secret)
        while begin >= 0:
            yield begin, begin + len(secret)
            begin = text.find(secret, begin + 1)


def find_forms(text: str) -> Iterator[Span]:
    """Yield where values of known forms are, of a URL its password."""
    for marks, form in _FORMS:
        if any(mark in text for mark in marks):
            yield from (match.span() for match in re.finditer(form, text))
    if _URL in text:
        yield from _find_passwords(text)


def _find_passwords(text: str) -> Iterator[Span]:
    """Yield where the passwords of URLs are; one may have a slash or a quote in it."""
    place = 0
    while (user := _URL_USER.search(text, place)) is not None:
        place = begin = user.end()
        found = _URL_END.search(text, begin)
        end = found.start() if found is not None else len(text)
        path = _URL_PATH.search(text, begin, end)
        at = text.rfind("@", begin, path.start() if path is not None else end)
        if at < 0 and not _URL_PORT.match(text, begin):
            at = text.rfind("@", begin, end)
        if at > begin:
            yield begin, at
        # The scheme of the next URL is before its end.
        place = max(begin, end - _SCHEME_SIZE) if at < 0 else at


# ---- values that a text names ----

_QUOTE = r"(?:[rRbBfFuU]{1,2}|\$)?(?:\"\"\"|'''|\\{0,7}[\"'])"
_NAMED = re.compile(
    r"(?<![\w.$-])(?P<dashes>-{0,2})(?P<name>[A-Za-z_][\w.-]*+)(?:"
    r"(?P<close>\\{0,7}[\"']?\]?)[ \t]*+(?:(?P<equal>:=|=>|\+=|=(?!=))|(?P<colon>:(?!:)))"
    rf"(?:\s++(?={_QUOTE})|(?P<gap>[ \t]*+))"
    r"|(?P<blank>(?>(?:\s|\\\n)+)))"
)
_BEGIN = re.compile(r"(?:[rRbBfFuU]{1,2}|\$)?(?P<quote>\"\"\"|'''|\\{0,7}[\"'])")
_TYPED = re.compile(rf"[A-Za-z_][\w.\[\], |]{{0,80}}?\s*+=\s*+(?={_QUOTE})")  # api_key: str = "..."
_TYPE = re.compile(r"(?:str|bytes|None)(?=[\s,)|=]|$)")
_LOOKUP = re.compile(r"(?:os\.)?(?:environ|getenv)\b")
_VARIABLE = re.compile(r"\\?[\"']?\$(?:\w+|\{\w+\}|\(.*)\\?[\"']?", re.S)
_EXPRESSION = re.compile(r"[A-Za-z_.]+(?=[\s,)\]}:;]|$)|[A-Za-z_][\w.]*[(\[]")
_PROSE_WORD = re.compile(r"[a-z]{1,15}[.,;:!?)]*")
_OPTION = re.compile(r"--[A-Za-z][\w.-]*(?:=.*)?|--?[A-Za-z]{0,2}|-[A-Za-z][0-9]?", re.S)
_SCHEME = re.compile(r"(?i)(?:bearer|basic|token|digest|apikey|negotiate)[ \t]++\S++")
_TWO_WORDS = re.compile(r"\S*[^\s\"'][ \t]++\S++")
_WORD = re.compile(r"\S++")
_LIST_END = re.compile(r"[\])\n]")
_CLOSERS = {")": "(", "]": "[", "}": "{", '"': '"', "'": "'", "`": "`"}
_ENDS = frozenset(";|&`")
_AFTER = re.compile(r"[\s;|&)\]}`]|$|,(?=\s|$|[\"'*\[{(]|\w+\s*[=:])|[\"'](?=\s|$|[,;)}\]|&])")


def find_named(text: str, language: Language) -> Iterator[Span]:
    """Yield where the values are that a text names as secret: `API_KEY=...`, `"apiKey": "..."`, `--api-key ...`."""
    if not may_name(text):
        return
    openers = {opener: place if (place := text.find(opener)) >= 0 else len(text) for opener in _CLOSERS.values()}
    place = 0
    while (match := _NAMED.search(text, place)) is not None:
        place = match.end("name")
        if not is_secret_name(match["name"]) or (match["blank"] and not match["dashes"]):
            continue
        begin, end, after = _read_value(text, match, openers)
        value = text[begin:end]
        if value and not _is_harmless(text, match, language, begin, value):
            place = max(place, after)
            if is_secret_value(value):
                yield begin, end


def is_option(word: str) -> bool:
    """Return whether a word after an option is another one, and not its value, which may begin with a dash too."""
    return word.startswith("-") and word != "-" and _OPTION.fullmatch(word) is not None


def _read_value(text: str, match: re.Match[str], openers: dict[str, int]) -> tuple[int, int, int]:
    """Return where the value of a name begins and ends, and where to go on."""
    begin = match.end()
    if match["colon"] and (typed := _TYPED.match(text, begin)) is not None:
        begin = typed.end()
    is_word = match["blank"] is not None or (match["equal"] is not None and not match["gap"])
    if _BEGIN.match(text, begin) is not None:
        inner, closed, after = _read_quoted(text, begin)
        if not is_word or _AFTER.match(text, after):
            return inner, closed, after
        end = _read_shell_word(text, after, openers, match.start())
        return begin, end, end
    after = end = (
        _read_shell_word(text, begin, openers, match.start()) if is_word else _read_plain(text, begin, match["name"])
    )
    while end > begin and _is_closer(text[end - 1], openers, match.start()):
        end -= 1
    return begin, end, after


def _is_closer(char: str, openers: dict[str, int], begin: int) -> bool:
    """Return whether a character at the end of a value closes what was opened before its name."""
    return char == "," or (char in _CLOSERS and openers[_CLOSERS[char]] < begin)


def _read_quoted(text: str, start: int) -> tuple[int, int, int]:
    """Return where a text in quotes begins and ends, and where its closing quote ends."""
    opening = _BEGIN.match(text, start)
    if opening is None:
        return start, start, start + 1
    begin, quote = opening.end(), opening["quote"]
    place = begin
    while True:
        end = text.find(quote, place)
        if end < 0:
            line = text.find("\n", begin)
            end = line if line >= 0 else len(text)
            return begin, end, end
        backslashes = 0
        while end - backslashes > begin and text[end - backslashes - 1] == "\\":
            backslashes += 1
        if backslashes % 2 == 0:
            return begin, end, end + len(quote)
        place = end + 1


def _read_shell_word(text: str, begin: int, openers: dict[str, int], name: int) -> int:
    """Return where a word of a shell ends that has no blank outside of quotes."""
    place = begin
    while place < len(text):
        char = text[place]
        if char.isspace() or char in _ENDS:
            break
        if char == "\\":
            place += 2
            continue
        if char in "\"'":
            # A quote that was opened before the name ends the word.
            if openers[char] < name and _AFTER.match(text, place + 1):
                break
            place = _read_quoted(text, place)[-1]
            continue
        place += 1
    return min(place, len(text))


def _read_plain(text: str, begin: int, name: str) -> int:
    """Return where a value without quotes ends, as in YAML or in a header of HTTP."""
    if text.startswith(("[", "("), begin):
        found = _LIST_END.search(text, begin + 1)
        return len(text) if found is None else found.start() if found[0] == "\n" else found.end()
    if text.startswith(("{", "//"), begin):
        return begin
    pattern = _TWO_WORDS if name.lower().endswith("authorization") else _SCHEME
    match = pattern.match(text, begin) or _WORD.match(text, begin)
    return match.end() if match is not None else begin


def _is_harmless(text: str, match: re.Match[str], language: Language, begin: int, value: str) -> bool:
    """Return whether what follows a name is a sentence, an expression, a type, a variable, or masked already."""
    is_quoted = begin > match.end() or _BEGIN.match(text, begin) is not None
    if _VARIABLE.fullmatch(value) or _LOOKUP.match(value) or MASKED.match(value):
        return True
    if match["blank"]:
        is_word = language is Language.PROSE and not is_quoted and _PROSE_WORD.fullmatch(value) is not None
        return is_word or is_option(value)
    if match["equal"] and match["gap"] and language is Language.SHELL:
        return True
    if match["colon"] and _TYPE.match(text, begin):
        return True
    if match["dashes"] or match["close"] or match["name"] not in ("key", "token"):
        return False
    if match["colon"]:
        # `bad key: 'loss'` is a sentence; `"key": "loss"` is not.
        return re.search(r"[A-Za-z]\s$", text[max(0, match.start() - 2) : match.start()]) is not None
    return language is not Language.SHELL and not is_quoted and _EXPRESSION.match(value) is not None


# ---- what is masked ----


def find_masks(text: str) -> Iterator[Span]:
    """Yield where a text has `***`; more stars in a row are one mask."""
    yield from (match.span() for match in re.finditer(r"\*{3,}", text))
