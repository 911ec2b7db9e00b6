"""Postgres, of Debian's package or wherever it lies, with a database for Prefect and one for MLflow."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from infra.stack.service import Service
from kws_core.errors import ClusterError

USER = "kws"
DATABASES = ("prefect", "mlflow")
SYSTEM_USER = "postgres"
"""Who runs it where the caller is root, as which Postgres refuses to run; Debian's package makes this user."""


def program(name: str) -> str:
    """Path of one of its programs; raises `ClusterError` where there is none."""
    if found := shutil.which(name):
        return found
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    for folder in reversed(folders):
        if (folder / name).exists():
            return str(folder / name)
    raise ClusterError(f"Postgres' {name} is not here: install Postgres 13 or newer (Debian: postgresql)")


def postgres(folder: Path, log: Path, port: int, password: str) -> Service:
    """A new server below `folder`, on loopback; only who has the password may connect."""
    user = SYSTEM_USER if os.geteuid() == 0 else None
    folder.mkdir()
    data, secret = folder / "data", folder / "password"
    secret.write_text(password, encoding="utf-8")
    secret.chmod(0o600)
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    if user:
        try:
            shutil.chown(folder, user)
            shutil.chown(secret, user)
        except LookupError:
            raise ClusterError(f"Postgres does not run as root, and there is no user {user} to run it") from None
    options = ["--pgdata", str(data), "--username", USER, "--pwfile", str(secret), "--auth=scram-sha-256"]
    done = subprocess.run(  # noqa: S603
        [program("initdb"), *options, "--encoding=UTF8", "--no-locale", "--no-sync"],
        cwd=folder,
        env=env,
        user=user,
        capture_output=True,
        text=True,
        check=False,
    )
    secret.unlink()
    if done.returncode:
        raise ClusterError(f"initdb failed: {' '.join(done.stderr.split())}")

    def is_ready(_: Service) -> bool:
        return create_databases(port, password)

    # no socket in the file system; nothing of it is kept, so nothing is synced
    command = [program("postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", "", "-c", "fsync=off"]
    # SIGINT is its fast shutdown, which does not wait for clients
    return Service("postgres", command, env, folder, log, is_ready, user=user, ask_to_end=signal.SIGINT)


def create_databases(port: int, password: str) -> bool:
    """Create the databases that are not there, empty; False where the server does not answer yet."""
    import psycopg2

    try:
        connection = psycopg2.connect(host="127.0.0.1", port=port, user=USER, password=password, dbname="postgres")
    except psycopg2.OperationalError:
        return False
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database")
            there = {name for (name,) in cursor.fetchall()}
            for name in set(DATABASES) - there:
                cursor.execute(f"CREATE DATABASE {name}")
    finally:
        connection.close()
    return True
