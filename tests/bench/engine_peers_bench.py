"""The engine beside Kafka Streams, at the peers' work: `python -m tests.bench engine --peers FOLDER`.

FOLDER is that of the peers' benchmark (or `ROLLCALL_BENCH_PEERS` names it), which makes the marks, runs every program
under one contract, and checks what comes of it. A broker of our own is started; each round runs, one after the other on
the same core, Kafka Streams on marks, Kafka Streams on our registers, the engine on registers, and at last the engine
on single marks and with the policy that is shipped. Ratios are those of a round, their median is told.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from tests import servers
from tests.bench.peers.registers import SIZE, make_topics, names
from tests.bench.report import Figure

VARIABLE = "ROLLCALL_BENCH_PEERS"
PUPILS, ROUNDS, TOPIC = 5000, 3, "marks"
JAVA_SOURCES = Path(__file__).with_name("peers") / "java" / "bench"
ROOT = Path(__file__).parents[2]

Said = dict[str, Any]


def has_peers(given: str | None) -> bool:
    """Whether somebody says where the peers are."""
    return bool(given or os.environ.get(VARIABLE))


def folder_of_peers(given: str | None) -> Path:
    """The peers' folder; SystemExit that says what is missing."""
    found = given or os.environ.get(VARIABLE)
    if not found:
        raise SystemExit(f"where is the peers' benchmark? Name its folder: --peers FOLDER, or {VARIABLE}=FOLDER")
    if not (Path(found) / "run.py").exists():
        raise SystemExit(f"{found} is not the folder of the peers' benchmark: there is no run.py in it")
    return Path(found).resolve()


def run(peers: str | None = None, rounds: int = ROUNDS, pupils: int = PUPILS) -> list[Figure]:
    """The ratios of the engine's rate to the peers', and what a million marks costs."""
    bench = _Bench(folder_of_peers(peers))
    with servers.kafka() as kafka:
        bench.use(kafka)
        bench.peers_program("generate.py", "--pupils", str(pupils), "--topic", TOPIC)
        os.environ["KAFKA_BOOTSTRAP"] = kafka.bootstrap
        for size in (SIZE, 1):
            make_topics(bench.peers, TOPIC, size)
        rows = [_round(bench) for _ in range(rounds)]
        alone = bench.engine("--size", "1")
        shipped = bench.engine("--shipped")
    return _figures(rows, alone, shipped)


class _Bench:
    """Runs programs under the peers' contract."""

    def __init__(self, peers: Path) -> None:
        self.peers = peers
        self.scratch = Path(tempfile.mkdtemp(prefix="rollcall-peers-"))
        self._environment = {**os.environ, "BENCH_SCRATCH": str(self.scratch), "PYTHONDONTWRITEBYTECODE": "1"}
        self._java = ""

    def use(self, kafka: servers.Kafka) -> None:
        """The broker that all run against."""
        self._environment |= {"KAFKA_BOOTSTRAP": kafka.bootstrap, "BENCH_BROKER_PID": str(kafka.pid)}

    def peers_program(self, name: str, *arguments: str, **more: str) -> str:
        """What one of the peers' own programs prints."""
        command = [sys.executable, str(self.peers / name), *arguments]
        done = subprocess.run(
            command, env=self._environment | more, cwd=ROOT, check=False, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"{name} {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
        return done.stdout

    def _measured(self, *arguments: str, **more: str) -> Said:
        printed = self.peers_program("run.py", "--topic", TOPIC, *arguments, **more).splitlines()[-1]
        said: Said = json.loads(printed[printed.index("{") :])  # Maven writes colours before it
        if not said["correct"] and said["peer"] != "rollcall-shipped":
            raise SystemExit(f"the run is void, the digest is another one: {said}")
        print(f"  {said['peer']}: {said['events_per_s']:,} marks/s, {_cpu(said):.2f} CPU s a million", flush=True)
        return said

    def kafka_streams(self) -> Said:
        """The peer on single marks."""
        return self._measured("kafka-streams")

    def kafka_streams_on_registers(self) -> Said:
        """The peer on our registers."""
        classpath = self._java or self._compile()
        java = ["java", "-XX:+UseSerialGC", "-Xms1g", "-Xmx1g", "-cp", classpath, "bench.Registers"]
        ledger, _ = names(TOPIC, SIZE)
        return self._measured("--name", "kafka-streams-registers", "--command", shlex.join(java), BENCH_LEDGER=ledger)

    def engine(self, *arguments: str) -> Said:
        """The engine itself."""
        ours = [sys.executable, "-m", "tests.bench.peers.rollcall", "--peers", str(self.peers), *arguments]
        name = "-".join(["rollcall", *(one.removeprefix("--") for one in arguments)])
        return self._measured("--name", name, "--postgres", "--command", shlex.join(ours))

    def _compile(self) -> str:
        """Our classes with the peer's own, whose jars its first run has fetched."""
        libraries, classes = self.scratch / "java" / "libs" / "*", self.scratch / "registers"
        theirs = self.peers / "peers" / "kafka-streams" / "src" / "main" / "java" / "bench"
        sources = [str(theirs / f"{name}.java") for name in ("Meter", "Rules", "Sheet")]
        ours = [str(source) for source in JAVA_SOURCES.glob("*.java")]
        subprocess.run(["javac", "-cp", str(libraries), "-d", str(classes), *sources, *ours], check=True)
        self._java = f"{classes}{os.pathsep}{libraries}"
        return self._java


def _round(bench: _Bench) -> tuple[Said, Said, Said]:
    return bench.kafka_streams(), bench.kafka_streams_on_registers(), bench.engine()


def _cpu(said: Said) -> float:
    """CPU seconds for a million marks, PostgreSQL's included."""
    return said["cpu_s_per_million"] + said["store_cpu_s_per_million"]


def _figures(rows: list[tuple[Said, Said, Said]], alone: Said, shipped: Said) -> list[Figure]:
    whole, warm = "events_per_s", "second_half_events_per_s"

    def ratio(peer: int, of_ours: str, of_theirs: str) -> float:
        return median(row[2][of_ours] / row[peer][of_theirs] for row in rows)

    ours = median(row[2][whole] for row in rows)
    crossings = {row[2]["crossings"] for row in rows}
    return [
        Figure("engine, the peers' work", "x Kafka Streams, whole run", ratio(0, whole, whole), 3,
               note=f"{ours:,.0f} marks/s"),
        Figure("engine, the peers' work", "x Kafka Streams, its second half", ratio(0, whole, warm), 2),
        Figure("engine, the peers' work", "x Kafka Streams on our registers", ratio(1, whole, whole), 1),
        Figure("engine, the peers' work", "CPU s a million marks", median(_cpu(row[2]) for row in rows), 2.5,
               at_most=True, note=f"PostgreSQL included; crossings {', '.join(sorted(crossings))}"),
        Figure("Kafka Streams", "CPU s a million marks", median(_cpu(row[0]) for row in rows), None),
        Figure("Kafka Streams on our registers", "CPU s a million marks", median(_cpu(row[1]) for row in rows), None),
        Figure("engine, one mark a message", "marks/s", alone[whole], None, note=f"{_cpu(alone):.2f} CPU s a million"),
        Figure("engine, every kind of the shipped policy", "marks/s", shipped[whole], None,
               note=f"{_cpu(shipped):.2f} CPU s a million"),
    ]  # fmt: skip
