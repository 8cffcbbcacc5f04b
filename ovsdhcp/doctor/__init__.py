"""Why clients get nothing, looked for from outside: Open vSwitch, the table, the server, others."""
