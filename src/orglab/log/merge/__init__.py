"""Three-way merge of a log, by headings, list items and fields rather than lines.

`node` parses a text into a tree of parts; `pairs` matches the parts of two
versions; `merge` combines the versions, `head` the first lines of parts.
"""

from orglab.log.merge.merge import Merged, merge

__all__ = ["Merged", "merge"]
