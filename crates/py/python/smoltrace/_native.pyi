from typing import Any, Dict, List, Mapping, Optional, Sequence

from smoltrace.utils import Metrics

__version__: str

def aggregate_gpu_metrics(resource_metrics: Metrics) -> Dict[str, Optional[float]]: ...
def flatten_metrics_for_hf(metric_data: Metrics) -> List[Dict[str, Any]]: ...
def flatten_results_for_hf(
    all_results: Mapping[str, Sequence[Mapping[str, Any]]],
    model_name: str,
    evaluation_date: str,
) -> List[Dict[str, Any]]: ...
def compute_leaderboard_row(
    all_results: Mapping[str, Sequence[Mapping[str, Any]]],
    trace_data: Sequence[Mapping[str, Any]],
    metric_data: Metrics,
    declared: Mapping[str, Any],
) -> Dict[str, Any]: ...
