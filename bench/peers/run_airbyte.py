"""Runs in the CDK's environment: the installed manifest with its address replaced by the account's. Arguments: account,
folder, streams."""

import json
import sys
from importlib.resources import files
from pathlib import Path

from airbyte_cdk.entrypoint import launch
from airbyte_cdk.sources.declarative.yaml_declarative_source import YamlDeclarativeSource

ADDRESS = "https://{{ config['account_username'] }}.api-us1.com/api/3"

account, folder, *streams = sys.argv[1:]
folder = Path(folder)
manifest = files("source_activecampaign").joinpath("manifest.yaml").read_text()
if manifest.count(ADDRESS) != 1:
    sys.exit("the manifest's address is not where it was")
(folder / "manifest.yaml").write_text(manifest.replace(ADDRESS, f"{account}/api/3"))

config = json.loads((folder / "config.json").read_text())
source = YamlDeclarativeSource(path_to_yaml=str(folder / "manifest.yaml"), config=config)
known = {stream.name: stream for stream in source.streams(config)}
catalog = {
    "streams": [
        {
            "stream": {"name": name, "json_schema": known[name].get_json_schema(),
                       "supported_sync_modes": ["full_refresh"]},
            "sync_mode": "full_refresh",
            "destination_sync_mode": "overwrite",
        }
        for name in streams
    ]
}
(folder / "catalog.json").write_text(json.dumps(catalog))
launch(source, ["read", "--config", str(folder / "config.json"), "--catalog", str(folder / "catalog.json")])
