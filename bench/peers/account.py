"""A played account: `achub sim` as a process, and its control interface."""

import json
import subprocess
import urllib.request


class Account:
    """Runs while the `with` block does; `url` is where it listens."""

    def __init__(self, achub, contacts, arguments):
        command = [achub, "sim", "--port", "0", "--contacts", str(contacts), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        self.url = next(word for word in line.split() if word.startswith("http://")).rstrip("/")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def requests(self):
        """Counts of all requests so far."""
        return json.loads(self._call("GET", "requests?recent=0"))

    def ids(self, stream):
        """The ids the account holds of a stream now."""
        rows = self._call("GET", f"truth?stream={stream}").splitlines()
        return {int(json.loads(row)["id"]) for row in rows}

    def mutate(self, wish):
        """Makes, changes and deletes records, now or between pages."""
        self._call("POST", "mutate", json.dumps(wish).encode())

    def rest(self):
        """Ends what goes on between pages."""
        self._call("DELETE", "mutate")

    def _call(self, method, what, body=None):
        request = urllib.request.Request(f"{self.url}/_sim/{what}", data=body, method=method)
        with urllib.request.urlopen(request) as answer:
            return answer.read().decode()
