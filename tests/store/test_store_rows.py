"""Values by digest: what is put is got, what is damaged is dropped, and writers need not know of each other."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from augsbert.store.rows import Rows

spawn = multiprocessing.get_context("spawn")


def digests(*numbers: int) -> list[str]:
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in numbers]


def values(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.float32) / 7


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    return Rows(tmp_path / "rows")


def test_what_is_put_is_got_in_the_order_asked_bit_for_bit(rows: Rows) -> None:
    rows.put(digests(1, 2, 3), values(1, 2, 3))
    rows.put(digests(4), values(4))
    got = rows.get(digests(4, 2, 1, 3))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, values(4, 2, 1, 3))


def test_what_is_not_there_is_nan_in_an_absent_folder_too(rows: Rows) -> None:
    assert np.isnan(rows.get(digests(1, 2))).all()
    rows.put(digests(2), values(2))
    np.testing.assert_array_equal(rows.get(digests(1, 2)), [np.nan, values(2)[0]])
    assert rows.get([]).shape == (0,)


def test_a_digest_that_is_asked_for_twice_is_given_twice(rows: Rows) -> None:
    rows.put(digests(1), values(1))
    np.testing.assert_array_equal(rows.get(digests(1, 1)), values(1, 1))


def test_a_hundred_thousand_values_are_got_in_fifteen_megabytes(rows: Rows) -> None:
    number = 100_000
    every = digests(*range(number))
    for part in range(4):
        rows.put(every[part::4], values(*range(part, number, 4)))
    tracemalloc.start()
    try:
        got = rows.get(every)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(got, values(*range(number)))
    assert peak / number < 150


def test_the_same_values_are_kept_once(rows: Rows) -> None:
    for _ in range(3):
        rows.put(digests(1, 2), values(1, 2))
    assert len(list(rows.folder.iterdir())) == 1


def test_other_rows_that_begin_with_the_same_one_do_not_take_its_files_place(rows: Rows) -> None:
    rows.put(digests(1, 2), values(1, 2))
    rows.put(digests(1, 3), values(1, 3))
    np.testing.assert_array_equal(rows.get(digests(1, 2, 3)), values(1, 2, 3))


def test_a_flipped_byte_anywhere_drops_the_file_with_a_warning_and_the_others_stay(
    rows: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    rows.put(digests(1, 2), values(1, 2))
    [path] = rows.folder.glob("*.parquet")
    rows.put(digests(3), values(3))
    whole = path.read_bytes()
    for place in range(0, len(whole), 37):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            np.testing.assert_array_equal(rows.get(digests(1, 2, 3)), [np.nan, np.nan, values(3)[0]])
        assert caplog.messages == [f"{path} is damaged; its values are computed again"]
        assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1 and no more"])
def test_half_a_file_is_dropped_with_a_warning_and_its_values_can_be_put_again(content: bytes, rows: Rows) -> None:
    rows.put(digests(1), values(1))
    [path] = rows.folder.iterdir()
    path.write_bytes(content)
    assert np.isnan(rows.get(digests(1))).all()
    rows.put(digests(1), values(1))
    np.testing.assert_array_equal(rows.get(digests(1)), values(1))


def test_what_a_killed_writer_left_is_not_read(rows: Rows) -> None:
    rows.put(digests(1), values(1))
    (rows.folder / "123.unfinished").write_bytes(b"half")
    np.testing.assert_array_equal(rows.get(digests(1)), values(1))


def write(folder: Path, first: int) -> None:
    """Put overlapping rows, among them some that every writer puts."""
    for start in range(first, first + 20):
        Rows(folder).put(digests(start, start + 1, 0), values(start, start + 1, 0))
        Rows(folder).put(digests(0, -1), values(0, -1))
        assert not np.isnan(Rows(folder).get(digests(start, 0))).any()


def test_writers_at_once_lose_nothing_and_leave_nothing_unfinished(rows: Rows) -> None:
    writers = [spawn.Process(target=write, args=(rows.folder, first)) for first in (10, 20, 30, 40)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 4
    expected = range(10, 61)
    np.testing.assert_array_equal(rows.get(digests(*expected)), values(*expected))
    assert {path.suffix for path in rows.folder.iterdir()} == {".parquet"}
