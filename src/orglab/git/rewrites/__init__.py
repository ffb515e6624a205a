"""Which commit became which, after a rebase, an amend or a squash."""
