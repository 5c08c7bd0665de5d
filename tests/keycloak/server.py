"""A real Keycloak, started on a realm of a council (`realm.json`): for what tokens of an issuer that is not ours are.

It comes through Maven into the cache folder of the other servers, is built for its database, and starts there once to
read the realm in. A test's own starts on a copy of that data: in ten seconds where nothing else is going on. Like the
other servers it is an error when it can't be had, never a skip.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.binaries import java_version, made_once
from tests.servers import Server, running, temporary_folder

ARTIFACT = "org.keycloak:keycloak-quarkus-dist:26.7.3:zip"
UNPACK = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack"
REALM_FILE = Path(__file__).with_name("realm.json")
REALM = "council"
SECRET = "a secret of the tests"
ADMIN = {"KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": SECRET}
PARTS = ("bin", "conf", "lib", "providers", "themes")
BUILD = ("--db=dev-file", "--cache=local", "--health-enabled=false", "--metrics-enabled=false")
JVM = [
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("util", "util.concurrent", "security", "lang")),
    "-Djava.util.concurrent.ForkJoinPool.common.threadFactory"
    "=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    "-Dpicocli.disable.closures=true",
]


class Keycloak(Server):
    """One Keycloak with the realm; its clients are `mis-vendor`, and `canteen`, whose tokens are not for us."""

    name = "Keycloak"
    start_seconds = 240  # on a machine that does much else

    def __init__(self, folder: Path, home: Path | None = None, *words: str) -> None:
        super().__init__(folder)
        self.home, self.words = home or keycloak_home(), words

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/{REALM}"

    def environment(self) -> dict[str, str]:
        return {**os.environ, **ADMIN}

    def prepare(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir()
        for part in PARTS:
            (self.data / part).symlink_to(self.home / part)
        shutil.copytree(self.home / "data", self.data / "data")

    def command(self) -> Sequence[str]:
        started = ["start", "--optimized", "--http-enabled=true", "--http-host=127.0.0.1", f"--http-port={self.port}"]
        places = [f"-Dkc.home.dir={self.data}", f"-Djboss.server.config.dir={self.data / 'conf'}"]
        program = ["-cp", str(self.home / "lib" / "quarkus-run.jar"), "io.quarkus.bootstrap.runner.QuarkusEntryPoint"]
        return ["java", *JVM, *places, *program, *started, f"--hostname={self.url}", *self.words]

    def is_ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.issuer}/.well-known/openid-configuration").status_code == 200
        return False

    def token(self, client: str, scope: str) -> str:
        """A token by client credentials."""
        form = {"grant_type": "client_credentials", "scope": scope}
        answer = httpx.post(f"{self.issuer}/protocol/openid-connect/token", data=form, auth=(client, SECRET))
        return str(answer.raise_for_status().json()["access_token"])

    def rotate_keys(self) -> None:
        """Signs with a new key from now on, and publishes the old ones no more."""
        with self._administrator() as client:
            realm = client.get("").raise_for_status().json()["id"]
            kind = "org.keycloak.keys.KeyProvider"
            former = client.get("/components", params={"type": kind}).raise_for_status().json()
            config = {"priority": ["200"], "algorithm": ["RS256"], "enabled": ["true"], "active": ["true"]}
            made = {"name": "next", "providerId": "rsa-generated", "providerType": kind, "parentId": realm}
            client.post("/components", json={**made, "config": config}).raise_for_status()
            for one in former:
                if one["providerId"] == "rsa-generated":
                    client.delete(f"/components/{one['id']}").raise_for_status()

    @contextlib.contextmanager
    def _administrator(self) -> Iterator[httpx.Client]:
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": SECRET}
        answer = httpx.post(f"{self.url}/realms/master/protocol/openid-connect/token", data=form)
        bearer = {"authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}
        with httpx.Client(base_url=f"{self.url}/admin/realms/{REALM}", headers=bearer) as client:
            yield client


@contextlib.contextmanager
def keycloak() -> Iterator[Keycloak]:
    """A running Keycloak."""
    with temporary_folder("keycloak") as folder, running(Keycloak(folder)) as server:
        yield server


def keycloak_home() -> Path:
    """The cache folder with the program and its data; made on first use, by one session at a time."""
    if not shutil.which("java") or not shutil.which("mvn"):
        raise RuntimeError("Keycloak needs Java 17 and Maven on the PATH")
    parts: list[Any] = [ARTIFACT, *BUILD, REALM_FILE.read_text()]
    key = hashlib.sha256(repr(parts).encode() + java_version()).hexdigest()[:12]
    return made_once(f"keycloak-{key}", _make_home)


def _make_home(home: Path) -> None:
    making = home.with_suffix(".making")
    shutil.rmtree(making, ignore_errors=True)
    fetch = ["mvn", "-q", "-B", UNPACK, f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={making}"]
    with temporary_folder("maven") as folder:  # it leaves files where it is called
        subprocess.run(fetch, check=True, stdout=subprocess.DEVNULL, cwd=folder)
    (unpacked,) = making.glob("keycloak-*")
    build = ["sh", str(unpacked / "bin" / "kc.sh"), "build", *BUILD]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    imports = unpacked / "data" / "import"
    imports.mkdir(parents=True)
    shutil.copy(REALM_FILE, imports)
    with temporary_folder("keycloak") as folder:
        with running(Keycloak(folder, unpacked, "--import-realm")) as server:
            server.stop()  # in order, so that its database is whole
        shutil.rmtree(unpacked / "data")
        shutil.copytree(server.data / "data", unpacked / "data")
    unpacked.rename(home)
    shutil.rmtree(making)
