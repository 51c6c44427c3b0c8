#!/usr/bin/python3
"""The soak itself; `run` starts the gateway with two nodes for it."""
import argparse
import os
import pathlib
import random
import re
import select
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "common"))
sys.dont_write_bytecode = True
from campaign import TIED, Stopped, children_of, coap_get, is_reading, s_client, ssmctl, stop_on_sigterm

# How much more a process may hold in the last quarter than in the second one. Its pools are allocated at the start, but a
# page of them counts only once it has been used.
RSS_MORE_KB = 512
DESCRIPTORS_MORE = 2
GUEST_KEY = "key-of-a-guest-01"
GAUGES = re.compile(r"^(sessions|opening|handshakes_in_flight)$")  # of `ssmctl status`: what there is now


class Soak:
    def __init__(self, options):
        self.options = options
        self.ports = [int(port) for port in options.ports.split(",")]
        self.done = {}
        self.samples = {}  # of a process: [(RSS in KB, descriptors)]
        self.faults = []
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.lasted_s = 0

    # ---- tools ----

    def path(self, name):
        return os.path.join(self.options.work, name)

    def ctl(self, *words):
        return ssmctl(self.options.ssmctl, self.options.work, *words)

    def count(self, what):
        with self.lock:
            self.done[what] = self.done.get(what, 0) + 1

    def get(self, port, identity, key, gives_up_s):
        """True: a reading came back."""
        done = subprocess.run(coap_get(port, identity, key, gives_up_s), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
        return is_reading(done.stdout)

    def write_key(self, name, text):
        path = self.path(name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(text + "\n")
        return path

    # ---- what goes on, each in a thread of its own ----

    def read_and_leave(self, draw):
        answered = self.get(draw.choice(self.ports), "alice", self.options.key, 10)
        self.count("read and left" if answered else "not answered")

    def be_refused(self, draw):
        identity, key = draw.choice([("alice", "not-the-right-key"), ("nobody", self.options.key)])
        if self.get(draw.choice(self.ports), identity, key, 2):
            self.faults.append(f"{identity} was let in with {key}")
        self.count("refused")

    def come_back(self, draw):
        """Twice from one port: the first client is killed, so that the second handshake takes a live session's place. The
        owner closes that of the second."""
        port, own = draw.choice(self.ports), draw.randrange(33000, 60000)
        for _ in range(2):
            with subprocess.Popen(s_client(port, "alice", self.options.key, "-bind", f"127.0.0.1:{own}"),
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
                os.write(client.stdin.fileno(), b"\x41\x01\x00\x01\x01\xbbtemperature")
                ready = select.select([client.stdout], [], [], 20)[0]
                answered = bool(ready and os.read(client.stdout.fileno(), 1)) # not when it was refused and ends
                client.kill()
        for row in self.ctl("session", "list") or []:
            if row["peer"] == f"127.0.0.1:{own}":
                self.ctl("session", "close", row["node"], str(row["handle"]))
        self.count("came back" if answered else "did not come back")

    def be_a_guest(self, draw):
        """A node of its own, registered, visited and removed while its session is there."""
        name = f"guest-{draw.randrange(1 << 30)}"
        node_key = self.write_key("guest.key", f"{draw.getrandbits(128):032x}")
        self.ctl("node", "add", name, "--psk-file", node_key)
        self.ctl("subscriber", "add", name, "--psk-file", self.write_key("guest.psk", GUEST_KEY), "--node", name)
        with subprocess.Popen([*TIED, self.options.ssm_node, "--gateway", f"127.0.0.1:{self.options.link}", "--id", name,
                               "--key-file", node_key, "--state", self.path(f"node-{name}")],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as program:
            answered = self.get(self.ctl("node", "show", name)["port"], name, GUEST_KEY, 10)
            self.ctl("node", "remove", name)
            self.ctl("subscriber", "remove", name)
            program.kill()
        self.count("guest nodes visited and removed" if answered else "guest nodes removed")

    def keep_doing(self, what, pause_s, seed):
        draw = random.Random(seed)
        while not self.over.is_set():
            what(draw)
            self.over.wait(pause_s)

    # ---- measuring ----

    def processes(self):
        return {"parent": self.options.parent, **children_of(self.options.parent)}

    def sample(self):
        for name, pid in self.processes().items():
            with open(f"/proc/{pid}/status") as f:
                rss = int(re.search(r"VmRSS:\s*(\d+)", f.read()).group(1))
            self.samples.setdefault((name, pid), []).append((rss, len(os.listdir(f"/proc/{pid}/fd"))))

    def settle(self):
        """Sessions of clients that were killed are closed by hand; then nothing may be left."""
        for _ in range(60):
            for row in self.ctl("session", "list") or []:
                self.ctl("session", "close", row["node"], str(row["handle"]))
            status = self.ctl("status") or {}
            left = {f"{role} {name}": value for role in ("relay", "keys") for name, value in status.get(role, {}).items()
                    if GAUGES.match(name) and value != 0}
            if status and not left:
                return
            time.sleep(1)
        self.faults.append(f"left at the end: {left}")

    def run(self):
        seed = self.options.seed
        kinds = [(self.read_and_leave, 0.05), (self.read_and_leave, 0.05), (self.come_back, 0.2), (self.be_refused, 0.2),
                 (self.be_a_guest, 0.5)]
        threads = [threading.Thread(target=self.keep_doing, args=(what, pause_s, seed + i), daemon=True)
                   for i, (what, pause_s) in enumerate(kinds)]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        every_s = max(0.5, self.options.seconds / 400)
        while self.lasted_s < self.options.seconds:
            time.sleep(every_s)
            self.sample()
            self.lasted_s = time.monotonic() - began
        self.over.set()
        for thread in threads:
            thread.join()
        self.settle()

    def stop(self):
        """Before its time: what we have started ends with us."""
        self.over.set()
        self.faults.append(f"stopped after {self.lasted_s:.0f} of {self.options.seconds} s")

    def report(self):
        with self.lock:
            done = dict(self.done)
        for what, times in sorted(done.items()):
            print(f"{times:>7} {what}")
        print(f"\n{'':<10} {'RSS in KB: 2nd quarter':>23} {'last':>8} {'more':>6}   {'descriptors':>12} {'last':>5} {'more':>5}")
        for (name, _), samples in self.samples.items():
            quarter = len(samples) // 4
            if quarter == 0:
                continue
            early = [statistics.median(column) for column in zip(*samples[quarter:2 * quarter])]
            late = [statistics.median(column) for column in zip(*samples[-quarter:])]
            print(f"{name:<10} {early[0]:>23.0f} {late[0]:>8.0f} {late[0] - early[0]:>6.0f}   {early[1]:>12.0f} {late[1]:>5.0f}"
                  f" {late[1] - early[1]:>5.0f}")
            if (late[0] > early[0] + RSS_MORE_KB and not self.options.sanitized) or late[1] > early[1] + DESCRIPTORS_MORE:
                self.faults.append(f"{name} grows")
        print(f"allowed: {RSS_MORE_KB} KB and {DESCRIPTORS_MORE} descriptors more"
              + (" (memory is not judged: sanitizers keep what is freed)" if self.options.sanitized else ""))
        if len(self.samples) != 3:
            self.faults.append("a process was restarted")
        for what in ("read and left", "came back", "refused", "guest nodes visited and removed"):
            if done.get(what, 0) == 0:
                self.faults.append(f"never: {what}")
        for fault in self.faults:
            print("FAILED:", fault)
        return 1 if self.faults else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True, help="the process id of ssmd")
    parser.add_argument("--ssmctl", required=True)
    parser.add_argument("--ssm-node", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--link", type=int, required=True, help="the gateway's port for nodes")
    parser.add_argument("--ports", required=True, help="of the two nodes")
    parser.add_argument("--key", required=True)
    parser.add_argument("--sanitized", action="store_true", help="the gateway was built with sanitizers")
    options = parser.parse_args()
    print(f"seed {options.seed}: {options.seconds} s", flush=True)
    soak = Soak(options)
    stop_on_sigterm()
    try:
        soak.run()
    except Stopped:
        soak.stop()
    return soak.report()


sys.exit(main())
