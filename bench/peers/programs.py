"""The programs that are compared: how each is installed, started, and where its rows are."""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

# What achub calls the ten streams most accounts want.
THE_TEN = [
    "contacts", "contact_tags", "contact_lists", "field_values", "deals",
    "lists", "tags", "deal_pipelines", "deal_stages", "users",
]

# The tap's names for the same streams; `contact_data` and others it has besides are left out.
TAP_STREAMS = {
    "contacts": "contacts", "contact_tags": "contact_tags", "contact_lists": "contact_lists",
    "field_values": "contact_custom_field_values", "deals": "deals", "lists": "lists", "tags": "tags",
    "deal_pipelines": "deal_groups", "deal_stages": "deal_stages", "users": "users",
}

# Of the ten, the manifest knows these.
AIRBYTE_STREAMS = ["contacts", "lists", "deals"]


class Achub:
    """Ours, measured in the same way."""

    name = "achub"
    streams = THE_TEN
    parts = []

    def __init__(self, achub, pace):
        self.achub, self.pace = achub, pace

    def versions(self, _):
        return subprocess.run([self.achub, "--version"], capture_output=True, text=True).stdout.strip()

    def commands(self, _, folder, account, database):
        connection = (
            f'{{type: api, spec: activecampaign, secrets: {{api_key: demo, base_url: "{account.url}"}}, '
            f"inputs: {{requests_per_second: {self.pace}, allow_private_address: true}}}}"
        )
        run = [self.achub, "replicate", "run", "--from", "AC", "--to", "TARGET", "--streams", ",".join(THE_TEN)]
        environment = {"ACHUB_HOME": str(folder), "AC": connection, "TARGET": database.url}
        return [[*run, "--progress", "none"]], environment

    def ids(self, stream, _, database):
        return database.ids(stream)


class Dlt:
    """dlt's REST source with a configuration of ours."""

    name = "dlt"
    streams = THE_TEN
    parts = ["dlt"]

    def versions(self, venvs):
        return venvs.version("dlt", "dlt")

    def commands(self, venvs, folder, account, database):
        run = [venvs.python("dlt"), str(HERE / "run_dlt.py"), account.url, database.url, str(folder)]
        return [run], {"RUNTIME__DLTHUB_TELEMETRY": "false"}

    def ids(self, stream, _, database):
        return database.ids(f"peer.{stream}")


class Singer:
    """The tap, and the maintained target for PostgreSQL behind it."""

    name = "tap-activecampaign | target-postgres"
    streams = THE_TEN
    parts = ["tap", "target"]

    def versions(self, venvs):
        tap = venvs.version("tap", "tap-activecampaign")
        return f"{tap}, {venvs.version('target', 'meltanolabs-target-postgres')}"

    def commands(self, venvs, folder, account, database):
        tap_config = {"api_url": account.url, "api_token": "demo", "start_date": "2000-01-01T00:00:00Z",
                      "user_agent": "benchmark"}
        where = database.parts
        target_config = {"host": where.hostname, "port": where.port or 5432, "user": where.username,
                         "password": where.password or "none", "database": where.path.lstrip("/"),
                         "default_target_schema": "peer", "use_copy": True}
        for name, config in {"tap.json": tap_config, "target.json": target_config}.items():
            (folder / name).write_text(json.dumps(config))
        tap = [venvs.python("tap"), str(HERE / "run_tap.py"), "--config", str(folder / "tap.json")]
        self._catalog(tap, folder)
        target = [str(Path(venvs.python("target")).with_name("target-postgres")),
                  "--config", str(folder / "target.json")]
        return [[*tap, "--catalog", str(folder / "catalog.json")], target], {}

    def ids(self, stream, _, database):
        return database.ids(f"peer.{TAP_STREAMS[stream]}")

    @staticmethod
    def _catalog(tap, folder):
        """Lets the tap say what it has, and selects the ten. Its requests are not counted."""
        found = subprocess.run([*tap, "--discover"], capture_output=True, text=True, check=True)
        catalog = json.loads(found.stdout)
        for stream in catalog["streams"]:
            wanted = stream["tap_stream_id"] in TAP_STREAMS.values()
            stream["schema"]["selected"] = wanted
            for entry in stream["metadata"]:
                if not entry["breadcrumb"]:
                    entry["metadata"]["selected"] = wanted
        (folder / "catalog.json").write_text(json.dumps(catalog))


class Airbyte:
    """The manifest under its CDK. There is no target for PostgreSQL as a package: its messages go to a file."""

    name = "Airbyte manifest (to a file, 3 of the ten)"
    streams = AIRBYTE_STREAMS
    parts = ["airbyte"]

    def versions(self, venvs):
        manifest = venvs.version("airbyte", "airbyte-source-activecampaign")
        return f"{manifest}, {venvs.version('airbyte', 'airbyte-cdk')}"

    def commands(self, venvs, folder, account, _):
        (folder / "config.json").write_text(json.dumps({"api_key": "demo", "account_username": "demo"}))
        run = [venvs.python("airbyte"), str(HERE / "run_airbyte.py"), account.url, str(folder)]
        return [[*run, *AIRBYTE_STREAMS]], {}

    def ids(self, stream, folder, _):
        ids = []
        with open(folder / "output", encoding="utf-8") as messages:
            for message in map(json.loads, messages):
                if message["type"] == "RECORD" and message["record"]["stream"] == stream:
                    ids.append(int(message["record"]["data"]["id"]))
        return ids


class Venvs:
    """One virtual environment for each set of packages, kept between runs."""

    def __init__(self, folder):
        self.folder = folder

    def install(self, part):
        """Makes the environment unless it is there."""
        done = self.folder / part / "installed"
        lists = [HERE / "requirements" / f"{part}.txt", HERE / "requirements" / f"{part}.alone.txt"]
        wanted = "".join(path.read_text() for path in lists if path.exists())
        if done.exists() and done.read_text() == wanted:
            return
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(self.folder / part)], check=True)
        pip = [self.python(part), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--requirement", str(lists[0])], check=True)
        if lists[1].exists():
            # Packages of which only the files are wanted: what they ask for is older than what runs here.
            subprocess.run([*pip, "--no-deps", "--requirement", str(lists[1])], check=True)
        done.write_text(wanted)

    def python(self, part):
        """Its interpreter."""
        return str(self.folder / part / "bin" / "python")

    def version(self, part, package):
        """What is installed of a package."""
        code = f"from importlib.metadata import version; print(version({package!r}))"
        said = subprocess.run([self.python(part), "-c", code], capture_output=True, text=True, check=True)
        return f"{package} {said.stdout.strip()}"
