"""A report that was written earlier: its file, its evidence, and whether its text is as it was written."""

import errno
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orglab.errors import NotFoundError
from orglab.git import Repository
from orglab.git.inside import read_inside
from orglab.report.content.text_changes import TextChange, find_changes
from orglab.report.formats.assets import compute_digest
from orglab.report.formats.evidence_block import PDF_MARK, read_evidence
from orglab.report.formats.report_seal import WORDS, is_unchanged_pdf
from orglab.report.formats.visible_words import read_words
from orglab.report.last_report import LastReport
from orglab.text import megabytes

_MAX_SIZE = 300_000_000


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report that was written earlier.

    Attributes:
        file: The path of its file, as it is told to the user.
        content: The content of the file; None if there is none any more.
        evidence: The evidence for its statements.
        sha256: The digest of the content as it was written; empty if it is unknown.
    """

    file: str
    content: bytes | None
    evidence: Mapping[str, Any]
    sha256: str = ""

    @property
    def is_comparable(self) -> bool:
        """Whether its text can be compared with what was written: its file exists, and its evidence has the words."""
        if self.content is None:
            return False
        return self.content.startswith(PDF_MARK) or isinstance(self.evidence.get(WORDS), str)

    def find_changes(self) -> Iterator[TextChange]:
        """Yield the changes of its text since it was written; none if it cannot be compared."""
        if self.content is None or not self.is_comparable or self.sha256 == compute_digest(self.content):
            return
        if self.content.startswith(PDF_MARK):
            if not is_unchanged_pdf(self.content):
                yield TextChange(f"{self.file} is not as it was written: its digest differs")
            return
        now = read_words(self.content)
        if now is None:
            yield TextChange(f"{self.file} holds far more text than was written")
        else:
            yield from find_changes(self.evidence[WORDS].split(), now.words, now.starts)


def read_stored_report(path: Path, last: LastReport, repository: Repository | None) -> StoredReport:
    """Return a report from its file; if that is the last report, its evidence may also be what is remembered of it.

    Raises:
        NotFoundError: The file cannot be read, or there is no evidence for it.
    """
    content = _read_file(path, repository)
    is_last = last.evidence is not None and (
        last.file == str(path.absolute()) or last.sha256 == compute_digest(content)
    )
    try:
        evidence = read_evidence(content)
    except NotFoundError:
        if not is_last:
            raise
        evidence = None
    if evidence is not None:
        return StoredReport(str(path), content, evidence)
    if is_last and last.evidence is not None:
        return StoredReport(str(path), content, last.evidence, last.sha256)
    if not content:
        raise NotFoundError(f"{path} is empty.")
    raise NotFoundError(
        f"{path} contains no evidence; it was not written by `orglab report`, or the evidence was removed."
    )


def read_last_report(last: LastReport, repository: Repository | None) -> StoredReport:
    """Return the last report that was written in a clone, whose file may be gone.

    Raises:
        NotFoundError: There is none, or its file cannot be read.
    """
    if last.evidence is None or last.file is None:
        raise NotFoundError("No report has been written in this clone yet; use `orglab report --check FILE`.")
    path = Path(last.file)
    content = _read_file(path, repository) if path.exists() else None
    return StoredReport(last.file, content, last.evidence, last.sha256)


def _read_file(path: Path, repository: Repository | None) -> bytes:
    try:
        return read_inside(repository, path, _MAX_SIZE)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise NotFoundError(f"{path} is larger than {megabytes(_MAX_SIZE)}, so it is not read.") from error
        raise NotFoundError(f"Cannot read the report {path}: {error.strerror}.") from error
