"""Merging two versions of a log that grew from one: by headings, list items and fields, not by lines.

`node` cuts a text into parts that know what they are; `pairs` finds which part of
one version is which of another; `merge` puts the versions together.
"""

from orglab.log.merge.merge import Merged, merge

__all__ = ["Merged", "merge"]
