"""What was handed out, kept where it survives a restart: one SQLite file in the state folder.

The lease table is the truth of who has which address, so a journal that is lost, full, locked or
broken loses history (and probations), never an address. `file` is the file, `rows` what is in it,
`journal` who writes it, and what is told when that fails.

Changed records are written about every second, all or none of them: a crash loses what changed
since the last such batch, and nothing else, be it of the server or (each is synced) of the machine.
Batches that take long come less often, but within a minute of the last: 100,000 records are one to
two seconds' work, so that where all renew all the time they are written twice a minute.

In memory times are of a clock that only goes forward; the file has seconds since 1970, converted
when a batch is written and when it is read back. If that clock is set, times written before keep
the old reckoning until their record changes. Set forward while the server is down, a lease or a
probation is over earlier by as much; set back, what would be in the future counts as just
written, so a probation begins anew and is not longer than it was.
"""

from ovsdhcp.journal.file import NAME, JournalError, read
from ovsdhcp.journal.journal import Journal, Status

__all__ = ["NAME", "Journal", "JournalError", "Status", "read"]
