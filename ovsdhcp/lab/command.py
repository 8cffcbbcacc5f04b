"""Running the commands that the lab is made of, and telling people about them.

Steps and commands are talk and go to stderr; what the lab found out is data and goes to stdout.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class LabError(Exception):
    """Something the lab could not do: what, the command and its words, and what to do about it."""

    def __init__(
        self, what: str, *, command: Sequence[str] = (), said: str = "", advice: str = ""
    ) -> None:
        super().__init__(what)
        self.what = what
        self.command = tuple(command)
        self.said = said.strip()
        self.advice = advice

    def __str__(self) -> str:
        lines = [self.what]
        if self.command:
            lines.append(f"  $ {shlex.join(self.command)}")
        lines += [f"    {line}" for line in self.said.splitlines()]
        if self.advice:
            lines.append(f"  {self.advice}")
        return "\n".join(lines)


class Voice:
    """What the lab says while it works. A quiet one serves tests."""

    def __init__(self, *, verbose: bool = False, quiet: bool = False) -> None:
        self.verbose = verbose
        self.quiet = quiet

    def step(self, text: str) -> None:
        """One line for one thing that is being done."""
        if not self.quiet:
            print(f"lab: {text}", file=sys.stderr, flush=True)

    def command(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """The real command behind a step, for those who asked to see it."""
        if self.verbose and not self.quiet:
            print(f"    $ {as_typed(argv, environment)}", file=sys.stderr, flush=True)

    def show(self, text: str = "") -> None:
        """What the lab is for: results."""
        if not self.quiet:
            print(text, flush=True)


def as_typed(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """A command line as one would type it into a shell."""
    settings = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    return " ".join([*settings, shlex.join(argv)])


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs commands, aloud where its voice is verbose."""

    voice: Voice

    def run(
        self,
        *argv: str,
        doing: str,
        advice: str = "",
        environment: Mapping[str, str] | None = None,
        timeout: float = 30,
    ) -> str:
        """Run a command to its end and return its stdout; a LabError says what we were `doing`."""
        self.voice.command(argv, environment or {})
        try:
            done = subprocess.run(
                argv,
                env=os.environ | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError as error:
            raise LabError(f"cannot {doing}", command=argv, said=str(error)) from error
        except subprocess.TimeoutExpired as error:
            said = f"not done after {timeout:g} s"
            raise LabError(f"cannot {doing}", command=argv, said=said, advice=advice) from error
        if done.returncode:
            said = done.stderr or done.stdout or f"exit status {done.returncode}"
            raise LabError(f"cannot {doing}", command=argv, said=said, advice=advice)
        return done.stdout
