"""The journal's frames survive anything but the loss of their own bytes."""

from hypothesis import given
from hypothesis import strategies as st

from breakeven.schema.journal import frame, scan
from breakeven.schema.record import Prediction


def prediction(sequence: int) -> Prediction:
    return Prediction(
        prediction_id=f"p{sequence}", request_id="r", node="n", sequence=sequence, time_s=1.0, use_case="homepage"
    )


@given(st.integers(0, 20))
def test_round_trip(count: int) -> None:
    """What is framed is read back, in order, to the last byte."""
    records = tuple(prediction(n) for n in range(count))
    data = b"".join(map(frame, records))
    found = scan(data)
    assert found.records == records
    assert (found.good_bytes, found.stopped) == (len(data), "")


@given(st.integers(1, 5), st.data())
def test_a_torn_tail_loses_only_itself(count: int, data: st.DataObject) -> None:
    """Cut anywhere, every frame that is whole is read, and the rest is reported, not guessed."""
    frames = [frame(prediction(n)) for n in range(count)]
    whole = b"".join(frames)
    cut = data.draw(st.integers(0, len(whole) - 1))
    found = scan(whole[:cut])
    kept = 0
    while sum(map(len, frames[: kept + 1])) <= cut:
        kept += 1
    assert len(found.records) == kept
    assert found.good_bytes == sum(map(len, frames[:kept]))
    assert (found.stopped == "") == (found.good_bytes == cut)


@given(st.integers(8, 60), st.integers(1, 255))
def test_a_flipped_byte_is_noticed(position: int, flip: int) -> None:
    """No changed payload passes for a record."""
    data = bytearray(frame(prediction(1)))
    data[position] ^= flip
    assert scan(bytes(data)).records == ()
