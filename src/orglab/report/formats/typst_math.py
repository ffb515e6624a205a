"""Formulas in typst's math syntax: symbols are written as characters, so no user text is read as a typst name."""

from orglab.report.characters import printable
from orglab.report.tex import EMPTY, Node, read_tex

_FONTS = {
    "upright": "upright", "bold": "bold", "script": "cal", "double": "bb", "italic": "italic", "sans": "sans",
    "mono": "mono", "fraktur": "frak",
}  # fmt: skip
_ACCENTS = {"^": "hat", "¯": "overline", "~": "tilde", "→": "arrow", "˙": "dot", "¨": "dot.double", "_": "underline"}
_LIMITS = frozenset(("argmax", "argmin", "inf", "lim", "max", "min", "sup", "liminf", "limsup"))


def to_typst_math(tex: str) -> str:
    """Return a formula for use inside typst's `$ $`.

    Raises:
        NotConvertedError: The formula is invalid, or contains something unsupported.
    """
    return _write(read_tex(tex))


def string(text: str) -> str:
    """Return a text as a typst string literal."""
    return '"' + printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _write(node: Node) -> str:
    """Return a node, with spaces around it to separate it from its neighbours."""
    match node.kind:
        case "letter":
            # Adjacent letters would be read as a typst name.
            return f" {node.text} " if len(node.text) == 1 else string(node.text)
        case "number":
            return f" {node.text} "
        case "operator" | "big":
            return _sign(node.text)
        case "function":
            limits = "true" if node.text in _LIMITS else "false"
            return f" op({string(node.text)}, limits: #{limits}) "
        case "text":
            return string(node.text)
        case "space":
            return f" #h({node.text}em) "
        case "row":
            return "".join(_write(part) for part in node.parts) or " zws "
    return _built(node)


def _sign(text: str) -> str:
    """Return a symbol, escaped if it might be typst syntax."""
    if not text:
        return ""
    return f" \\{text} " if text.isascii() else f" {text} "


def _built(node: Node) -> str:
    """Return a node made of several parts."""
    if node.kind in ("grid", "aligned"):
        return _table(node)
    # typst does not accept empty arguments, so those become a zero-width space.
    parts = [_write(part) or " zws " for part in node.parts]
    match node.kind:
        case "fraction":
            return f" frac({parts[0]}, {parts[1]}) "
        case "binomial":
            return f" binom({parts[0]}, {parts[1]}) "
        case "root":
            return f" sqrt({parts[0]}) " if node.parts[1] == EMPTY else f" root({parts[1]}, {parts[0]}) "
        case "accent":
            return f" {_ACCENTS[node.text]}({parts[0]}) "
        case "font":
            return f" {_FONTS[node.text]}({parts[0]}) "
        case "scripts":
            below = f", b: {parts[1]}" if node.parts[1] != EMPTY else ""
            above = f", t: {parts[2]}" if node.parts[2] != EMPTY else ""
            return f" attach({parts[0]}{below}{above}) "
    return f" lr({''.join(parts)}) "


def _table(node: Node) -> str:
    """Return a matrix, cases or aligned lines."""
    rows = [[_write(cell) for cell in row.parts] for row in node.parts]
    if node.kind == "aligned":
        return " \\\n ".join(" & ".join(row) for row in rows)
    if node.text == "cases":
        return " mat(delim: #none, align: #left, " + "; ".join(", ".join(row) for row in rows) + ") "
    return " mat(delim: #none, " + "; ".join(", ".join(row) for row in rows) + ") "
