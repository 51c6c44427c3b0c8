#!/usr/bin/python3
"""A cable between two ends, each the device of a serial port (a pseudo-terminal, shown under the path given) or, written
unix:PATH, a stream socket to connect to. Ending the program pulls the plug at both ends.

    serial_cable.py /tmp/gateway.tty unix:/tmp/board.sock
"""
import os
import pty
import select
import signal
import socket
import sys
import tty


class Device:
    def __init__(self, path):
        self.path = path
        self.fd, self.slave = pty.openpty()  # the slave is kept open, so that nobody's closing it ends the other side
        tty.setraw(self.slave)
        os.symlink(os.ttyname(self.slave), path)

    def take(self):
        return os.read(self.fd, 4096)

    def give(self, data):
        os.write(self.fd, data)


class Socket:
    def __init__(self, path):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.connection = None
        self.fd = self.listener.fileno()

    def take(self):
        if self.connection is None:
            self.connection, _ = self.listener.accept()
            self.fd = self.connection.fileno()
            return b""
        try:
            data = self.connection.recv(4096)
        except ConnectionError:
            data = b""
        if not data:
            self.connection.close()
            self.connection = None
            self.fd = self.listener.fileno()
        return data

    def give(self, data):
        if self.connection is not None:
            try:
                self.connection.sendall(data)
            except ConnectionError:
                pass  # take() sees the end


def make_end(text):
    return Socket(text[len("unix:"):]) if text.startswith("unix:") else Device(text)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ends = [make_end(text) for text in sys.argv[1:3]]
    print("ready", flush=True)
    try:
        while True:
            readable, _, _ = select.select([end.fd for end in ends], [], [])
            for end, other in (ends, reversed(ends)):
                if end.fd in readable:
                    other.give(end.take())
    finally:
        for end in ends:
            os.unlink(end.path)


main()
