"""A fresh PostgreSQL database per measurement, reached through `psql`."""

import subprocess
from urllib.parse import urlsplit


class Database:
    """Made by `with`, dropped after it."""

    name = "achub_peers"

    def __init__(self, server):
        self.server = server
        parts = urlsplit(server)
        # Some programs want a password even where the server asks for none.
        user = f"{parts.username or 'postgres'}:{parts.password or 'none'}"
        self.url = f"postgres://{user}@{parts.hostname}:{parts.port or 5432}/{self.name}"
        self.parts = urlsplit(self.url)

    def __enter__(self):
        self._run(self.server, f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
        self._run(self.server, f"CREATE DATABASE {self.name}")
        return self

    def __exit__(self, *_):
        self._run(self.server, f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    def ids(self, table):
        """The ids in a table, each as often as it is there."""
        return [int(line) for line in self._run(self.url, f"SELECT id FROM {table}").split()]

    @staticmethod
    def version(server):
        """Version and durability of the server."""
        query = "SELECT current_setting('server_version') || ', fsync ' || current_setting('fsync')"
        return Database._run(server, query).strip()

    @staticmethod
    def _run(url, statement):
        command = ["psql", "--quiet", "--no-align", "--tuples-only", "--dbname", url, "--command", statement]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{statement}: {done.stderr.strip()}")
        return done.stdout
