"""Stemming: removes the endings of words, so that `quantised` matches `quantization`.

A few rules for English; other words stay as they are, and both sides of a
comparison go through the same rules.  Any text can be stemmed, in time linear in
its length.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*(?:e[-+]?\d+)?(?![^\W\d_])|[^\W_]+")
# Scripts without spaces between words: pairs of characters replace words.
_NO_SPACES = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_NOT_ASCII = re.compile("[^\0-\x7f]+")
_LONGEST = 40
_HYPHENATED = re.compile(r"[^\W\d_]{2,20}(?:-[^\W\d_]{2,20}){1,2}(?![-\w])")
# What may be the end of a word or a word of its own, as in `warm up`.
_PARTICLES = frozenset(("up", "out", "off", "down"))
# Words that are ignored even inside a term.
_STOP_WORDS = frozenset(
    "a an and any are as be been being but can cannot could did do does done given had has have having he him his "
    "i is it its let lets me might my of or our ours should so some such than that the their theirs them then "
    "there these they this those though thus to very want wants was we were what which who whose will would "
    "yet you your s ll ve".split()
)
# Words that matter inside a term (`back up`, `head only`), but are ignored by themselves.
WEAK_WORDS = frozenset(
    "about across after again all along also am around at away back because before behind below beside between "
    "beyond both by d down each either else enough even ever every few for from get gets getting go goes going "
    "her here how if in inside instead into just keep less like made make makes many more most much n nearly need "
    "needs neither never no none nor not now off often on once one only onto other out over own part per pre "
    "quite r rather re really same she since still t take takes taken than thing things through till time times "
    "together too toward towards tri tried tries try trying two under until up upon us use used uses using via "
    "when where whether well while whole whom why with within without".split()
)
# Words that keep their ending, because their stem would mean something else.
_WHOLE = frozenset(
    "transformer teacher adapter router filter number cluster buffer parameter center paper order pointer layer "
    "corner over under other better tensor vector error factor mirror monitor color editor timing string "
    "during spring thing bing missing warning meaning opening boosting bagging stacking lasso bias class loss "
    "less process access cross gloss focus plus series species news analysis basis axis bayes lens pass stress "
    "press mass glass business address need seed feed speed embed shed bed red hundred based united station "
    "ration nation action section question mention position dimension version session region million billion "
    "fashion passion attention momentum sampler agentic conformal conformer differencing sparsity "
    "valid rounding shape shaping jitter spiking informer scann star "
    "production productive".split()
)
_IRREGULAR = {
    "built": "build", "found": "find", "chosen": "choos", "chose": "choos", "taken": "tak", "took": "tak",
    "given": "giv", "gave": "giv", "hidden": "hid", "hid": "hid", "hides": "hid", "frozen": "freez", "froze": "freez",
    "shown": "show", "seen": "see", "learnt": "learn", "kept": "keep", "held": "hold", "fed": "feed", "wrote": "writ",
    "written": "writ", "grew": "grow", "grown": "grow", "fell": "fall", "lost": "los", "sent": "send",
    "thrown": "throw", "drew": "draw", "drawn": "draw", "broken": "break", "worse": "wors", "indices": "index",
    "indexes": "index", "vertices": "vertex", "matrices": "matrix", "criteria": "criterion", "children": "child",
    "people": "peopl", "losses": "loss", "biases": "bias", "classes": "class", "optima": "optim", "minima": "minim",
    "minimum": "minim", "maxima": "maxim", "maximum": "maxim", "analyses": "analysis", "noisy": "nois",
    "noise": "nois", "raise": "rais", "raised": "rais", "raising": "rais", "precise": "precis", "precision": "precis",
    "pretrained": "pretrain", "labelled": "label", "labelling": "label", "labeled": "label", "labeling": "label",
    "modelling": "model", "modeling": "model", "pre": "pre", "images": "imag", "image": "imag",
}  # fmt: skip
# Words and endings that are spelled in two ways.
_SPELLINGS = {
    "grey": "gray", "mould": "mold", "tyre": "tire", "programme": "program", "artefact": "artifact",
    "artefacts": "artifact", "catalogue": "catalog", "aluminium": "aluminum", "ageing": "aging", "disk": "disc",
}  # fmt: skip
# What is in a word, the exact ending, and its replacement.
_BRITISH = (
    ("our", re.compile(r"(?<=[a-z]{2})our(?=s?$|ed|ing|al|ful|less|hood|able|ite)"), "or"),
    ("re", re.compile(r"(?<=[bt])re(?=s?$)"), "er"),
    ("yz", re.compile(r"(?<=[a-z]l)yz(?=e|ing)"), "ys"),
    ("ulph", re.compile(r"(?<=[a-z])ulph"), "ulf"),
)
# Ending, replacement, and the least length of the stem without it; the first ending that fits is replaced.
_ENDINGS = (
    ("izational", "iz", 3), ("isational", "iz", 3), ("ifications", "if", 2), ("ification", "if", 2),
    ("izations", "iz", 3), ("isations", "iz", 3), ("ization", "iz", 3), ("isation", "iz", 3), ("izers", "iz", 3),
    ("isers", "iz", 3), ("izer", "iz", 3), ("iser", "iz", 3), ("izing", "iz", 3), ("ising", "iz", 3),
    ("ized", "iz", 3), ("ised", "iz", 3), ("izes", "iz", 3), ("ises", "iz", 3), ("ize", "iz", 3), ("ise", "iz", 3),
    ("ifiers", "if", 2), ("ifier", "if", 2), ("ifying", "if", 2), ("ified", "if", 2), ("ifies", "if", 2),
    ("ify", "if", 2), ("fulness", "", 3), ("iveness", "", 3), ("ations", "", 3), ("ation", "", 4), ("atives", "", 4),
    ("ative", "", 4), ("ators", "", 4), ("ator", "", 4), ("ating", "", 4), ("ated", "", 4), ("ates", "", 4),
    ("ate", "", 4), ("ements", "", 4), ("ement", "", 4), ("ments", "", 4), ("ment", "", 4), ("nesses", "", 3),
    ("ness", "", 4), ("ities", "", 4), ("ity", "", 4), ("ively", "", 4), ("ives", "", 4), ("ive", "", 4),
    ("ions", "", 4), ("ion", "", 4), ("ically", "", 4), ("ical", "", 4), ("ally", "", 4), ("als", "", 5),
    ("al", "", 5), ("ings", "", 3), ("ing", "", 3), ("iest", "y", 3), ("ier", "y", 3), ("ies", "y", 2),
    ("ied", "y", 2), ("edly", "", 3), ("ers", "", 4), ("er", "", 4), ("ors", "", 4), ("or", "", 4), ("ed", "", 3),
    ("ly", "", 4), ("sses", "ss", 2), ("xes", "x", 2), ("ches", "ch", 2), ("shes", "sh", 2), ("es", "", 3),
    ("s", "", 3), ("ic", "", 5),
)  # fmt: skip
_BY_LAST: dict[str, list[tuple[str, str, int]]] = {}
for _rule in _ENDINGS:
    _BY_LAST.setdefault(_rule[0][-1], []).append(_rule)


def tokens(text: str) -> list[str]:
    """Return the words and numbers of a text, in lower case and without accents."""
    text = text.casefold()
    if not text.isascii():
        text = _NOT_ASCII.sub(_without_accents, unicodedata.normalize("NFKD", text)).casefold()
        if _NO_SPACES.search(text):
            return [part for word in _TOKEN.findall(text) for part in _split_word(word)]
    return _TOKEN.findall(text)


def _without_accents(match: re.Match[str]) -> str:
    return "".join(mark for mark in match.group() if not unicodedata.combining(mark))


def _split_word(word: str) -> list[str]:
    """Return a word, or the pairs of its characters in a script without spaces."""
    if not _NO_SPACES.search(word):
        return [word]
    return [word[at : at + 2] for at in range(max(1, len(word) - 1))]


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """Return a word without its ending; empty for a stop word.

    Args:
        word: A lower-case word, as returned by `tokens`.
    """
    if word in _STOP_WORDS:
        return ""
    if word in WEAK_WORDS:
        return word
    if len(word) <= 3 or not word.isalpha() or word in _WHOLE:  # noqa: PLR2004 - three letters have no ending
        return word[:_LONGEST]
    if word[-1] == "s" and word[:-1] in _WHOLE:
        return word[:-1]
    word = _SPELLINGS.get(word) or _respell(word[:_LONGEST])
    if word in _WHOLE:
        return word
    known = _IRREGULAR.get(word)
    return known if known is not None else _strip_ending(word)


def _respell(word: str) -> str:
    """Return a word in American spelling, as far as a rule can tell."""
    for letters, pattern, replacement in _BRITISH:
        if letters in word:
            word = pattern.sub(replacement, word)
    return word


def _strip_ending(word: str) -> str:
    """Return a word without the first ending that fits, doubled letters and a silent e."""
    for ending, replacement, least in _BY_LAST.get(word[-1], ()):
        if word.endswith(ending) and len(word) - len(ending) >= least:
            if ending == "s" and word[-2] in "su":
                break
            word = word[: -len(ending)] + replacement
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "se":  # noqa: PLR2004
        word = word[:-1]
    if len(word) > 3 and word[-1] == "e":  # noqa: PLR2004
        word = word[:-1]
    return word[:-1] + "i" if word[-1] == "y" else word


def stems(text: str) -> list[str]:
    """Return the stems of a text in order, without stop words."""
    return [stemmed for stemmed in map(stem, tokens(text)) if stemmed]


EVERYDAY_WORDS = frozenset(
    stem(word)
    for word in "accuracy add baseline bad best better change cheap compare comparison day decrease difference effect "
    "expect experiment fall fast fold gain good help high hold hypothesis improve improvement increase large long low "
    "measure metric minute month new number percent point problem rate reduce repeat replicate result rise score "
    "second seed significant slow small standard study test train trial value variance versus vs week worse "
    "year".split()
)
"""The stems of words with which any experiment is described."""


def find_compounds(text: str, words: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield words that may also be written as one, such as `drop-out`: the stem of that, and the stems of the parts.

    Args:
        text: The text.
        words: Its stems.
    """
    for match in _HYPHENATED.finditer(text) if "-" in text else ():
        parts = tokens(match.group())
        if all(map(str.isalpha, parts)):
            yield stem("".join(parts)), tuple(map(stem, parts))
    # Most texts have none.
    for before, word in itertools.pairwise(words) if not _PARTICLES.isdisjoint(words) else ():
        if word in _PARTICLES and before.isalpha():
            yield before + word, (before, word)


def join_words(text: str) -> str:
    """Return the words of a text as one, without stop words: the same in any case, spacing and hyphenation."""
    return "".join(word for word in tokens(text) if stem(word))
