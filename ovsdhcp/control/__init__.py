"""Talking to the running server over its Unix socket: both ends, and what may be asked."""
