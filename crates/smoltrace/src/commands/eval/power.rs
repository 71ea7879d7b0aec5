//! Power of an evaluation: where it is measured without being asked, readings at the edges of tests, the limit.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use async_trait::async_trait;
use smoltrace_eval::{
    agent::{Agent, Assignment},
    run::{Stop, Stopper},
};
use smoltrace_model::factors::{Factors, POWER_SOURCE};
use smoltrace_store::Store;

use crate::{
    cli::eval::EvalArgs,
    exit::UsageError,
    power::{self, Choice, Pending},
};

/// How often the limit is looked at.
const EVERY: Duration = Duration::from_millis(250);

/// What is to be measured. `auto`, which is the default, is the hardware here if the model runs on it.
///
/// # Errors
/// Factors that cannot be, and a limit on what nobody measures.
pub fn choice(args: &EvalArgs, model_runs_here: bool) -> Result<Choice> {
    power::resolve_factors(&args.power.measure)?;
    let choice = match args.power.choice(Choice::Auto) {
        Choice::Auto if !model_runs_here => Choice::Off,
        choice => choice,
    };
    if choice == Choice::Off && args.running.max_energy.is_some() {
        let why = "--max-energy: nothing is measured; --power says what is to be";
        return Err(UsageError(why.into()).into());
    }
    Ok(choice)
}

/// Starts to measure for a run; none where there is nothing to be measured. A run that goes on keeps the factors that it
/// began with.
pub async fn start(
    args: &EvalArgs,
    choice: &Choice,
    store: &Store,
    run_id: &str,
) -> Result<Option<Arc<Pending>>> {
    // Who did not ask is not told that there is nothing.
    let tell = args.power.power.is_some();
    let Some(mut measuring) = power::start(&args.power.measure, choice, tell)? else {
        if args.running.max_energy.is_some() {
            anyhow::bail!("--max-energy: no power can be measured here");
        }
        return Ok(None);
    };
    if args.running.resume.is_some()
        && let Some(factors) = recorded_factors(store, run_id).await?
    {
        measuring.factors = factors;
    }
    Ok(Some(Pending::new(Arc::new(measuring), run_id)))
}

/// What the run's energy is turned into CO2 and cost with so far.
async fn recorded_factors(store: &Store, run_id: &str) -> Result<Option<Factors>> {
    let set = store.series(run_id, &["hw.energy", "hw.power"]).await?;
    let own = set.series().iter().map(|series| series.info.resource.as_str());
    let resources = own.filter(|resource| resource.contains(POWER_SOURCE));
    let mut factors =
        resources.filter_map(|resource| Factors::from_attributes(&serde_json::from_str(resource).ok()?));
    Ok(factors.next())
}

/// Lets the devices be measured before anything runs, unless the run is stopped.
pub async fn baseline(seconds: f64, stopper: &Stopper) {
    if seconds > 0.0 {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs_f64(seconds)) => {}
            _ = stopper.wait() => {}
        }
    }
}

/// Stops the run when it has used too much; to be awaited beside it.
pub async fn watch(pending: Option<&Pending>, limit_wh: Option<f64>, stopper: &Stopper) {
    let (Some(pending), Some(limit_wh)) = (pending, limit_wh) else { return std::future::pending().await };
    loop {
        tokio::time::sleep(EVERY).await;
        let used_wh = pending.now().energy_wh();
        if used_wh >= limit_wh {
            return stopper.stop(Stop::Limit(format!("it used {used_wh:.4} Wh, and may use {limit_wh}")));
        }
    }
}

/// The agents, each with readings where its tests begin and end.
pub fn measured(agents: Vec<Arc<dyn Agent>>, pending: Option<&Arc<Pending>>) -> Vec<Arc<dyn Agent>> {
    let Some(pending) = pending else { return agents };
    let one = |agent| Arc::new(Measured { agent, pending: pending.clone() }) as Arc<dyn Agent>;
    agents.into_iter().map(one).collect()
}

struct Measured {
    agent: Arc<dyn Agent>,
    pending: Arc<Pending>,
}

/// Reads when it is made and when it goes, however that comes about.
struct Edges<'a>(&'a Pending);

impl<'a> Edges<'a> {
    fn new(pending: &'a Pending) -> Self {
        pending.edge();
        Self(pending)
    }
}

impl Drop for Edges<'_> {
    fn drop(&mut self) {
        self.0.edge();
    }
}

#[async_trait]
impl Agent for Measured {
    fn kind(&self) -> &str {
        self.agent.kind()
    }

    fn by_answer(&self) -> bool {
        self.agent.by_answer()
    }

    async fn run(&self, assignment: Assignment<'_>) {
        let _edges = Edges::new(&self.pending);
        self.agent.run(assignment).await;
    }
}
