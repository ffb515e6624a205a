"""The parts of a docx file that pandoc does not write as we want them: styles, page, properties and evidence."""

import io
import re
import zipfile
from collections.abc import Mapping
from datetime import UTC
from html import escape
from importlib.resources import files

from orglab.report.blocks import Document
from orglab.report.characters import printable
from orglab.report.formats.evidence_block import pack
from orglab.report.formats.report_seal import describe_words

EVIDENCE_PART = "customXml/item1.xml"
"""The part of the file with the evidence; Word preserves it when saving."""
EVIDENCE_NAMESPACE = "urn:orglab:evidence"
FOOTER_PART = "word/footer1.xml"
"""The part of the file with the page number."""
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_STYLE = re.compile(r'<w:style [^>]*?w:styleId="([^"]*)".*?</w:style>', re.DOTALL)
_CORE = (
    f'<?xml version="1.0" encoding="UTF-8"?>\n<cp:coreProperties xmlns:cp="{_PACKAGE}"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{}</cp:coreProperties>'
)
# A4, with margins of 22 mm, and 20 mm above and below; the tabs of page_styles.xml end at the right one.
_PAGE = (
    f'<w:footerReference xmlns:r="{_OFFICE}" w:type="default" r:id="rIdFooter"/>{{}}'
    '<w:pgSz w:w="11906" w:h="16838"/>'
    '<w:pgMar w:top="1134" w:right="1247" w:bottom="1134" w:left="1247" w:header="624" w:footer="624" w:gutter="0"/>'
)
_NUMBER = '<w:fldSimple w:instr=" {} "><w:r><w:t>1</w:t></w:r></w:fldSimple>'
_FOOTER = (
    f'<?xml version="1.0" encoding="UTF-8"?>\n<w:ftr xmlns:w="{_WORD}"><w:p><w:pPr><w:pStyle w:val="Footer"/></w:pPr>'
    f'{_NUMBER.format("PAGE")}<w:r><w:t xml:space="preserve"> / </w:t></w:r>{_NUMBER.format("NUMPAGES")}</w:p></w:ftr>'
)
_FOOTER_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.footer+xml"


def finish_docx(docx: bytes, document: Document) -> bytes:
    """Return a docx with our styles, page size, page numbers, properties, and the evidence as a custom XML part.

    The same document has the same bytes.
    """
    # Zip files know no earlier time.
    made = document.made.astimezone(UTC).timetuple()[:6] if document.made else _EARLIEST
    moment = max(made, _EARLIEST)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(docx)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        parts = {entry.filename: old.read(entry) for entry in old.infolist()}
        words = describe_words(docx) if document.evidence is not None else {}
        parts |= _make_parts(parts, document, words)
        for name, content in parts.items():
            entry = zipfile.ZipInfo(name, moment)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, content)
    return out.getvalue()


def _make_parts(parts: Mapping[str, bytes], document: Document, words: Mapping[str, str]) -> dict[str, bytes]:
    """Return the parts that differ from pandoc's, by name."""
    changed = {
        "docProps/core.xml": _write_properties(document),
        "word/styles.xml": _change_styles(parts["word/styles.xml"].decode()),
        "word/document.xml": _change_page(parts["word/document.xml"].decode()),
        FOOTER_PART: _FOOTER,
    }
    relations = f'<Relationship Id="rIdFooter" Type="{_OFFICE}/footer" Target="footer1.xml"/>'
    if document.evidence is not None:
        relations += f'<Relationship Id="rIdOrglab" Type="{_OFFICE}/customXml" Target="../{EVIDENCE_PART}"/>'
        block = pack({**document.evidence, **words})
        changed[EVIDENCE_PART] = f'<?xml version="1.0"?>\n<evidence xmlns="{EVIDENCE_NAMESPACE}">{block}</evidence>'
    name = "word/_rels/document.xml.rels"
    changed[name] = parts[name].decode().replace("</Relationships>", f"{relations}</Relationships>")
    override = f'<Override PartName="/{FOOTER_PART}" ContentType="{_FOOTER_TYPE}"/></Types>'
    changed["[Content_Types].xml"] = parts["[Content_Types].xml"].decode().replace("</Types>", override)
    return {name: text.encode() for name, text in changed.items()}


def _change_styles(styles: str) -> str:
    """Return the styles with ours in place of those with the same ids."""
    ours = files("orglab.report.formats").joinpath("page_styles.xml").read_text("utf-8")
    ids = {match.group(1) for match in _STYLE.finditer(ours)}
    others = _STYLE.sub(lambda match: "" if match.group(1) in ids else match.group(), styles)
    return others.replace("</w:styles>", f"{ours}</w:styles>")


def _change_page(body: str) -> str:
    """Return the body with the size of the page; footnotes are numbered through the document."""
    before, _, after = body.rpartition("<w:sectPr>")
    notes = re.match(r"\s*<w:footnotePr>.*?</w:footnotePr>", after, re.DOTALL)
    rest = after[notes.end() :] if notes else after
    return f"{before}<w:sectPr>{_PAGE.format('')}{rest}"


def _write_properties(document: Document) -> str:
    """Return the properties of the file, with the time when the report was made."""
    values = {"title": document.title or "Report", "creator": document.author, "language": document.language}
    lines = [f"<dc:{name}>{escape(printable(value))}</dc:{name}>" for name, value in values.items() if value]
    if document.made is not None:
        moment = document.made.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        kind = 'xsi:type="dcterms:W3CDTF"'
        lines += [f"<dcterms:{name} {kind}>{moment}</dcterms:{name}>" for name in ("created", "modified")]
    return _CORE.format("".join(lines))
