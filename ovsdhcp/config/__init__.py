"""The lease table: YAML in, one immutable Config out, every error with its place in the file.

`loading.load` is the way in and `table` is what comes out. Between them, in the order of the work:
`syntax` and `reading` (text to plain values), `scalars`, `document` and `validation` (plain values
to models), `settings`, `subnets` and `assembly` (models to the Config). `problems` is what is wrong
and how it is said; `places` finds where it stands. `json_text` is a faster way from text to values.

`apart` has all of this done in another process, and gets the Config through `packing` and `hosts`.
"""
