r"""A parser for the LaTeX that people write in logs; its tree is the source of formulas in HTML and PDF.

Of the formats we write only docx accepts LaTeX, and supporting all of it takes a TeX. So a subset is parsed exactly,
and any other formula is shown as its source, with a note (docs/decisions/).
"""

import re
from dataclasses import dataclass

MAX_DEPTH = 24
"""How deeply groups may be nested."""
MAX_LENGTH = 20_000
"""The maximum number of characters in a formula."""

_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|[ \t\r\n~]+|[0-9]+(?:\.[0-9]+)?|.", re.S)


def _words(text: str) -> list[str]:
    """Return the words of a table."""
    return text.split()


def _symbols(text: str) -> dict[str, str]:
    """Return a mapping from a table of alternating names and symbols."""
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


LETTERS = _symbols("""
    alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ
    lambda λ mu μ nu ν xi ξ pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς tau τ upsilon υ phi ϕ varphi φ
    chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω ell
    ℓ hbar ℏ Re ℜ Im ℑ partial ∂ infty ∞ emptyset ∅ varnothing ∅ aleph ℵ nabla ∇ top ⊤ bot ⊥ imath ı jmath ȷ
    dagger † ddagger ‡ prime ′ degree ° checkmark ✓
""")
OPERATORS = _symbols("""
    cdot ⋅ times × div ÷ pm ± mp ∓ ast ∗ star ⋆ circ ∘ bullet • oplus ⊕ otimes ⊗ odot ⊙ cup ∪ cap ∩ setminus
    ∖ wedge ∧ land ∧ vee ∨ lor ∨ neg ¬ lnot ¬ le ≤ leq ≤ leqslant ≤ ge ≥ geq ≥ geqslant ≥ ll ≪ gg ≫ ne ≠ neq
    ≠ approx ≈ sim ∼ simeq ≃ cong ≅ equiv ≡ propto ∝ in ∈ notin ∉ ni ∋ subset ⊂ subseteq ⊆ supset ⊃ supseteq
    ⊇ to → rightarrow → leftarrow ← gets ← leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ Leftrightarrow ⇔ iff ⇔
    implies ⇒ mapsto ↦ uparrow ↑ downarrow ↓ longrightarrow ⟶ forall ∀ exists ∃ mid ∣ parallel ∥ perp ⊥
    ldots … dots … cdots ⋯ vdots ⋮ ddots ⋱ colon : models ⊨ vdash ⊢ triangleq ≜ prec ≺ succ ≻ therefore ∴
    because ∵
""")
_BIG_SYMBOLS = _symbols("""
    sum ∑ prod ∏ int ∫ iint ∬ oint ∮ bigcup ⋃ bigcap ⋂ bigoplus ⨁ bigotimes ⨂ bigvee ⋁ bigwedge ⋀ coprod ∐
""")
_FENCE_SYMBOLS = _symbols("""
    langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ lvert | rvert | lVert ‖ rVert ‖ vert | Vert ‖ lbrace
    { rbrace } { { } } | ‖
""")
_FUNCTIONS = frozenset(
    _words("""
    arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup ln
    log max min Pr sec sin sinh sup tan tanh argmax argmin softmax
""")
)
_SPACES = {",": 0.17, ":": 0.22, ">": 0.22, ";": 0.28, "!": 0.0, " ": 0.25, "quad": 1.0, "qquad": 2.0}
_IGNORED = frozenset(("displaystyle", "textstyle", "limits", "nolimits", "left.", "nonumber", "notag", "allowbreak"))
_ACCENTS = {
    "hat": "^", "widehat": "^", "bar": "¯", "overline": "¯", "tilde": "~", "widetilde": "~", "vec": "→", "dot": "˙",
    "ddot": "¨", "underline": "_",
}  # fmt: skip
_FONTS = {
    "mathbf": "bold", "boldsymbol": "bold", "bm": "bold", "mathrm": "upright", "operatorname": "upright",
    "operatorname*": "upright", "mathcal": "script", "mathscr": "script", "mathbb": "double", "mathit": "italic",
    "mathsf": "sans", "mathtt": "mono", "mathfrak": "fraktur",
}  # fmt: skip
_TEXTS = {
    "text": "upright",
    "textrm": "upright",
    "textit": "italic",
    "textbf": "bold",
    "texttt": "mono",
    "mbox": "upright",
}
_GRIDS = {
    "matrix": ("", ""), "pmatrix": ("(", ")"), "bmatrix": ("[", "]"), "Bmatrix": ("{", "}"), "vmatrix": ("|", "|"),
    "Vmatrix": ("‖", "‖"), "smallmatrix": ("", ""), "cases": ("{", ""),
}  # fmt: skip
_ALIGNED = frozenset(("align", "aligned", "alignat", "gather", "gathered", "split", "eqnarray", "multline", "equation"))


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a formula.

    Attributes:
        kind: `row`, `letter`, `number`, `operator`, `big`, `function`, `text`, `space`, `fraction`, `binomial`, `root`,
            `scripts`, `accent`, `font`, `fenced`, `grid` or `aligned`.
        text: A symbol, a word, an accent, a font or a width.
        parts: Its parts: numerator and denominator; base, subscript and superscript; the rows of a grid...
    """

    kind: str
    text: str = ""
    parts: "tuple[Node, ...]" = ()


EMPTY = Node("row")


class NotConvertedError(Exception):
    """A formula is invalid or contains something unsupported; the message says what."""


def read_tex(tex: str) -> Node:
    """Return the tree of a formula.

    Args:
        tex: LaTeX without the dollar signs or brackets around it; an environment with its `begin` and `end`.

    Raises:
        NotConvertedError: The formula is invalid, or contains something unsupported.
    """
    if len(tex) > MAX_LENGTH:
        raise NotConvertedError("formula too long")
    parser = _Parser(_TOKEN.findall(re.sub(r"(?<!\\)%[^\n]*", "", tex)))
    node = parser.row(frozenset(), 0)
    if piece := parser.peek():
        raise NotConvertedError(f"unmatched {piece}")
    return node


class _Parser:
    """A recursive-descent parser for one formula, with recursion limited by `MAX_DEPTH`."""

    def __init__(self, pieces: list[str]) -> None:
        self.pieces = pieces
        self.at = 0

    def peek(self) -> str:
        """Return the next token that is not a space; empty at the end."""
        while self.at < len(self.pieces) and self.pieces[self.at][0] in " \t\r\n~":
            self.at += 1
        return self.pieces[self.at] if self.at < len(self.pieces) else ""

    def take(self) -> str:
        """Consume and return the next token that is not a space."""
        piece = self.peek()
        if not piece:
            raise NotConvertedError("incomplete formula")
        self.at += 1
        return piece

    def row(self, stops: frozenset[str], depth: int) -> Node:
        """Return everything up to the next of `stops`, or to the end."""
        if depth > MAX_DEPTH:
            raise NotConvertedError("nested too deeply")
        parts: list[Node] = []
        while (piece := self.peek()) and piece not in stops:
            if piece in ("}", r"\right", r"\end"):
                break
            parts.append(self.scripted(depth))
        return parts[0] if len(parts) == 1 else Node("row", "", tuple(parts))

    def scripted(self, depth: int) -> Node:
        """Return the next part with its subscript and superscript."""
        base = EMPTY if self.peek() in ("_", "^") else self.part(depth)
        if self.peek() in (r"\limits", r"\nolimits"):
            self.take()
        below, above = EMPTY, EMPTY
        has_scripts = False
        while (piece := self.peek()) in ("_", "^", "'"):
            self.take()
            has_scripts = True
            if piece == "'":
                above = Node("row", "", (*above.parts, Node("operator", "′")))
            elif piece == "_":
                below = self.argument(depth)
            else:
                above = self.argument(depth)
        return Node("scripts", "", (base, below, above)) if has_scripts else base

    def argument(self, depth: int) -> Node:
        """Return a group in braces, or a single part without braces."""
        if depth > MAX_DEPTH:
            raise NotConvertedError("nested too deeply")
        piece = self.peek()
        if piece[:1].isdigit() and len(piece) > 1:
            # Without braces an argument is one character, as in TeX: `\frac12` is one half.
            self.pieces[self.at] = piece[1:]
            return Node("number", piece[0])
        if piece != "{":
            return self.part(depth + 1)
        self.take()
        inside = self.row(frozenset(), depth + 1)
        if self.take() != "}":
            raise NotConvertedError("unclosed brace")
        return inside

    def part(self, depth: int) -> Node:
        """Return the next part, without scripts."""
        piece = self.peek()
        if piece == "{":
            return self.argument(depth)
        self.take()
        if piece.startswith("\\"):
            return self.command(piece[1:], depth)
        if piece[0].isdigit():
            return Node("number", piece)
        if piece.isalpha():
            return Node("letter", piece)
        if piece in "&#$}_^%":
            raise NotConvertedError(f"unexpected {piece}")
        return Node("operator", {"-": "−", "*": "∗"}.get(piece, piece))

    def command(self, name: str, depth: int) -> Node:
        r"""Return the node of the command `\name`."""
        for kind, symbols in (
            ("letter", LETTERS),
            ("operator", OPERATORS),
            ("big", _BIG_SYMBOLS),
            ("operator", _FENCE_SYMBOLS),
        ):
            if name in symbols:
                return Node(kind, symbols[name])
        if name in _FUNCTIONS:
            return Node("function", name)
        if name in _SPACES:
            return Node("space", str(_SPACES[name]))
        if name in _IGNORED:
            return EMPTY
        if name in "%#&_$":
            return Node("operator", name)
        if name in _ACCENTS:
            return Node("accent", _ACCENTS[name], (self.argument(depth),))
        if name in _FONTS:
            return Node("font", _FONTS[name], (self.argument(depth),))
        if name in _TEXTS:
            return Node("font", _TEXTS[name], (Node("text", self.words()),))
        return self.built(name, depth)

    def built(self, name: str, depth: int) -> Node:
        r"""Return a fraction, a root, a fence or an environment."""
        if name in ("frac", "dfrac", "tfrac", "cfrac"):
            return Node("fraction", "", (self.argument(depth), self.argument(depth)))
        if name == "binom":
            return Node("binomial", "", (self.argument(depth), self.argument(depth)))
        if name == "sqrt":
            degree = EMPTY
            if self.peek() == "[":
                self.take()
                degree = self.row(frozenset("]"), depth + 1)
                self.take()
            return Node("root", "", (self.argument(depth), degree))
        if name == "left":
            return self.fenced(depth)
        if re.fullmatch(r"[bB]ig+[lrm]?", name):
            return Node("operator", self.fence())
        if name == "begin":
            return self.environment(depth)
        raise NotConvertedError(rf"\{name} is not supported")

    def fenced(self, depth: int) -> Node:
        r"""Return the content of `\left( ... \right)`, with its fences."""
        opening = self.fence()
        inside = self.row(frozenset(), depth + 1)
        if self.take() != r"\right":
            raise NotConvertedError(r"\left without \right")
        closing = self.fence()
        return Node("fenced", "", (Node("operator", opening), inside, Node("operator", closing)))

    def fence(self) -> str:
        r"""Return the fence symbol after `\left` or `\right`; empty for a dot."""
        piece = self.take()
        if piece == ".":
            return ""
        if piece in "()[]|/<>":
            return {"<": "⟨", ">": "⟩"}.get(piece, piece)
        if piece.startswith("\\") and piece[1:] in _FENCE_SYMBOLS:
            return _FENCE_SYMBOLS[piece[1:]]
        raise NotConvertedError(f"{piece} is not a fence")

    def words(self) -> str:
        r"""Return the text in the braces of `\text{...}`, which must not contain commands."""
        if self.take() != "{":
            raise NotConvertedError("missing brace")
        words: list[str] = []
        while self.at < len(self.pieces) and (piece := self.pieces[self.at]) != "}":
            self.at += 1
            if piece.startswith("\\") and piece[1:] not in ("%", "#", "&", "_", "$", " "):
                raise NotConvertedError(f"{piece} in text")
            words.append(" " if piece[0] in " \t\r\n~" else piece.removeprefix("\\"))
        self.take()
        return "".join(words)

    def environment(self, depth: int) -> Node:
        r"""Return the content of `\begin{name} ... \end{name}`: the cells of its rows."""
        name = self.words()
        kind = name.removesuffix("*")
        if kind not in _GRIDS and kind not in _ALIGNED and kind != "array":
            raise NotConvertedError(f"the environment {name} is not supported")
        if kind in ("array", "alignat") and self.peek() == "{":
            self.words()
        rows: list[Node] = []
        cells: list[Node] = []
        while True:
            cells.append(self.row(frozenset(("&", "\\\\")), depth + 1))
            piece = self.take()
            if piece == "&":
                continue
            rows.append(Node("row", "", tuple(cells)))
            cells = []
            if piece == "\\\\":
                continue
            if piece != r"\end" or self.words() != name:
                raise NotConvertedError(rf"\begin{{{name}}} without \end")
            break
        if len(rows) > 1 and rows[-1].parts == (EMPTY,):
            rows.pop()
        if kind in _ALIGNED:
            return Node("aligned", "", tuple(rows))
        opening, closing = _GRIDS.get(kind, ("", ""))
        grid = Node("grid", "cases" if kind == "cases" else "", tuple(rows))
        return Node("fenced", "", (Node("operator", opening), grid, Node("operator", closing)))
