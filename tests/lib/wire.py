# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
"""What goes over a cable in a network namespace, as whoever listens there would see it."""
import collections
import ctypes
import os
import socket
import struct
import threading

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
ETH_P_IP = b"\x08\x00"
SO_RCVBUFFORCE = 33
SOL_PACKET, PACKET_STATISTICS = 263, 6
# Python may be slow; the kernel keeps so much for it.
BUFFER_BYTES = 512 << 20


def open_packets(netns, link):
    """A socket that hears all of that link. A socket stays in the namespace that it was made in, so
    only a thread goes there, and ends."""
    made = []

    def make():
        libc = ctypes.CDLL(None, use_errno=True)
        fd = os.open(os.path.join("/run/netns", netns), os.O_RDONLY)
        try:
            if libc.setns(fd, CLONE_NEWNET) != 0:
                return
        finally:
            os.close(fd)
        listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        listener.bind((link, 0))
        listener.settimeout(0.2)
        made.append(listener)
    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if not made:
        raise RuntimeError(f"cannot listen to {link} of {netns}")
    return made[0]


def add_segment(streams, packet):
    """The payload of a TCP packet, at its place in its stream."""
    if packet[12:14] != ETH_P_IP or packet[23] != socket.IPPROTO_TCP:
        return
    start = 14 + (packet[14] & 15) * 4
    end = 14 + int.from_bytes(packet[16:18], "big")
    source, dest, number = struct.unpack("!HHI", packet[start:start + 8])
    stream = streams[(packet[26:30], source, packet[30:34], dest)]
    first = stream.setdefault("first", number)
    payload = packet[start + (packet[start + 12] >> 4) * 4:end]
    if payload:
        stream[(number - first) % (1 << 32)] = payload


class Wire:
    """with Wire(NETNS, LINK) as wire: ...; then wire.streams is a list of the bytes of each TCP
    connection, either way by itself, and wire.n_missed counts packets that nobody has kept."""

    def __init__(self, netns, link):
        self._netns, self._link = netns, link
        self._packets = []
        self._is_over = threading.Event()
        self.streams, self.n_missed = [], 0

    def _listen(self):
        while not self._is_over.is_set():
            try:
                self._packets.append(self._listener.recv(1 << 17))
            except TimeoutError:
                pass

    def __enter__(self):
        self._listener = open_packets(self._netns, self._link)
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()
        counts = self._listener.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self.n_missed = struct.unpack("II", counts)[1]
        self._listener.close()
        streams = collections.defaultdict(dict)
        for packet in self._packets:
            add_segment(streams, packet)
        self._packets = []
        for stream in streams.values():
            del stream["first"]
            self.streams.append(b"".join(stream[at] for at in sorted(stream)))
