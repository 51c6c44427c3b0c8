"""What campaigns share: stock clients, ssmctl and the processes of ssmd, and being stopped."""
import json
import os
import re
import signal
import subprocess
import time

# Before a command: it ends with the thread that has started it, whatever that dies of.
TIED = ["setpriv", "--pdeathsig", "TERM"]


class Stopped(BaseException):
    """SIGTERM has come, after stop_on_sigterm()."""


def stop_on_sigterm():
    def stop(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # one is enough
        raise Stopped
    signal.signal(signal.SIGTERM, stop)


def wait_until(seconds, condition):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


# ---- stock clients ----

def s_client(port, identity, key, *options):
    """The command of a session with the node at `port`; what it reads and writes are the session's records."""
    return [*TIED, "openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{port}", "-nbio", "-quiet", "-psk",
            key.encode().hex(), "-psk_identity", identity, "-cipher", "PSK-AES128-CCM8:@SECLEVEL=0", *options]


def coap_get(port, identity, key, gives_up_s):
    """The command of a session for one reading."""
    return [*TIED, "coap-client-openssl", "-B", str(gives_up_s), "-m", "get", "-u", identity, "-k", key,
            f"coaps://127.0.0.1:{port}/temperature"]


def is_reading(output):
    return re.fullmatch(rb"-?\d+\.\d+\s*", output) is not None


# ---- the gateway ----

def ssmctl(program, work, *words):
    """Its reply, or None."""
    try:
        done = subprocess.run([program, "--socket", os.path.join(work, "admin.sock"), "-o", "json", *words],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20)
    except subprocess.TimeoutExpired:
        return None
    return json.loads(done.stdout) if done.returncode == 0 and done.stdout else None


def children_of(pid):
    """{"ssmd-relay": pid, "ssmd-keys": pid}, of those that run."""
    listed = subprocess.run(["pgrep", "-l", "-P", str(pid)], stdout=subprocess.PIPE, text=True).stdout
    return {name: int(child) for child, name in (line.split() for line in listed.splitlines()) if name.startswith("ssmd-")}
