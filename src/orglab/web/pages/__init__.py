"""The pages, each a function of what the log has; see `site.Page`."""
