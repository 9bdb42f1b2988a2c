"""Zero-delay simulation of a netlist, 64 independent lanes at once, that counts as it goes.

A net is a word of 64 lanes. In a cycle registers and inputs take their values, every cell is
evaluated once in order of its depth, and what cells count is added up: so a net changes at most
once per cycle and there are no glitches.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .netlist import Netlist
from .program import AND, ANDN, OR, XOR

__all__ = ["LANES", "Simulation", "pack", "unpack"]

LANES = 64
Words = NDArray[np.uint64]


def pack(bits: NDArray) -> Words:
    """Bits [lanes][n] to a word per column."""
    packed = np.packbits(bits.astype(np.uint8).T, axis=1, bitorder="little")
    return np.ascontiguousarray(packed).view(np.uint64)[:, 0]


def unpack(words: Words) -> NDArray[np.uint8]:
    """The other way round."""
    octets = np.ascontiguousarray(words).view(np.uint8).reshape(len(words), 8)
    return np.unpackbits(octets, axis=1, bitorder="little").T


@njit(cache=True)
def _ones(x):
    """Set bits of a word."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(cache=True)
def _run(steps, first, end, r, counts, base):
    """A part of a program on slots ``r``."""
    for n in range(first, end):
        code, to, a, b = steps[n, 0], steps[n, 1], steps[n, 2], steps[n, 3]
        if code == AND:
            r[to] = r[a] & r[b]
        elif code == XOR:
            r[to] = r[a] ^ r[b]
        elif code == OR:
            r[to] = r[a] | r[b]
        elif code == ANDN:
            r[to] = r[a] & ~r[b]
        else:
            counts[base + to] += _ones(r[a])


@njit(cache=True)
def _address(now, nets, at, bits):
    """Address in lane 0, and whether all lanes have it."""
    value, same = 0, True
    for n in range(bits):
        word = now[nets[at + n]]
        if word & np.uint64(1):
            value |= 1 << n
        if word != np.uint64(0) and word != ~np.uint64(0):
            same = False
    return value, same


@njit(cache=True)
def _lane(now, nets, at, bits, lane):
    """Address in a lane."""
    value = 0
    for n in range(bits):
        value |= int((now[nets[at + n]] >> np.uint64(lane)) & np.uint64(1)) << n
    return value


@njit(cache=True)
def _read(now, port, nets, store):
    """A memory's read port: words beyond its depth read as 0."""
    base, depth, width, bits, addr, data = port[0], port[1], port[2], port[3], port[4], port[5]
    word, same = _address(now, nets, addr, bits)
    if same:
        for n in range(width):
            value = store[base + word * width + n] if word < depth else np.uint64(0)
            now[nets[data + n]] = value
        return
    for n in range(width):
        now[nets[data + n]] = np.uint64(0)
    for lane in range(64):
        word = _lane(now, nets, addr, bits, lane)
        if word < depth:
            mask = np.uint64(1) << np.uint64(lane)
            for n in range(width):
                now[nets[data + n]] |= store[base + word * width + n] & mask


@njit(cache=True)
def _write(now, port, nets, store):
    """A memory's write port at the end of a cycle; returns the lanes in which it wrote."""
    base, depth, width, bits = port[0], port[1], port[2], port[3]
    addr, data, enable = port[4], port[5], port[6]
    lanes = np.uint64(0)
    for n in range(width):
        lanes |= now[nets[enable + n]]
    if lanes == np.uint64(0):
        return np.int64(0)
    word, same = _address(now, nets, addr, bits)
    if same:
        if word < depth:
            for n in range(width):
                at, on = base + word * width + n, now[nets[enable + n]]
                store[at] = (store[at] & ~on) | (now[nets[data + n]] & on)
        return _ones(lanes)
    for lane in range(64):
        mask = np.uint64(1) << np.uint64(lane)
        if not lanes & mask:
            continue
        word = _lane(now, nets, addr, bits, lane)
        if word < depth:
            for n in range(width):
                at, on = base + word * width + n, now[nets[enable + n]] & mask
                store[at] = (store[at] & ~on) | (now[nets[data + n]] & on)
    return _ones(lanes)


