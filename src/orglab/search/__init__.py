"""The cache of what is dear to make: full text, the commits that name experiments, likeness.

Nothing is in it alone, every answer is the same without it, and on any doubt it is made anew.

    location    the file it lies in, and which file systems are not to be trusted
    store       that file: asked, changed, doubted, dropped
    freshness   whether a file, and the branches, are still as they were when they were read
    subtrees    which experiments a log has: after an edit only the subtrees whose bytes are new are parsed
    query, documents, ranking, pieces, hits, search    full text
    commit_references    the commits that name experiments
    likeness    what was tried before; how likeness is found is in `similar`
    kept        small things that are kept under a digest
"""
