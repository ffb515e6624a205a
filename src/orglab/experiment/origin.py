"""What an entry of the log was made of by `orglab import`, so that it is not made again."""

from orglab.org.document import Document

SOURCE = "IMPORTED_FROM"
"""The property with the file and the heading, or the tracker and its experiment."""
DIGEST = "IMPORTED_DIGEST"
"""The property with a digest of the text of the heading."""


class Origins:
    """The entries that a log has, by what they were made of."""

    def __init__(self, document: Document) -> None:
        """Read the properties of the headings of a log."""
        self._digests: dict[str, str] = {}
        self._headings: dict[str, str] = {}
        if SOURCE.encode() not in document.text:
            return
        for heading in document.headings():
            properties = heading.properties
            if (source := properties.get(SOURCE)) is not None:
                self._digests.setdefault(source, properties.get(DIGEST, ""))
                self._headings.setdefault(properties.get(DIGEST, ""), source)

    def find_status(self, name: str, digest: str) -> str:
        """Return whether an entry is `new`, `known`, or `changed` since it was made."""
        # A file that was renamed still has the same text.
        if digest in self._headings:
            return "known"
        return "changed" if name in self._digests else "new"
