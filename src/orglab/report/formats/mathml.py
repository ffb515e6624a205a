"""Formulas as MathML Core, which browsers typeset and screen readers read."""

from html import escape

from orglab.report.characters import printable
from orglab.report.tex import EMPTY, Node, read_tex

# MathML Core writes styled letters as separate characters: the code points of A, a and 0 in each style.
_ALPHABETS = {
    "bold": (0x1D400, 0x1D41A, 0x1D7CE),
    "script": (0x1D49C, 0x1D4B6, 0),
    "double": (0x1D538, 0x1D552, 0x1D7D8),
    "sans": (0x1D5A0, 0x1D5BA, 0x1D7E2),
    "mono": (0x1D670, 0x1D68A, 0x1D7F6),
    "fraktur": (0x1D504, 0x1D51E, 0),
}
_BRACKETS = frozenset("()[]{}|‖⟨⟩⌊⌋⌈⌉/")
# Letters that Unicode encodes elsewhere, because they existed before the alphabets.
_HOLES = {
    "script": dict(zip("BEFHILMRego", "ℬℰℱℋℐℒℳℛℯℊℴ", strict=True)),
    "double": dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True)),
    "fraktur": dict(zip("CHIRZ", "ℭℌℑℜℨ", strict=True)),
}


def to_mathml(tex: str, *, display: bool) -> str:
    """Return a formula as a `math` element.

    Args:
        tex: LaTeX without the dollar signs or brackets around it.
        display: Whether it is a display formula.

    Raises:
        NotConvertedError: The formula is invalid, or contains something unsupported.
    """
    kind = ' display="block"' if display else ""
    body = _write(read_tex(tex), "")
    return f"<math{kind}><semantics><mrow>{body}</mrow>{_source(tex)}</semantics></math>"


def _source(tex: str) -> str:
    """Return the LaTeX source as an annotation, for copying."""
    return f'<annotation encoding="application/x-tex">{escape(printable(tex))}</annotation>'


def _write(node: Node, font: str) -> str:
    """Return a node in the font of its context."""
    match node.kind:
        case "letter":
            upright = ' mathvariant="normal"' if font == "upright" else ""
            return f"<mi{upright}>{_styled(node.text, font)}</mi>"
        case "number":
            return f"<mn>{_styled(node.text, font)}</mn>"
        case "operator":
            # Without `\left` and `\right`, brackets keep their size.
            fixed = ' stretchy="false"' if node.text in _BRACKETS else ""
            return f"<mo{fixed}>{escape(node.text)}</mo>" if node.text else ""
        case "big":
            return f"<mo>{node.text}</mo>"
        case "function":
            return f"<mi>{node.text}</mi>"
        case "text":
            return f"<mtext>{_styled(node.text, font)}</mtext>"
        case "space":
            return f'<mspace width="{node.text}em"/>'
        case "font":
            return "".join(_write(part, node.text) for part in node.parts)
        case "row":
            return "".join(_write(part, font) for part in node.parts)
    return _built(node, font)


def _built(node: Node, font: str) -> str:
    """Return a node made of several parts."""
    if node.kind in ("grid", "aligned"):
        return _table(node, font)
    if node.kind == "scripts":
        return _scripts(node, font)
    parts = [f"<mrow>{_write(part, font)}</mrow>" for part in node.parts]
    if node.kind == "fraction":
        return f"<mfrac>{''.join(parts)}</mfrac>"
    if node.kind == "binomial":
        return f'<mrow><mo>(</mo><mfrac linethickness="0">{"".join(parts)}</mfrac><mo>)</mo></mrow>'
    if node.kind == "root":
        return f"<msqrt>{parts[0]}</msqrt>" if node.parts[1] == EMPTY else f"<mroot>{''.join(parts)}</mroot>"
    if node.kind == "accent":
        if node.text == "_":
            return f"<munder>{parts[0]}<mo>_</mo></munder>"
        return f'<mover accent="true">{parts[0]}<mo>{node.text}</mo></mover>'
    opening, inside, closing = node.parts
    fences = [
        f'<mo stretchy="true" fence="true">{escape(sign.text)}</mo>' if sign.text else "" for sign in (opening, closing)
    ]
    return f"<mrow>{fences[0]}{_write(inside, font)}{fences[1]}</mrow>"


def _scripts(node: Node, font: str) -> str:
    """Return a base with its subscript and superscript."""
    base, below, above = (f"<mrow>{_write(part, font)}</mrow>" for part in node.parts)
    has_below, has_above = node.parts[1] != EMPTY, node.parts[2] != EMPTY
    limits = node.parts[0].kind == "big" and node.parts[0].text not in "∫∬∮"
    limits = limits or (node.parts[0].kind == "function" and node.parts[0].text in "argmax argmin inf lim max min sup")
    under, over, both = ("munder", "mover", "munderover") if limits else ("msub", "msup", "msubsup")
    if has_below and has_above:
        return f"<{both}>{base}{below}{above}</{both}>"
    if has_below:
        return f"<{under}>{base}{below}</{under}>"
    return f"<{over}>{base}{above}</{over}>" if has_above else base


def _table(node: Node, font: str) -> str:
    """Return a matrix, cases or aligned lines."""
    rows = []
    for row in node.parts:
        cells = []
        for column, cell in enumerate(row.parts):
            align = ""
            if node.kind == "aligned":
                align = ' class="' + ("l" if column % 2 else "r") + '"'
            elif node.text == "cases":
                align = ' class="l"'
            cells.append(f"<mtd{align}>{_write(cell, font)}</mtd>")
        rows.append(f"<mtr>{''.join(cells)}</mtr>")
    style = ' displaystyle="true"' if node.kind == "aligned" else ""
    return f"<mtable{style}>{''.join(rows)}</mtable>"


def _styled(text: str, font: str) -> str:
    """Return a text in the characters of a font, escaped."""
    places = _ALPHABETS.get(font)
    if places is None:
        return escape(printable(text))
    capital, small, digit = places
    holes = _HOLES.get(font, {})
    chars = []
    for char in text:
        if char in holes:
            chars.append(holes[char])
        elif "A" <= char <= "Z":
            chars.append(chr(capital + ord(char) - 0x41))
        elif "a" <= char <= "z":
            chars.append(chr(small + ord(char) - 0x61))
        elif "0" <= char <= "9" and digit:
            chars.append(chr(digit + ord(char) - 0x30))
        else:
            chars.append(char)
    return escape(printable("".join(chars)))
