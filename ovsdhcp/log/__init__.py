"""The log: one line for each thing that happened, whoever tells it.

logfmt      fields as a line of `key=value`
form        a record of `logging` as such a line, or as JSON; Ryu's records and warnings too
writer      lines on their way to standard error, which nobody waits for
exchanges   the transactions, repeated refusals summed up
"""
