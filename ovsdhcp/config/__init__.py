"""The lease table: YAML in, one immutable Config out, every error with its place in the file."""
