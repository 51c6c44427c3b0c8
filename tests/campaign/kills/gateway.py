"""The gateway's processes: started, found, killed, replaced."""
import json
import os
import shutil
import signal
import subprocess
import time


def children_of(pid):
    """{"ssmd-relay": pid, "ssmd-keys": pid}, of those that run."""
    listed = subprocess.run(["pgrep", "-l", "-P", str(pid)], stdout=subprocess.PIPE, text=True).stdout
    return {name: int(child) for child, name in (line.split() for line in listed.splitlines()) if name.startswith("ssmd-")}


def is_gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until(seconds, condition):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Gateway:
    def __init__(self, ssmd, ssmctl, work):
        self.binary = os.path.join(work, "ssmd")
        self.original, self.ssmctl, self.work = ssmd, ssmctl, work
        self.log = open(os.path.join(work, "ssmd.log"), "ab")
        self.process = None
        self.replace_binary()

    def replace_binary(self):
        """As a package's upgrade does it: the running processes keep the old file."""
        shutil.copy2(self.original, self.binary + ".new")
        os.replace(self.binary + ".new", self.binary)

    def start(self):
        self.process = subprocess.Popen([self.binary, "--config", os.path.join(self.work, "ssmd.conf"), "--foreground"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def ctl(self, *words):
        """ssmctl's reply, or None."""
        try:
            done = subprocess.run([self.ssmctl, "--socket", os.path.join(self.work, "admin.sock"), "-o", "json", *words],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20)
        except subprocess.TimeoutExpired:
            return None
        return json.loads(done.stdout) if done.returncode == 0 else None

    def pid_of(self, role):
        """None while there is none."""
        return children_of(self.process.pid).get("ssmd-" + role)

    def kill(self, role):
        """The parent restarts it."""
        pid = self.pid_of(role)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def end(self, how, with_children=False):
        """Ends the parent; its children must not outlive it."""
        children = list(children_of(self.process.pid).values())
        self.process.send_signal(how)
        for child in children if with_children else []:
            try:
                os.kill(child, how)
            except ProcessLookupError:
                pass
        self.process.wait(20)
        if not wait_until(10, lambda: all(is_gone(child) for child in children)):
            raise SystemExit("a child has outlived its parent")
