//! The query parameters that name a set of runs.

/// Declares a parameter struct: the filter, then what a route adds to it.
macro_rules! run_params {
    (
        $(#[$meta:meta])*
        pub struct $name:ident { $($rest:tt)* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
        #[serde(default, deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            /// Words that must all occur in run id, model, notes, dataset, hardware or submitter.
            pub q: Option<String>,
            /// Model; repeat for alternatives.
            pub model: Vec<String>,
            /// Agent type; repeat for alternatives.
            pub agent_type: Vec<String>,
            /// Provider; repeat for alternatives.
            pub provider: Vec<String>,
            /// Hardware; repeat for alternatives.
            pub hardware: Vec<String>,
            /// Task set; repeat for alternatives.
            pub dataset_used: Vec<String>,
            /// Use case; repeat for alternatives.
            pub use_case: Vec<String>,
            /// Team; repeat for alternatives.
            pub team: Vec<String>,
            /// selection, regression or monitoring; repeat for alternatives.
            pub purpose: Vec<String>,
            /// Suite version; repeat for alternatives.
            pub suite_version: Vec<String>,
            /// Submitter; repeat for alternatives.
            pub submitted_by: Vec<String>,
            /// completed, partial, failed or running; repeat for alternatives.
            pub status: Vec<String>,
            /// `true` for runs with simulated devices only, `false` for the others only.
            pub simulated: Vec<String>,
            /// Recorded at this time or later: a date or an ISO 8601 time, UTC when it names no
            /// offset.
            #[param(example = "2026-11-01")]
            pub from: Option<String>,
            /// Recorded at this time or earlier; a date includes its whole day.
            #[param(example = "2026-11-30")]
            pub to: Option<String>,
            $($rest)*
        }

        impl $name {
            /// The filter that the parameters name.
            pub fn filter(&self) -> Result<$crate::leaderboard::Filter, $crate::error::ApiError> {
                $crate::leaderboard::Filter::parse(
                    self.q.as_deref(),
                    &[
                        ("model", &self.model),
                        ("agent_type", &self.agent_type),
                        ("provider", &self.provider),
                        ("hardware", &self.hardware),
                        ("dataset_used", &self.dataset_used),
                        ("use_case", &self.use_case),
                        ("team", &self.team),
                        ("purpose", &self.purpose),
                        ("suite_version", &self.suite_version),
                        ("submitted_by", &self.submitted_by),
                        ("status", &self.status),
                        ("simulated", &self.simulated),
                    ],
                    self.from.as_deref(),
                    self.to.as_deref(),
                )
            }
        }
    };
}
pub(crate) use run_params;
