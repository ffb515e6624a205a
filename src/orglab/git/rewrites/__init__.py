"""Finding the commits that replaced others in a rebase, an amend or a squash."""
