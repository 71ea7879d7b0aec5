//! `smoltrace eval`: wires tasks, model, agents and tables together, runs, and tells what came out.

mod export;
mod hub;
mod labels;
mod model;
mod power;
mod receive;
mod resume;
mod sink;
mod tasks;
mod tools;
mod view;

use std::{future::Future, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use serde_json::Value;
use smoltrace_eval::{
    Redactor,
    agent::{
        Agent, CodeAgent, Equipment, External, ExternalAgent, PromptError, Prompts, Settings,
        ToolCallingAgent,
    },
    chat::{ChatModel, replay::Recorder},
    clock::Clock,
    run::{self, Limits, Meter, Metered, PromptKeeping, RunOptions, Stop, Stopper},
    sandbox::SandboxLimits,
    score::Judge,
    task::TaskSet,
};
use smoltrace_model::rows::RunRow;
use smoltrace_store::Store;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use self::{export::Exporting, model::Models, sink::StoreSink, view::View};
use super::{open, serve::stopped};
use crate::{
    cli::eval::{AgentType, EvalArgs},
    config::Config,
    exit::{Unmet, UsageError},
    power::{Choice, Recording},
};

/// Steps of an agent, as SMOLTRACE has it.
const MAX_STEPS: u32 = 6;

pub async fn run(args: &EvalArgs, config: &Config) -> Result<()> {
    // Everything that can be wrong with the arguments is found before anything is stored or asked.
    let evaluation = Evaluation::new(args).await?;
    let store = open(&config.data_dir).await?;
    evaluation.run(&store, config, stopped()?).await
}

/// An evaluation whose arguments make sense.
pub struct Evaluation<'a> {
    args: &'a EvalArgs,
    tasks: TaskSet,
    /// Of which dataset of the Hugging Face Hub, and which commit.
    dataset: Option<Value>,
    model: Arc<dyn ChatModel>,
    judge: Option<Judge>,
    clock: Clock,
    workspace: tools::Workspace,
    redactor: Redactor,
    notes: Vec<String>,
    power: Choice,
}

impl<'a> Evaluation<'a> {
    pub async fn new(args: &'a EvalArgs) -> Result<Self> {
        let clock: Clock = Arc::new(now_unix_nano);
        let mut models = Models::new(args, clock.clone());
        let model = models.model(&args.model)?;
        let judge = args.running.judge.as_deref().map(|name| models.judge(name)).transpose()?;
        let tasks::Chosen { set: tasks, dataset } = tasks::read(&args.tasks, &clock).await?;
        let workspace = tools::Workspace::new(args, &tasks, &clock)?;
        let redactor = Redactor::new(models.secrets().into_iter().chain(hub::token()));
        let power = power::choice(args, models.runs_here())?;
        let notes = models.notes();
        Ok(Self { args, tasks, dataset, model, judge, clock, workspace, redactor, notes, power })
    }

    /// Runs it into the tables, until it is done or `stop` comes.
    pub async fn run(self, store: &Store, config: &Config, stop: impl Future<Output = ()>) -> Result<()> {
        let Self { args, tasks, dataset, model, judge, clock, workspace, redactor, notes, power } = self;
        let resumed = match &args.running.resume {
            Some(run) => Some(resume::Resumed::find(store, run, model.name()).await?),
            None => None,
        };
        let run_id = match (&resumed, &args.running.run_id) {
            (Some(resumed), _) => resumed.run.run_id.clone(),
            (None, Some(given)) => resume::fresh_id(store, given).await?,
            (None, None) => uuid::Uuid::new_v4().to_string(),
        };

        let stopper = Stopper::default();
        let time = args.running.max_time.map(Duration::from_secs_f64);
        let limits = Limits { cost_usd: args.running.max_cost, tokens: args.running.max_tokens, time };
        let meter = Meter::new(limits, stopper.clone());
        let recorder = args.record.as_ref().map(|_| Arc::new(Recorder::new(model.clone())));
        let asked: Arc<dyn ChatModel> = match &recorder {
            Some(recorder) => recorder.clone(),
            None => model.clone(),
        };
        let asked: Arc<dyn ChatModel> = Arc::new(Metered::new(asked, meter.clone()));
        let judging = |model| -> Arc<dyn ChatModel> { Arc::new(Metered::judging(model, meter.clone())) };
        let judge = judge.map(|judge| judge.with_model(judging));
        let reception = match args.agents.is_own() {
            true => Some(receive::Reception::open(store).await?),
            false => None,
        };
        let endpoint = reception.as_ref().map(|reception| reception.endpoint.clone());
        let agents = agents(args, &asked, &workspace, endpoint).await?;
        let pending = power::start(args, &power, store, &run_id).await?;
        let agents = power::measured(agents, pending.as_ref());

        let done = resumed.as_ref().map(|resumed| resumed.done.clone()).unwrap_or_default();
        let executions = run::plan(&tasks, &agents, args.tasks.attempts, &done);
        if executions.is_empty() && resumed.is_none() {
            return Err(UsageError("none of the tasks is for the agents that were chosen".into()).into());
        }
        let mut declared = match &resumed {
            Some(resumed) => resumed.declared(&tasks)?,
            None => labels::declared(args, &tasks, &*model, &agents, judge.as_ref(), now_unix_nano()),
        };
        declared.insert("planned_tests".into(), (done.len() + executions.len()).into());
        if let Some(dataset) = dataset {
            declared.entry("dataset").or_insert(dataset);
        }
        let is_work = !executions.is_empty();
        let before = resumed.map(|resumed| resumed.run);
        let exporting = export::exporter()?.map(Exporting::start);
        let sink = StoreSink::new(store.clone(), &run_id, declared, before, exporting, pending.clone());
        let sink = Arc::new(sink);
        let recording = pending.clone().map(|pending| Recording::start(pending, sink.clone()));
        let options = RunOptions {
            run_id: run_id.clone(),
            model: model.name().to_owned(),
            workers: usize::from(args.running.parallel_workers),
            max_steps: args.agents.max_steps.unwrap_or(MAX_STEPS),
            task_timeout: Some(args.running.task_timeout).filter(|s| *s > 0.0).map(Duration::from_secs_f64),
            prompts: if args.running.no_content { PromptKeeping::LeaveOut } else { PromptKeeping::Keep },
            resource: labels::resource(&run_id, model.is_simulated()),
            redactor,
            judge,
            clock,
        };
        let mut view = View::new(config, &run_id, model.name(), done.len(), notes);
        view.begin(&tasks, pending.as_deref())?;
        let (events, mut happened) = mpsc::unbounded_channel();
        let running = async {
            if pending.is_some() {
                power::baseline(args.idle_baseline, &stopper).await;
            }
            run::run(executions, options, sink.clone(), stopper.clone(), events).await
        };
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let showing = async {
            loop {
                tokio::select! {
                    event = happened.recv() => match event {
                        Some(event) => view.show(&event, meter.spent()),
                        None => break,
                    },
                    _ = second.tick() => if let Some(pending) = &pending { view.measured(pending.now()) },
                }
            }
        };
        // If the run cannot be opened, no test of it can be stored either, and the first says why.
        let opening = async {
            if is_work {
                let _ = sink.open().await;
            }
        };
        let watching = async {
            tokio::select! {
                () = stop => stopper.stop(Stop::Asked),
                () = meter.watch_time() => {}
                () = power::watch(pending.as_deref(), args.running.max_energy, &stopper) => {}
            }
            std::future::pending::<()>().await
        };
        let totals = tokio::select! {
            (totals, (), ()) = async { tokio::join!(running, showing, opening) } => totals,
            () = watching => unreachable!("watching never ends"),
        };
        view.end();
        let mut troubles = Vec::new();
        if let Some(recording) = recording {
            troubles.extend(recording.finish().await.trouble());
        }
        if let (Some(path), Some(recorder)) = (&args.record, &recorder) {
            let made_by = format!("smoltrace {} from {}", env!("CARGO_PKG_VERSION"), model.name());
            let recording = serde_json::to_vec_pretty(&recorder.recording(&made_by))?;
            std::fs::write(path, recording).with_context(|| format!("cannot write {}", path.display()))?;
        }
        if let Some(reception) = reception {
            reception.close().await?;
        }
        let row = sink.seal(totals.stop.is_some() || totals.not_run > 0).await?;
        troubles.extend(sink.exported().await);
        view.report(&row, &totals, &meter, &troubles)?;
        outcome(args, &row, &totals)
    }
}

