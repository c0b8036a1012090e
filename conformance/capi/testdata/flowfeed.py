"""Reads a feed with mmap and struct alone: flowfeed.py NAME COUNT [LIBRARY].

Without LIBRARY it finds a Local feed's memory by itself, at a process that holds it; with it, libnamedshm.so opens the
section, a Global one too.
"""
import ctypes
import json
import mmap
import os
import struct
import subprocess
import sys
import time


def memory_of(name):
    """The memory of a Local section, read-only: that of a holder which `shm stat` names."""
    stat = json.loads(subprocess.check_output(["shm", "stat", name, "--json"]))
    for pid in (holder["pid"] for holder in stat["holders"]):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            path = f"/proc/{pid}/fd/{fd}"
            try:
                if not os.readlink(path).startswith("/memfd:namedshm-"):
                    continue
                with open(path, "rb") as file:
                    memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
            except OSError:
                continue  # closed meanwhile
            # A holder may hold other sections too: ask for what only this one has, its structure for instance.
            if len(memory) == stat["size"] and memory[:8] == b"nshmflow":
                return memory
    raise FileNotFoundError(name)


def memory_by(library, name):
    """The same by the C library, which keeps the name as well, for as long as this program runs."""
    shm = ctypes.CDLL(library)
    for call in (shm.OpenFileMappingA, shm.MapViewOfFile):
        call.restype = ctypes.c_void_p
    section = shm.OpenFileMappingA(4, 0, name.encode())  # FILE_MAP_READ
    address = shm.MapViewOfFile(ctypes.c_void_p(section), 4, 0, 0, ctypes.c_size_t(0))
    if not address:
        raise FileNotFoundError(name)
    total = struct.unpack_from("<Q", (ctypes.c_char * 4096).from_address(address), 72)[0]
    return (ctypes.c_char * total).from_address(address)


class Feed:
    def __init__(self, memory):
        magic, version, kind, order = struct.unpack_from("=8sIII", memory)
        if (magic, version, kind, order) != (b"nshmflow", 1, 2, 0x01020304):
            raise ValueError("it is no feed of version 1")
        self.size, = struct.unpack_from("<I", memory, 28)
        self.depth, self.most, self.stride = struct.unpack_from("<IQQ", memory, 36)
        self.data, = struct.unpack_from("<Q", memory, 64)
        length, = struct.unpack_from("<I", memory, 88)
        self.type = bytes(memory[128:128 + length]).decode()
        self.memory = memory
        self.next = self.oldest(self.tail())

    def number(self, at):  # one load: "Q" with the machine's own order is a copy of eight bytes at once
        return struct.unpack_from("@Q", self.memory, at)[0]

    def message(self, n):
        """Message n, or None if it is not there any more, or not yet."""
        slot = self.data + (n - 1) % self.depth * self.stride
        if self.number(slot) != 2 * n:
            return None
        length, = struct.unpack_from("@I", self.memory, slot + 8)
        copy = bytes(self.memory[slot + 16:slot + 16 + min(length, self.most)])
        if self.number(slot) != 2 * n:  # the second look: nothing of the copy counts before it
            return None
        if length > self.most or length % self.size:
            raise ValueError(f"message {n} has {length} bytes")
        return copy

    def tail(self):
        return self.number(4608)

    def closed(self):
        return self.number(4608 + 256) >> 31 & 1

    def oldest(self, tail):
        """The oldest that the writer is not about to write over."""
        return max(1, tail - self.depth + 2)

    def latest(self):
        while n := self.tail():
            if (m := self.message(n)) is not None:
                return n, m
        return 0, None

    def read(self):
        """The next message and how many were lost before it; None when the writer has closed and all is read."""
        lost = 0
        while True:
            closed = self.closed()  # first: a writer closes after its last message
            tail = self.tail()
            oldest = self.oldest(tail)
            if (m := self.message(self.next)) is not None:
                self.next += 1
                return m, lost
            if self.next < oldest:
                lost += oldest - self.next
                self.next = oldest
            elif self.next > tail:
                if closed:
                    return None
                time.sleep(0.001)


ITEM = struct.Struct("=Qq I4x IH6sxxxx d")  # {number:u64@0 at:{seconds:i64@0 nanoseconds:u32@8}16@8 sender:u32@24 …} 48/8


def check(message):
    items = list(ITEM.iter_unpack(message))
    number = items[0][0]
    assert len(items) == 1 + number % 5, (number, len(items))
    for place, item in enumerate(items):
        assert item == (number, -number, number % 1000, 0, place, b"tagged", number / 2), item
    return number


def main():
    name, count = sys.argv[1], int(sys.argv[2])
    feed = Feed(memory_by(sys.argv[3], name) if len(sys.argv) > 3 else memory_of(name))
    print("ready", feed.type, flush=True)
    got = all = 0
    while (answer := feed.read()) is not None:
        message, lost = answer
        all += lost + 1
        got += 1
        assert check(message) == all
        if got % 10 == 0:
            number, message = feed.latest()
            assert check(message) == number >= all
    assert got > 1 and all == count, (got, all)
    print("well")


main()
