"""The pages of a log, for a browser: each calls a method of `Log` and fills a template."""
