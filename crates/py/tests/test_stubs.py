"""The stubs say what the module has."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Dict, List

import smoltrace
from smoltrace import _native, utils

PACKAGE = Path(smoltrace.__file__).parent


def stubbed() -> Dict[str, List[str]]:
    tree = ast.parse((PACKAGE / "_native.pyi").read_text("utf-8"))
    return {
        node.name: [argument.arg for argument in node.args.args]
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


def test_native_stubs() -> None:
    functions = {
        name: list(inspect.signature(value).parameters)
        for name, value in vars(_native).items()
        if callable(value)
    }
    assert functions == stubbed()


def test_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()
    for name in utils.__all__:
        signature = inspect.signature(getattr(utils, name))
        assert signature.return_annotation is not inspect.Signature.empty
        assert all(p.annotation is not p.empty for p in signature.parameters.values()), name


def test_signatures_are_the_known_ones() -> None:
    parameters = {name: list(inspect.signature(getattr(utils, name)).parameters) for name in utils.__all__}
    assert parameters == {
        "aggregate_gpu_metrics": ["resource_metrics"],
        "compute_leaderboard_row": [
            "model_name",
            "all_results",
            "trace_data",
            "metric_data",
            "dataset_used",
            "results_dataset",
            "traces_dataset",
            "metrics_dataset",
            "agent_type",
            "run_id",
            "provider",
            "use_case",
            "team",
            "purpose",
            "suite_version",
            "submitted_by",
            "run_state",
            "task_timeout",
            "request_timeout",
            "tool_timeout",
            "hardware",
        ],
        "flatten_metrics_for_hf": ["metric_data"],
        "flatten_results_for_hf": ["all_results", "model_name"],
    }
    row = inspect.signature(utils.compute_leaderboard_row).parameters
    assert (row["agent_type"].default, row["provider"].default) == ("both", "litellm")
    assert [name for name, p in row.items() if p.kind is p.KEYWORD_ONLY][0] == "use_case"


def test_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert smoltrace.__version__ == version("smoltrace")
