"""ovsdhcp beside its peers; each program here is one command, and says what it measured."""
