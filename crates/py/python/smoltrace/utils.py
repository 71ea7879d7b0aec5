"""The accounting functions of SMOLTRACE, with its names, parameters and keys.

Everywhere below, *metrics* may be given in any of these forms:

* the objects themselves: a dict with ``resourceMetrics``, or a list of resource metrics;
* a path (``str`` or ``os.PathLike``) of a ``metrics.json`` or OTLP JSON file, gzip or not;
* the content of such a file as ``bytes``.

A path or bytes is by far the fastest: it is decoded without making a Python object for
every point. The GIL is released while text is decoded and while numbers are computed.

Bad input raises ``ValueError`` naming the place and what was expected there; an argument
that is none of the forms raises ``TypeError``; a file that cannot be read raises
``FileNotFoundError``, ``PermissionError`` or another ``OSError``. Single points of a file that
cannot be read are left out with a ``UserWarning``.
"""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from smoltrace import _native

__all__ = [
    "aggregate_gpu_metrics",
    "compute_leaderboard_row",
    "flatten_metrics_for_hf",
    "flatten_results_for_hf",
]

Metrics = Union[
    Mapping[str, Any],
    Sequence[Mapping[str, Any]],
    str,
    "os.PathLike[str]",
    bytes,
    bytearray,
    memoryview,
    None,
]


def aggregate_gpu_metrics(resource_metrics: Metrics) -> Dict[str, Optional[float]]:
    """Nine numbers of a run's GPU metrics; None where nothing was measured.

    ``utilization_avg`` and ``utilization_max`` (percent), ``memory_avg`` and ``memory_max``
    (MiB), ``temperature_avg`` and ``temperature_max`` (degrees Celsius), ``power_avg`` (W),
    ``co2_total`` (g CO2e), ``power_cost_total`` (USD).

    Where this differs from SMOLTRACE's own function, on purpose:

    * Counters add up over GPUs. There, the largest GPU stands for all of them.
    * A counter that starts again (a new start time or, without one, a drop) begins a new
      segment, and the segments add up. There, what came before the reset is lost.
    * Delta counters are added up; there, the largest delta is the total.
    * A value of 0 counts, as a number or as text. There, an integer 0 is skipped, so
      averages of an idle GPU are too high.
    * Points that arrive twice count once, and points may arrive in any order.
    * NaN and infinity are dropped.
    """
    return _native.aggregate_gpu_metrics(resource_metrics)


def flatten_metrics_for_hf(metric_data: Metrics) -> List[Dict[str, Any]]:
    """One dict per timestamp and GPU, in order of time, each with exactly 13 keys.

    ``run_id``, ``service_name``, ``timestamp`` (ISO 8601, UTC), ``timestamp_unix_nano``
    (text), ``co2_emissions_gco2e``, ``power_cost_usd``, ``gpu_utilization_percent``,
    ``gpu_memory_used_mib``, ``gpu_memory_total_mib``, ``gpu_temperature_celsius``,
    ``gpu_power_watts``, ``gpu_id``, ``gpu_name``. A value that was not measured at that time
    is 0.0, as readers of the published dataset expect.

    Where this differs from SMOLTRACE's own function, on purpose:

    * Every GPU has its own row, and every point counts. There, GPUs that share a timestamp
      overwrite each other, and only the first point of a metric is read.
    * A series of the whole host joins the GPU's row when there is one GPU; else it stands in
      a row of its own, whose ``gpu_id`` and ``gpu_name`` are None.
    * The keys are always the same: other point attributes (``source``, ``country``,
      ``region``) and other metrics are dropped. There, they become extra keys of some rows.
    * ``timestamp`` is UTC. There, it is the local time of whoever runs the function.
    """
    return _native.flatten_metrics_for_hf(metric_data)


def flatten_results_for_hf(
    all_results: Mapping[str, Sequence[Mapping[str, Any]]], model_name: str
) -> List[Dict[str, Any]]:
    """One dict per test execution, in the order given, ready for a dataset.

    ``all_results`` maps an agent type (``tool``, ``code``) to its executions. Trace id, root
    span, duration, tokens and cost come from an execution's ``enhanced_trace_info`` (a dict or
    its JSON text) where the execution does not carry them itself.

    Where this differs from SMOLTRACE's own function, on purpose:

    * A key that an execution lacks gives None; only ``test_id`` (or ``task_id``) must be there,
      else ``KeyError`` is raised. There, almost any missing key raises it.
    * Values come back as JSON knows them: tuples as lists, NaN as None, and what JSON has no
      form for as its ``str()``.
    * ``evaluation_date`` is UTC.
    """
    return _native.flatten_results_for_hf(all_results, model_name, _now())


