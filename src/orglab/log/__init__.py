"""The log's file: read, edited, verified and written, merged and committed."""
