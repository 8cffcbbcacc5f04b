"""The manual pages in `man/`, from what the commands and the lease table say of themselves.

    roff        text as man(7) wants it
    commands    ovsdhcp(1), from the commands of click
    table       ovsdhcp.yaml(5), from the lease table's JSON Schema

`python -m manual` writes them anew; a test holds that they are fresh.
"""
