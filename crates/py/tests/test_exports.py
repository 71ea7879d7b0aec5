"""What Python's readers make of the program's exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict

import datasets
import pandas
import polars
import pyarrow
import pyarrow.parquet
import pytest
from conftest import RECORDING
from keys import LEADERBOARD, METRICS, OURS, RESULTS

from smoltrace.utils import aggregate_gpu_metrics, flatten_metrics_for_hf

RUN_ID = "5d0c1f0e-2f0a-4a52-9a0e-2b6d7f3f9e11"
ROWS = {"leaderboard": 1, "results": 12, "traces": 12, "metrics": 8}
COLUMNS = {
    "leaderboard": {*LEADERBOARD, *OURS},
    "results": set(RESULTS),
    "traces": {"trace_id", "spans"},
    "metrics": set(METRICS),
}

each_table = pytest.mark.parametrize("table", ROWS)


@pytest.fixture(scope="module")
def exports(smoltrace: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two-GPU recording, imported and exported in every form: a folder a form."""
    folder = tmp_path_factory.mktemp("exports")
    smoltrace("import", RECORDING)
    for form in ("json", "parquet", "csv"):
        smoltrace("export", RUN_ID, "--format", form, "--out", folder / form)
    return folder


@pytest.fixture(scope="module")
def parquet(exports: Path) -> Dict[str, Path]:
    """The Parquet file of each table."""
    return {
        table: exports / "parquet" / table / "data" / "train-00000-of-00001.parquet" for table in ROWS
    }


@each_table
def test_pyarrow(table: str, parquet: Dict[str, Path]) -> None:
    read = pyarrow.parquet.read_table(parquet[table])
    assert read.num_rows == ROWS[table]
    assert COLUMNS[table] <= set(read.column_names)


@each_table
def test_pandas(table: str, parquet: Dict[str, Path]) -> None:
    frame = pandas.read_parquet(parquet[table])
    assert len(frame) == ROWS[table]
    assert COLUMNS[table] <= set(frame.columns)


@each_table
def test_polars(table: str, parquet: Dict[str, Path]) -> None:
    frame = polars.read_parquet(parquet[table])
    assert frame.height == ROWS[table]
    assert COLUMNS[table] <= set(frame.columns)


@each_table
def test_datasets(table: str, parquet: Dict[str, Path], tmp_path: Path) -> None:
    folder = parquet[table].parents[1]
    dataset = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path))
    assert dataset.num_rows == ROWS[table]
    assert COLUMNS[table] <= set(dataset.column_names)


def test_metrics_have_exactly_the_published_columns(parquet: Dict[str, Path]) -> None:
    schema = pyarrow.parquet.read_schema(parquet["metrics"])
    assert schema.names == METRICS
    values = [name for name in METRICS if name not in TEXTS]
    assert {schema.field(name).type for name in values} == {pyarrow.float64()}
    assert all(is_text(schema.field(name).type) for name in TEXTS)


TEXTS = ["run_id", "service_name", "timestamp", "timestamp_unix_nano", "gpu_id", "gpu_name"]


def is_text(type: Any) -> bool:
    return pyarrow.types.is_string(type) or pyarrow.types.is_large_string(type)


def test_metrics_are_the_rows_of_the_module(parquet: Dict[str, Path]) -> None:
    rows = pyarrow.parquet.read_table(parquet["metrics"]).to_pylist()
    assert rows == flatten_metrics_for_hf(RECORDING / "metrics.json")


def test_leaderboard_values(parquet: Dict[str, Path]) -> None:
    (row,) = pyarrow.parquet.read_table(parquet["leaderboard"]).to_pylist()
    expected = {
        "run_id": RUN_ID,
        "total_tests": 12,
        "total_tokens": 26002,
        "total_duration_ms": 34363.52,
        "co2_emissions_g": 1.8413,
        "power_cost_total_usd": 0.000465,
        "gpu_count": 2,
    }
    assert {key: row[key] for key in expected} == expected


@pytest.mark.parametrize("table", ["leaderboard", "results", "metrics"])
def test_csv(table: str, exports: Path) -> None:
    frame = pandas.read_csv(exports / "csv" / f"{table}.csv")
    assert len(frame) == ROWS[table]
    assert COLUMNS[table] <= set(frame.columns)


def test_csv_spans(exports: Path, recording: Dict[str, Any]) -> None:
    frame = pandas.read_csv(exports / "csv" / "spans.csv")
    assert len(frame) == sum(len(trace["spans"]) for trace in recording["traces"])
    assert frame["span_id"].is_unique


def test_csv_totals(exports: Path) -> None:
    results = pandas.read_csv(exports / "csv" / "results.csv")
    assert results["total_tokens"].sum() == 26002
    assert results["success"].sum() == 9


def test_json(exports: Path) -> None:
    folder = exports / "json"
    row = json.loads((folder / "leaderboard_row.json").read_text("utf-8"))
    assert {*LEADERBOARD, *OURS} <= set(row)
    assert row["total_tokens"] == 26002
    metrics = folder / "metrics.json"
    assert aggregate_gpu_metrics(metrics) == aggregate_gpu_metrics(RECORDING / "metrics.json")
    assert flatten_metrics_for_hf(metrics) == flatten_metrics_for_hf(RECORDING / "metrics.json")
    assert len(json.loads((folder / "results.json").read_text("utf-8"))) == 12
    assert len(json.loads((folder / "traces.json").read_text("utf-8"))) == 12
