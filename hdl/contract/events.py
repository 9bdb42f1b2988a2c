"""What can be counted: by the shell of every machine, and by an engine."""

from dataclasses import dataclass

from amaranth.lib import data

from .job import TIME_BITS

__all__ = ["SHELL_EVENTS", "Event", "event_layout"]


@dataclass(frozen=True)
class Event:
    """Something counted: ``bits`` wide increments; ``desc`` stands in ``docs/registers.md``."""

    name: str
    bits: int
    desc: str


SHELL_EVENTS = (
    Event("cycles", TIME_BITS, "cycles from the accepted doorbell to the completion"),
    Event("a_elements", 6, "elements of A read from memory"),
    Event("a_words", 1, "bus words of A read from memory"),
    Event("b_elements", 6, "elements of B read from memory"),
    Event("b_words", 1, "bus words of B read from memory"),
    Event("d_elements", 3, "elements of D read from memory"),
    Event("d_words", 1, "bus words of D read from memory"),
    Event("column_elements", 3, "biases and scales read from memory"),
    Event("column_words", 1, "bus words of biases and scales read from memory"),
    Event("c_elements", 7, "elements of C finished"),
    Event("c_words", 1, "bus words of C written to memory"),
    Event("sums_begun", 1, "words of sums that D began"),
    Event("sums_written", 1, "words of sums written by the engine"),
    Event("sums_read", 1, "words of sums read to be added to"),
    Event("sums_stored", 1, "words of sums read to be stored"),
)


def event_layout(events: tuple[Event, ...]) -> data.StructLayout:
    """Per event its increment and the slot of the job that it belongs to."""
    one = {e.name: data.StructLayout({"amount": e.bits, "slot": 1}) for e in events}
    return data.StructLayout(one)