def compute_leaderboard_row(
    model_name: str,
    all_results: Mapping[str, Sequence[Mapping[str, Any]]],
    trace_data: Sequence[Mapping[str, Any]],
    metric_data: Metrics,
    dataset_used: str,
    results_dataset: str,
    traces_dataset: str,
    metrics_dataset: str,
    agent_type: str = "both",
    run_id: Optional[str] = None,
    provider: str = "litellm",
    *,
    use_case: Optional[str] = None,
    team: Optional[str] = None,
    purpose: Optional[str] = None,
    suite_version: Optional[str] = None,
    submitted_by: Optional[str] = None,
    run_state: Optional[Mapping[str, Any]] = None,
    task_timeout: Optional[float] = None,
    request_timeout: Optional[float] = None,
    tool_timeout: Optional[float] = None,
    hardware: Optional[Mapping[str, Any]] = None,
) -> Dict[str, Any]:
    """The leaderboard row of a run: SMOLTRACE's keys, and ours beside them.

    Ours: where numbers come from (``cost_source``, ``energy_source``, ``co2_source``,
    ``power_cost_source``: ``measured``, ``reported``, ``price_table``, ``trace_aggregate``; ``none`` when
    unknown), ``simulated``, ``success_rate_ci_low`` and ``success_rate_ci_high`` (Wilson 95%,
    percent), ``attempts``, ``pass_at_k``, ``pass_hat_k``, ``wall_ms``, ``energy_wh``,
    ``gpu_count``, ``start_time_unix_nano``, ``end_time_unix_nano`` and what no test was running
    for: ``unattributed_co2_g``, ``unattributed_power_cost_usd``, ``unattributed_energy_wh``.
    ``energy_accounting`` is a dict of what energy was made of, or None: ``devices`` (joules, source,
    coverage, CO2 and cost of each), ``factors`` (PUE, grid intensity and price, with source and
    year) and ``call_energy`` of LLM calls.

    Raises ``ValueError`` when ``purpose`` is not ``selection``, ``regression`` or
    ``monitoring``.

    Where this differs from SMOLTRACE's own function, on purpose:

    * Tokens and cost: when the traces carry their spans, only spans that bear usage and have
      no such span beneath them count; a parent repeats its children's sum. There, every level
      counts, so totals are several times too high. Traces without spans keep their own totals.
    * Duration of a test is the wall clock of its root span; there, nested spans are added up.
    * CO2, power cost and GPU values are made as in :func:`aggregate_gpu_metrics`; of a counter
      that had begun before the run, what it showed at the run's start is taken off. A measured
      0 stays 0; only when no series is there do trace aggregates stand in, for the power cost
      too, and with neither the value is 0 with source ``none``. There, a missing series and a
      measured 0 are mixed up.
    * Cost that no span states comes from a table of prices and the tokens.
    * ``hardware`` is recorded when given; nothing is detected here.
    * ``submitted_by`` is "unknown" unless given: no token is read, no network is used.
    * ``timestamp`` is UTC.
    """
    return _native.compute_leaderboard_row(
        all_results,
        trace_data,
        metric_data,
        {
            "run_id": run_id,
            "model": model_name,
            "agent_type": agent_type,
            "provider": provider,
            "timestamp": _now(),
            "submitted_by": submitted_by or "unknown",
            "use_case": use_case,
            "team": team,
            "purpose": purpose,
            "suite_version": suite_version,
            "results_dataset": results_dataset,
            "traces_dataset": traces_dataset,
            "metrics_dataset": metrics_dataset,
            "dataset_used": dataset_used,
            "run_state": run_state,
            "task_timeout_s": task_timeout,
            "request_timeout_s": request_timeout,
            "tool_timeout_s": tool_timeout,
            "hardware": hardware,
        },
    )


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()
