"""The first sentence of a conclusion: what was found, in the author's words."""

import re

# A text that begins with one of these is no sentence but a table, a block, a drawer, a list or a picture.
_NO_SENTENCE = re.compile(r"\s*(?:[|#:\\]|[-+*]\s|\d+[.)]\s|\[\[file:)")
# A full stop ends a sentence if a space and then anything but a small letter follows; East Asian ones always do.
_END = re.compile(r"(?<=[.!?])[\"\u201d\u2019)\]*/_=~+]*(?=\s+[^\s\d\W_]|\s+[\d\W_]|\s*$)|[\u3002\uff01\uff1f](?=.)")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:e\.g|i\.e|vs|cf|al|etc|ca|approx|Fig|Tab|Eq|Sec|No|resp|incl|Prof|Dr|Mr|Mrs|Ms|St|Nr|Abb|Kap|Ref|Refs|Figs|Eqs|max|min|vgl|z\.B|d\.h|u\.a|bzw|ggf|inkl|sog|p|pp)\.$",
    re.I,
)
# A longer word, or an acronym.
_WORD = re.compile(r"[^\W\d_]{4,}|[A-Z][A-Z\d]+")
_STEM = 5
_IDEOGRAPHS = "\u2e80"


def split_first_sentence(text: str) -> tuple[str, str]:
    """Return the first sentence of a text of the log, and the rest.

    The sentence is empty if the text does not begin with one; it then is all rest.
    """
    if _NO_SENTENCE.match(text):
        return "", text
    paragraph, gap, below = _split_paragraph(text)
    for match in _END.finditer(paragraph):
        sentence, rest = paragraph[: match.end()], paragraph[match.end() :]
        if _ABBREVIATION.search(sentence) or (rest.strip()[:1].islower() and sentence.rstrip().endswith(".")):
            continue
        if _has_open_markup(sentence):
            continue
        return sentence.strip(), f"{rest.strip()}{gap}{below}".strip()
    return paragraph.strip(), below


def _split_paragraph(text: str) -> tuple[str, str, str]:
    """Return the first paragraph on one line, the space after it, and the rest.

    A list, a table or a block ends a paragraph, as in Org.
    """
    lines = text.strip("\n").split("\n")
    end = next((place for place, line in enumerate(lines) if not line.strip() or _NO_SENTENCE.match(line)), len(lines))
    paragraph = " ".join(line.strip() for line in lines[:end])
    return paragraph, "\n\n", "\n".join(lines[end:]).strip("\n")


def _has_open_markup(text: str) -> bool:
    """Return whether a link or a formula is cut in two."""
    return text.count("[[") != text.count("]]") or text.count("$") % 2 == 1 or text.count("(") > text.count(")")


def shares_word(sentence: str, title: str) -> bool:
    """Return whether a sentence has a word of a title, in whatever form, so that it can be read without it."""
    if words := {word[:_STEM].casefold() for word in _WORD.findall(title) if word < _IDEOGRAPHS}:
        return any(word[:_STEM].casefold() in words for word in _WORD.findall(sentence))
    if max(title, default="") < _IDEOGRAPHS:
        return not set(title.casefold().split()).isdisjoint(sentence.casefold().split())
    pairs = (title[place : place + 2] for place in range(len(title) - 1))
    return any(pair.isalnum() and pair in sentence for pair in pairs)