@njit(cache=True)
def _cycle(
    now, before, order, kind, pins, nets, parts, steps, base, counts, counting, flops, state_of,
    following, ports, store, accesses, slots,
):  # fmt: skip
    r = np.zeros(slots, np.uint64)
    r[1] = ~np.uint64(0)
    for at in range(len(order)):
        cell = order[at]
        if cell < 0:
            port = -1 - cell
            _read(now, ports[port], nets, store)
            continue
        k, first, last = kind[cell], pins[cell], pins[cell + 1]
        for n in range(last - first):
            r[2 + n] = now[nets[first + n]]
        _run(steps, parts[k, 0], parts[k, 1], r, counts, 0)
        for n in range(parts[k, 5], parts[k, 6]):
            # An output's slot, by pin.
            now[nets[first + steps[n, 1]]] = r[steps[n, 2]]
    if counting:
        for cell in range(len(kind)):
            k, first, last = kind[cell], pins[cell], pins[cell + 1]
            if parts[k, 3] == parts[k, 2]:
                continue
            size = last - first
            for n in range(size):
                net = nets[first + n]
                r[2 + n] = now[net]
                r[2 + size + n] = before[net]
            _run(steps, parts[k, 2], parts[k, 3], r, counts, base[cell])
        for port in range(len(ports)):
            if ports[port, 7] == 0:
                changed = np.uint64(0)
                for n in range(ports[port, 3]):
                    net = nets[ports[port, 4] + n]
                    changed |= now[net] ^ before[net]
                accesses[port] += _ones(changed)
    for at in range(len(flops)):
        cell = flops[at]
        k, first, last = kind[cell], pins[cell], pins[cell + 1]
        for n in range(last - first):
            r[2 + n] = now[nets[first + n]]
        _run(steps, parts[k, 3], parts[k, 4], r, counts, 0)
        following[at] = r[parts[k, 7]]
    for port in range(len(ports)):
        if ports[port, 7] == 1:
            wrote = _write(now, ports[port], nets, store)
            if counting:
                accesses[port] += wrote
    for net in range(len(now)):
        before[net] = now[net]
    for at in range(len(flops)):
        now[state_of[at]] = following[at]


@dataclass
class Simulation:
    """A netlist in simulation.

    Registers without a reset, and memories that are written, begin with random contents from
    ``seed``.

    Members
    -------
    counts
        Of each cell, from ``netlist.base[cell]`` on, in the order of its kind's program.
    accesses
        Of each memory port: lanes and cycles in which a read port's address changed, or a write
        port wrote.
    store
        Bits of all memories, a word of lanes each, from a port's base on.
    cycles
        Cycles counted. Multiply by ``LANES`` for samples.
    """

    netlist: Netlist
    seed: int = 1

    def __post_init__(self) -> None:
        net = self.netlist
        rng = np.random.default_rng(self.seed)

        def noise(count: int) -> Words:
            return rng.integers(0, 1 << 64, count, np.uint64)

        self.now = np.zeros(net.count, np.uint64)
        self.now[1] = ~np.uint64(0)
        self.now[net.state_of] = noise(len(net.state_of))
        if net.initial is not None:
            given = net.initial >= 0
            self.now[net.state_of[given]] = np.where(
                net.initial[given] == 1, ~np.uint64(0), np.uint64(0)
            )
        self.before = self.now.copy()
        self.counts = np.zeros(int(net.base[-1]), np.int64)
        self.accesses = np.zeros(len(net.ports), np.int64)
        self.cycles = 0
        self._following = np.zeros(len(net.flops), np.uint64)
        self.store = noise(net.store)
        for base, contents in net.fixed:
            self.store[base : base + len(contents)] = np.array(contents, np.uint64) * ~np.uint64(0)

    def set(self, port: str, words: Words | int) -> None:
        """Give an input port its value: a word per bit, or an integer for all lanes."""
        nets = self.netlist.inputs[port]
        if isinstance(words, int | np.integer):
            ones = ~np.uint64(0)
            value = int(words)
            words = np.array([ones if value >> n & 1 else 0 for n in range(len(nets))], np.uint64)
        self.now[nets] = words

    def get(self, port: str) -> Words:
        """What a port was in the cycle that is over."""
        return self.before[self.netlist.port(port)]

    def cycle(self, *, count: bool = True) -> None:
        """One cycle with the inputs as they are set."""
        net = self.netlist
        _cycle(
            self.now, self.before, net.order, net.kind, net.pins, net.nets, net.parts, net.steps,
            net.base, self.counts, count, net.flops, net.state_of, self._following, net.ports,
            self.store, self.accesses, net.slots,
        )  # fmt: skip
        self.cycles += count
