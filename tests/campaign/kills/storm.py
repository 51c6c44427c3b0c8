#!/usr/bin/python3
"""The kill campaign itself; `run` prepares nodes and subscribers for it."""
import argparse
import pathlib
import random
import signal
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "common"))
sys.dont_write_bytecode = True
from campaign import Stopped, stop_on_sigterm, wait_until
from gateway import Gateway
from peers import Churn, Session
from tap import Ledger, LinkTap, PeerTap

# How often each kind of end comes, and what it does.
KINDS = {
    "kill relay": 5,
    "kill keys": 5,
    "kill parent": 3,
    "kill all": 3,
    "SIGTERM": 2,
    "upgrade": 2,
}
LOST_S = 40     # a session that has not answered by then is lost
AT_ONCE = 0.1   # of all kills, those that the next one follows at once
PAUSE_S = 3     # at most, before the next one
NOTIFIED = 0.3  # those after which each node's next notification is awaited: readings change every few seconds


class Storm:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.ledger = Ledger()
        self.gateway = Gateway(options.ssmd, options.ssmctl, options.work)
        self.resumed = {kind: [] for kind in KINDS}
        self.done = 0
        self.lost, self.faults = set(), []
        self.pings_lost = 0
        self.renewed = 0
        self.sessions, self.churns = [], []

    # ---- before and after ----

    def prepare(self):
        self.gateway.start()
        for i, node in enumerate(self.options.node):
            name, port, link_tap = node.split(":")
            LinkTap(int(link_tap), self.options.link, name, self.ledger).start()
            PeerTap(self.options.tap_ports + i, int(port), self.ledger).start()
        if not wait_until(60, self.nodes_are_associated):
            raise SystemExit("the nodes do not associate")
        for i in range(2 * len(self.options.node)):
            port = self.options.tap_ports + i % len(self.options.node)
            self.sessions.append(Session(f"session {i + 1}", port, "alice", self.options.key))
            self.sessions[-1].start()
            if not wait_until(30, lambda: self.sessions[-1].answered and self.sessions[-1].notified):
                raise SystemExit("a session does not come up")
        self.before = self.rows()
        for i in range(len(self.options.node)):
            self.churns.append(Churn(self.options.tap_ports + i, "alice", self.options.key))
            self.churns[-1].start()

    def nodes_are_associated(self):
        nodes = self.gateway.ctl("node", "list") or []
        return len(nodes) == len(self.options.node) and all(node["associated"] for node in nodes)

    def rows(self):
        return {(row["node"], row["handle"]) for row in self.gateway.ctl("session", "list") or []}

    def stop(self):
        """Before its time: what we have started ends with us, the gateway right now."""
        self.faults.append(f"stopped after {self.done} of {self.options.kills} kills")
        if self.gateway.process:
            self.gateway.end(signal.SIGKILL, with_children=True)

    def finish(self):
        for churn in self.churns:
            churn.end()
        wait_until(20, lambda: self.before <= self.rows())
        if not self.before <= self.rows():
            self.faults.append(f"rows are missing: {sorted(self.before - self.rows())}")
        for session in self.sessions:
            session.end_client()
        self.gateway.end(signal.SIGTERM)

    # ---- one kill ----

    def strike(self, kind):
        g = self.gateway
        if kind in ("kill relay", "kill keys"):
            g.kill(kind.split()[1])
            return
        if kind == "upgrade":
            g.replace_binary()
        g.end(signal.SIGKILL if kind.startswith("kill") else signal.SIGTERM, with_children=kind == "kill all")
        g.start()

    def note_lost(self, session, why):
        self.lost.add(session.name)
        self.faults.append(f"{session.name}: {why}")

    def held(self):
        return [s for s in self.sessions if s.name not in self.lost]

    def await_resumed(self, since):
        """The peers' way to the nodes and back: when the last session was answered again."""
        waiting = self.held()
        wait_until(LOST_S, lambda: all(s.answered_since(since) or not s.is_alive_client() for s in waiting))
        for s in waiting:
            if s.answered_since(since) is None:
                self.note_lost(s, "no answer" if s.is_alive_client() else "its client has ended")
        return max((s.answered_since(since) for s in self.held()), default=since)

    def await_notified(self, since):
        """The nodes' way to the peers. A node may have given up a confirmable notification: then it is asked once more."""
        for attempt in range(2):
            if wait_until(LOST_S / 4, lambda: all(s.notified > since for s in self.held())):
                return
            for s in self.held():
                if s.notified <= since:
                    s.observe()
                    self.renewed += 1
        for s in self.held():
            if s.notified <= since:
                self.note_lost(s, "no notification")

    def expect_no_gap(self, kind, since, relay):
        """While another process died, relay was there all the time."""
        until = time.monotonic()
        wait_until(5, lambda: not any(s.unanswered(since, until) for s in self.held()))
        self.pings_lost += sum(len(s.unanswered(since, until)) for s in self.held())
        if self.gateway.pid_of("relay") != relay:
            self.faults.append(f"{kind}: relay was restarted, too")

    def one(self, kind):
        if not wait_until(LOST_S, lambda: self.gateway.pid_of("relay") and self.gateway.pid_of("keys")):
            self.faults.append(f"{kind}: a process does not come back")
        relay = self.gateway.pid_of("relay")
        since = time.monotonic()
        self.strike(kind)
        resumed = self.await_resumed(since)
        if self.held():
            self.resumed[kind].append(resumed - since)
        course = self.random.random()
        if course < AT_ONCE:
            return  # the next one comes while this one is being recovered from
        if course > 1 - NOTIFIED:
            self.await_notified(resumed)
        if not wait_until(LOST_S, lambda: self.gateway.ctl("status") is not None):
            self.faults.append(f"{kind}: keys does not come back")
        if kind == "kill keys":
            self.expect_no_gap(kind, since, relay)
        for s in self.sessions:
            s.forget(time.monotonic() - 60)
        time.sleep(self.random.uniform(0, PAUSE_S))

    def run(self):
        self.prepare()
        for number in range(1, self.options.kills + 1):
            kind = self.random.choices(list(KINDS), KINDS.values())[0]
            self.one(kind)
            self.done = number
            if number % 50 == 0:
                print(f"{number} kills, {len(self.lost)} sessions lost", flush=True)
            if not self.held():
                break
        self.finish()

    # ---- figures ----

    def report(self):
        print(f"\n{'':<12} {'kills':>6} {'resumed after: median':>22} {'95 %':>7} {'longest':>8} {'above 2 s':>10}")
        every = [t for times in self.resumed.values() for t in times]
        for kind, times in [*self.resumed.items(), ("all of them", every)]:
            if times:
                ranked = sorted(times)
                print(f"{kind:<12} {len(times):>6} {statistics.median(times):>20.2f} s {ranked[int(0.95 * len(ranked))]:>5.2f} s"
                      f" {ranked[-1]:>6.2f} s {sum(t > 2 for t in times):>10}")
        outcomes = {how: sum(churn.outcomes[how] for churn in self.churns) for how in Churn.OUTCOMES}
        print(f"\nsessions held over all kills: {len(self.held())} of {len(self.sessions)}, lost: {len(self.lost)}")
        print(f"observations that a node had given up and that were renewed in their session: {self.renewed}")
        print(f"pings lost while keys was killed: {self.pings_lost}")
        print(f"handshakes meanwhile: {', '.join(f'{n} {how}' for how, n in outcomes.items())}")
        print(f"nonces seen: {self.ledger.count()}, repeated with another ciphertext: {len(self.ledger.repeated)}")
        if self.pings_lost:
            self.faults.append("relaying paused while keys was killed")
        if outcomes["hung"] or not outcomes["done"]:
            self.faults.append("handshakes hang, or none succeeds")
        if self.ledger.repeated or not self.ledger.count():
            self.faults.append(f"nonces: {self.ledger.repeated[:5]}")
        if every and statistics.median(every) > 2:
            self.faults.append("relaying resumes too late")
        for fault in self.faults:
            print("FAILED:", fault)
        return 1 if self.faults else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ssmd", required=True)
    parser.add_argument("--ssmctl", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--kills", type=int, required=True)
    parser.add_argument("--link", type=int, required=True, help="the gateway's port for nodes")
    parser.add_argument("--node", action="append", required=True, metavar="NAME:PORT:LINK-TAP")
    parser.add_argument("--tap-ports", type=int, required=True, help="the first of those that clients connect to")
    parser.add_argument("--key", required=True)
    options = parser.parse_args()
    print(f"seed {options.seed}: {options.kills} kills", flush=True)
    storm = Storm(options)
    stop_on_sigterm()
    try:
        storm.run()
    except Stopped:
        storm.stop()
    return storm.report()


sys.exit(main())
