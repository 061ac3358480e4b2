"""Reading, cutting and resampling of recorded tracks."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.datasets.scenes import batches, scenes_of
from equi_nodes.datasets.tracks import Recording, read_tracks, windows
from equi_nodes.errors import EquiError


def straight(steps: int = 25, agents: int = 2, missing: tuple[int, ...] = ()) -> Recording:
    rows = [(k, i) for k in range(steps) for i in range(agents) if not (i == 0 and k in missing)]
    index, ids = np.array(rows).T
    return Recording("straight", 0.4, index, ids, np.stack([0.5 * index, 1.0 * ids], 1))


def test_windows_hold_past_and_future_of_every_row() -> None:
    cut = windows(straight(), 8, 12)
    assert cut.complete.sum() == 2 * (25 - 19)
    row = np.flatnonzero(cut.complete)[0]
    np.testing.assert_allclose(np.diff(cut.past[row, :, 0]), 0.5)
    np.testing.assert_allclose(cut.future[row, 0] - cut.past[row, -1], [0.5, 0])


def test_a_gap_in_time_is_a_gap_in_the_window() -> None:
    cut = windows(straight(missing=(10,)), 8, 12)
    of_zero = (cut.past[:, -1, 1] == 0) & (cut.scene == 12)
    assert cut.past_mask[of_zero][0].tolist() == [True] * 5 + [False] + [True] * 2


def test_resampling_keeps_the_motion() -> None:
    fine = straight().resampled(0.1)
    assert fine.step_s == 0.1 and len(fine.frames) == 24 * 4 + 1
    np.testing.assert_allclose(fine.positions[:, 0], 0.125 * fine.index, atol=1e-9)


def test_resampling_bridges_no_gap() -> None:
    fine = straight(agents=1, missing=(10,)).resampled(0.2)
    assert 19 not in fine.index and 20 not in fine.index and 21 not in fine.index


def test_samples_come_in_time_order_and_never_at_zero() -> None:
    samples = list(straight(3).samples())
    assert [s.stamp_ns for s in samples] == [1_000_000_000, 1_400_000_000, 1_800_000_000]
    assert all(s.ids.tolist() == [0, 1] for s in samples)


def test_batches_pad_scenes_and_say_whose_future_is_known() -> None:
    chosen = scenes_of([straight(), straight(agents=5)], 8, 12)
    seen = list(batches(chosen, 12, np.random.default_rng(0)))
    assert sum(int(b.complete.sum()) for b in seen) == (2 + 5) * 6
    assert all(b.past.shape[:2] == b.known.shape for b in seen)


def test_reads_any_white_space_and_the_frame_distance(tmp_path) -> None:
    path = tmp_path / "tracks.txt"
    path.write_text("0 1 0.0 0.0\n10\t1\t0.5 0.0\n\n20,1,1.0,0.0\n")
    assert read_tracks(path, 0.4).index.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0 1 0.0 0.0\n10 1 abc 0.0\n", "line 2: expected four numbers"),
        ("0 1 0.0\n", "line 1: expected four numbers"),
        ("0 1 nan 0.0\n", "line 1"),
        ("", "holds no rows"),
        ("0 1 0 0\n0 1 1 1\n10 1 2 2\n", "id 1 twice"),
    ],
)
def test_bad_text_gets_one_sentence(tmp_path, text: str, reason: str) -> None:
    path = tmp_path / "tracks.txt"
    path.write_text(text)
    with pytest.raises(EquiError, match=reason):
        read_tracks(path, 0.4)


def test_missing_and_binary_files_get_one_sentence(tmp_path) -> None:
    with pytest.raises(EquiError, match="No such file"):
        read_tracks(tmp_path / "none.txt", 0.4)
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EquiError, match="not a text file"):
        read_tracks(tmp_path / "bytes.txt", 0.4)
