#!/usr/bin/env python3
"""Runs achub and its peers against the same played account and prints what each took.

Started by `cargo xtask bench --peers`, which brings the program and a PostgreSQL of its own.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import date
from pathlib import Path

from account import Account
from database import Database
from programs import Achub, Airbyte, Dlt, Singer, Venvs
from usage import Failed, measure

# Name, contacts, arguments of `achub sim`, pace of achub, records that move between every two pages.
SCENARIOS = [
    ("10,000 contacts, no limit", 10_000, ["--rate", "off"], "off", []),
    ("2,000 contacts at 5/s, 300 ms", 2_000, ["--rate", "5", "--latency", "300"], "4.9", []),
    ("records moving between pages", 5_000, ["--rate", "off"], "off", [
        {"collection": "contacts", "create": 3, "change": 5, "delete": 5, "between_pages": True},
        {"collection": "deals", "create": 3, "change": 5, "delete": 10, "between_pages": True},
    ]),
]


def run(program, scenario, arguments, venvs):
    """One measurement, with an account and a database of its own."""
    _, contacts, flags, _, moving = scenario
    with tempfile.TemporaryDirectory() as folder, Database(arguments.postgres) as database, \
            Account(arguments.achub, contacts, flags) as account:
        folder = Path(folder)
        commands, environment = program.commands(venvs, folder, account, database)
        before = {stream: account.ids(stream) for stream in program.streams}
        sent_before = account.requests()["total"]
        for wish in moving:
            account.mutate(wish)
        figures = measure(commands, folder, environment)
        account.rest()
        counted = account.requests()
        landed = {stream: program.ids(stream, folder, database) for stream in program.streams}
        stayed = {stream: before[stream] & account.ids(stream) for stream in program.streams}
    figures["requests"] = counted["total"] - sent_before
    figures["answers_429"] = counted["by_status"].get("429", 0)
    figures["most_in_a_second"] = counted["most_in_a_second"]
    figures["rows"] = sum(map(len, landed.values()))
    figures["lost"] = sum(len(stayed[stream] - set(landed[stream])) for stream in program.streams)
    figures["of"] = sum(map(len, stayed.values()))
    figures["doubled"] = sum(len(ids) - len(set(ids)) for ids in landed.values())
    return figures


def machine(arguments):
    """What everything ran on."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        processor = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    return {
        "date": date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores of {processor}, Linux {platform.release()}",
        "python": platform.python_version(),
        "postgres": Database.version(arguments.postgres),
    }


def read_arguments():
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--achub", default=root / "target/release/achub", type=Path)
    parser.add_argument("--postgres", default=os.environ.get("ACHUB_TEST_POSTGRES"))
    parser.add_argument("--venvs", default=root / "target/peers", type=Path, help="where packages are kept")
    parser.add_argument("--program", default="", help="a part of the name of the programs to run")
    parser.add_argument("--scenario", default="", help="a part of the name of the scenarios to run")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not arguments.postgres:
        parser.error("--postgres or ACHUB_TEST_POSTGRES must name a server")
    arguments.achub = str(arguments.achub.resolve())
    return arguments


def main():
    arguments = read_arguments()
    venvs = Venvs(arguments.venvs.resolve())
    document = {**machine(arguments), "figures": []}
    say = (lambda *_: None) if arguments.json else (lambda *words: print(*words, flush=True))
    say(f"{document['date']}: {document['machine']}; PostgreSQL {document['postgres']}; Python {document['python']}")
    is_good = True
    for scenario in (scenario for scenario in SCENARIOS if arguments.scenario in scenario[0]):
        say(f"\n{scenario[0]}")
        say(f"{'':<44}{'requests':>9}{'429s':>6}{'most/s':>7}{'seconds':>9}{'cpu s':>8}{'peak MiB':>9}{'rows':>9}"
            f"{'lost':>7}{'of':>9}{'doubled':>8}")
        for program in [Achub(arguments.achub, scenario[3]), Dlt(), Singer(), Airbyte()]:
            if arguments.program not in program.name:
                continue
            for part in program.parts:
                venvs.install(part)
            entry = {"scenario": scenario[0], "program": program.name, "versions": program.versions(venvs)}
            document["figures"].append(entry)
            try:
                entry.update(run(program, scenario, arguments, venvs))
            except (Failed, RuntimeError) as failure:
                entry["failed"], is_good = str(failure), False
                say(f"{program.name:<44}failed: {failure}")
                continue
            say(f"{program.name:<44}{entry['requests']:>9}{entry['answers_429']:>6}{entry['most_in_a_second']:>7}"
                f"{entry['seconds']:>9.2f}{entry['cpu_seconds']:>8.2f}{entry['peak_mib']:>9.1f}{entry['rows']:>9}"
                f"{entry['lost']:>7}{entry['of']:>9}{entry['doubled']:>8}   {entry['versions']}")
    if arguments.json:
        print(json.dumps(document, indent=2))
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