/// What the exit code says of a run that is recorded.
fn outcome(args: &EvalArgs, row: &RunRow, totals: &run::Totals) -> Result<()> {
    if let Some(stop) = &totals.stop {
        let why = match stop {
            Stop::Asked => "it was stopped".to_owned(),
            Stop::Limit(limit) => limit.clone(),
            Stop::Storage(error) => anyhow::bail!("the results could not be stored: {error}"),
        };
        let why = format!("{why}; `smoltrace eval --resume {} ...` goes on", row.run_id);
        return Err(Unmet::Partial { why }.into());
    }
    match (args.running.fail_under, row.success_rate) {
        (Some(threshold), Some(rate)) if rate < threshold => {
            Err(Unmet::BelowThreshold { rate, threshold }.into())
        }
        _ => Ok(()),
    }
}

async fn agents(
    args: &EvalArgs,
    model: &Arc<dyn ChatModel>,
    workspace: &tools::Workspace,
    otlp_endpoint: Option<String>,
) -> Result<Vec<Arc<dyn Agent>>> {
    let own = match (&args.agents.agent_command, &args.agents.agent_url) {
        (Some(command), _) => Some(External::Command(command.clone())),
        (_, Some(url)) => Some(External::Http(url.clone())),
        _ => None,
    };
    if let Some(external) = own {
        let agent =
            ExternalAgent::new(&args.agents.agent_name, external, otlp_endpoint).map_err(UsageError)?;
        return Ok(vec![Arc::new(agent)]);
    }
    let file = match &args.agents.prompt_yml {
        Some(path) => {
            Some(std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?)
        }
        None => None,
    };
    let refused = |error: PromptError| UsageError(format!("--prompt-yml: {error}"));
    let prompts = |built_in: Prompts| -> Result<Prompts> {
        match &file {
            Some(yaml) => built_in.replaced(yaml).map_err(|error| refused(error).into()),
            None => Ok(built_in),
        }
    };
    let tools = workspace.tools().await?;
    let equipment = |prompts: Prompts| Equipment {
        model: model.clone(),
        tools: tools.clone(),
        settings: Settings {
            planning_interval: args.agents.planning_interval.or(prompts.planning_interval),
            record_messages: !args.running.no_content,
        },
        prompts: Arc::new(prompts),
        tool_timeout: Duration::from_secs_f64(args.tools.tool_timeout),
    };
    let mut agents: Vec<Arc<dyn Agent>> = Vec::new();
    if args.agents.agent_type != AgentType::Code {
        let equipment = equipment(prompts(Prompts::tool_calling())?);
        agents.push(Arc::new(ToolCallingAgent::new(equipment).map_err(refused)?));
    }
    if args.agents.agent_type != AgentType::Tool {
        let equipment = equipment(prompts(Prompts::code())?);
        let agent = CodeAgent::new(equipment, workspace.workers(), SandboxLimits::default());
        agents.push(Arc::new(agent.map_err(refused)?));
    }
    Ok(agents)
}

fn now_unix_nano() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
