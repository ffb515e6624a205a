"""The index of what is expensive to compute: full text, the commits that name experiments, similar experiments.

The index holds only what can be computed again: every answer is the same without it, and a doubtful index is rebuilt.

    location             the path of the index file, and the file systems that are unsafe for it
    store                the index file: reading, changing, checking and replacing it
    freshness            whether a file, or the branches, changed since they were read
    subtrees             the experiments of a log: after an edit only changed subtrees are parsed
    query, documents, ranking, passages, hits, search    full-text search
    folding              text normalization for the search
    commit_references    the commits that name experiments
    similarity           experiments that tried the same idea, found by the package `similar`
    derived_values       small values stored under the digest of what they are derived from
"""
