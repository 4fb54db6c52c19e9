"""Which metrics are shown first."""

from __future__ import annotations

from autotrack.highlights import rank_metrics


def test_held_out_data_come_first_and_well_known_scores() -> None:
    keys = [
        "training_score",
        "epoch_seconds",
        "test_f1_score_macro",
        "val_loss",
        "test_f1_score",
        "test_accuracy_score",
    ]
    ranked = rank_metrics([keys])
    assert ranked[:4] == ["test_accuracy_score", "test_f1_score", "test_f1_score_macro", "val_loss"]
    assert ranked[-2:] == ["training_score", "epoch_seconds"]


def test_what_counts_and_times_a_training_comes_last() -> None:
    keys = ["best_cv_score", "best_index", "n_candidates", "n_splits", "best_iteration", "training_accuracy_score"]
    assert rank_metrics([keys])[:2] == ["best_cv_score", "training_accuracy_score"]


def test_the_score_of_a_candidate_comes_before_what_else_a_search_tells() -> None:
    keys = [
        "mean_fit_time",
        "mean_score_time",
        "mean_test_score",
        "rank_test_score",
        "split0_test_score",
        "std_test_score",
    ]
    assert rank_metrics([keys])[0] == "mean_test_score"


def test_the_machine_is_left_out_unless_asked_for() -> None:
    assert rank_metrics([["system/cpu", "loss"]]) == ["loss"]
    assert rank_metrics([["system/cpu", "loss"]], first=["system/cpu"]) == ["system/cpu", "loss"]
