"""The commands of a finished run of the pipeline as the shell script that somebody would have written instead."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sip_luigi.programs.environment import casarc_text, tool_environment

Step = Mapping[str, Any]
BAND = "band"
_PART = re.compile(r"\.part-[0-9a-f]{8}")

HEAD = """\
step() {
    name=$1; began=$(date +%s.%N); shift
    "$@" || exit 1
    echo "$name $began $(date +%s.%N)" >> "$TIMES"
}
"""


@dataclass
class ShellScript:
    """The script and its files.

    Attributes
    ----------
    products : Path
        Where the pipeline made the products of the observation.
    directory : Path
        Where the script makes the same ones.
    parallel : int
        Chains that it runs at a time.
    """

    products: Path
    directory: Path
    parallel: int
    _written: int = field(default=0)

    @property
    def path(self) -> Path:
        """The script to run."""
        return self.directory / "run.sh"

    @property
    def times(self) -> Path:
        """What each step took: name, begin and end, s."""
        return self.directory / "times"

    def write(self, raw: Mapping[str, Path]) -> None:
        """Write the script; `raw` has the raw MeasurementSet of each subband."""
        (self.directory / "input").mkdir(parents=True)
        chains = {name: self._chain(name, [describe(path)]) for name, path in sorted(raw.items())}
        for name, lines in {**chains, BAND: self._chain(BAND, [])}.items():
            (self.directory / f"{name}.sh").write_text("\n".join([HEAD, *lines, ""]), encoding="utf-8")
        self.path.write_text("\n".join(self._main(chains)), encoding="utf-8")

    def _main(self, chains: Iterable[str]) -> Iterator[str]:
        casarc = self.directory / "input" / "casarc"
        casarc.write_text(casarc_text(), encoding="utf-8")
        yield "set -e"
        for name, value in {**tool_environment(str(casarc)), "TIMES": str(self.times)}.items():
            yield f"export {name}={shlex.quote(value)}"
        scripts = " ".join(shlex.quote(f"{self.directory}/{name}.sh") for name in chains)
        yield f"echo {scripts} | xargs -n 1 -P {self.parallel} sh"
        yield f"sh {shlex.quote(f'{self.directory}/{BAND}.sh')}\n"

    def _chain(self, name: str, first: Iterable[Step]) -> list[str]:
        lines = [line for step in first for line in self._line(step, self._output("log"))]
        for spec in specs(self.products / name):
            part, job = self._moved(spec["part"]), self._moved(spec["directory"])
            # Steps that judge read what the programs before them have printed.
            log = shlex.quote(f"{job}/log")
            lines += [f"mkdir -p {shlex.quote(part)} {shlex.quote(job)}", f"cd {shlex.quote(part)}"]
            lines += [line for step in spec["steps"] for line in self._line(step, log)]
        return lines

    def _line(self, step: Step, log: str) -> Iterator[str]:
        if "write" in step:
            text = self._keep(self._moved(step["text"]))
            yield f"step write cp {text} {shlex.quote(self._moved(step['write']))}"
        elif "argv" in step:
            words = [self._moved(word) for word in step["argv"]]
            yield f"step {words[0]} {shlex.join(words)} >> {log} 2>&1"
        elif step.get("call") == "copy":
            request = json.loads(self._moved(json.dumps(step["request"])))
            made = ("mv", request["transfer"]) if "transfer" in request else ("ln", "-s", request["source"])
            yield f"step copy {shlex.join((*made, request['destination']))}"
        elif "call" in step:
            request = self._keep(self._moved(json.dumps(step["request"])))
            argv = (sys.executable, "-m", "sip_luigi.node", step["call"])
            outputs = f"> {self._output('json')} 2> {self._output('log')}"
            yield f"step {step['call']} {shlex.join(argv)} < {request} {outputs}"

    def _keep(self, text: str) -> str:
        path = self.directory / "input" / f"{self._next():04d}"
        path.write_text(text, encoding="utf-8")
        return shlex.quote(str(path))

    def _output(self, kind: str) -> str:
        return shlex.quote(f"{self.directory}/input/{self._next():04d}.{kind}")

    def _next(self) -> int:
        self._written += 1
        return self._written

    def _moved(self, text: str) -> str:
        """The same with paths of the script's own directory, and no temporary names."""
        return _PART.sub("", text.replace(f"{self.products}/", f"{self.directory}/"))


def describe(raw: Path) -> Step:
    """The look at raw data that tells what the parsets have to say."""
    return {"call": "describe", "request": {"path": str(raw)}}


def specs(folder: Path) -> list[dict[str, Any]]:
    """The jobs whose products lie in a folder, in the order in which they were made."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob(".jobs/*/spec.json")]
    record = (folder / "made.jsonl").read_text(encoding="utf-8").splitlines()
    order = [json.loads(line)["path"] for line in record]
    return sorted(found, key=lambda spec: order.index(spec["product"]["path"]))
