"""The gateway's processes: started, found, killed, replaced."""
import os
import shutil
import signal
import subprocess

from campaign import TIED, children_of, ssmctl, wait_until


def is_gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


class Gateway:
    def __init__(self, ssmd, ctl, work):
        self.binary = os.path.join(work, "ssmd")
        self.original, self.ssmctl, self.work = ssmd, ctl, work
        self.log = open(os.path.join(work, "ssmd.log"), "ab")
        self.process = None
        self.replace_binary()

    def replace_binary(self):
        """As a package's upgrade does it: the running processes keep the old file."""
        shutil.copy2(self.original, self.binary + ".new")
        os.replace(self.binary + ".new", self.binary)

    def start(self):
        config = os.path.join(self.work, "ssmd.conf")
        self.process = subprocess.Popen([*TIED, self.binary, "--config", config, "--foreground"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def ctl(self, *words):
        return ssmctl(self.ssmctl, self.work, *words)

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
