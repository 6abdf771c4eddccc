//! Reading back what was written: the portal drops what it does not like without a word.

use super::{by_id, by_origin, names, stage_of};
use crate::{
    domain::{ErrorCode, ShopName, Stage, happening::Note},
    planner::{
        Outcome, State, Wave,
        indexes::JobIx,
        json::{decimal, is_empty, rows, text},
        list_query::row_id,
        wave::{
            batching::{PendingCommand, PlannedCommand},
            job::Missed,
        },
    },
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What one command can read back together: deals and leads apart, new ones of a shop by origin,
/// old ones by id.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    lead: bool,
    new_of: Option<ShopName>,
}

impl Kind {
    fn of(state: &State) -> Self {
        Self {
            lead: state.is_lead(),
            new_of: state.is_new().then(|| state.job.rules.shop.clone()),
        }
    }
}

/// How many commands of a call are kept free for reading back: never so many that a group of four
/// finds no room.
pub(in crate::planner) fn read_back_room(states: &[State]) -> usize {
    let open = states.iter().filter(|state| state.open());
    let kinds: BTreeSet<Kind> = open.map(Kind::of).collect();
    kinds.len().clamp(1, 40)
}

/// The commands that read back what a call writes.
pub(in crate::planner) fn read_back(
    states: &[State],
    steps: &[PlannedCommand],
    most: usize,
) -> Vec<PlannedCommand> {
    let mut kinds: BTreeMap<Kind, BTreeSet<JobIx>> = BTreeMap::new();
    for step in steps {
        if let PendingCommand::Add { job }
        | PendingCommand::Update { job, .. }
        | PendingCommand::SetRows { job, .. } = step.ask
        {
            kinds.entry(Kind::of(&states[job])).or_default().insert(job);
        }
    }
    let read = |(kind, jobs): (Kind, BTreeSet<JobIx>)| {
        let jobs: Vec<JobIx> = jobs.into_iter().collect();
        let orders: Vec<&State> = jobs.iter().map(|job| &states[*job]).collect();
        let (method, params) = match kind.new_of {
            Some(_) => by_origin(kind.lead, &orders, None),
            None => by_id(kind.lead, &orders),
        };
        PlannedCommand::new(method, params, PendingCommand::ReadBack { jobs })
    };
    kinds.into_iter().take(most).map(read).collect()
}

impl Wave {
    /// Compares what the portal holds with what was sent.
    pub(in crate::planner) fn check_written(&mut self, jobs: &[JobIx], result: &Value) {
        let rows = rows(result);
        for job in jobs {
            let state = &self.jobs[*job];
            if !state.open() || state.known.target.is_none() {
                continue;
            }
            let target = state.target_id();
            match rows.iter().find(|row| row_id(row) == target) {
                Some(row) => self.check(*job, row),
                None => self.jobs[*job].unseen(),
            }
        }
    }

    pub(super) fn check(&mut self, job: JobIx, row: &Map<String, Value>) {
        if !self.jobs[job].is_lead() {
            self.check_stage(job, stage_of(row));
        }
        let state = &mut self.jobs[job];
        if state.desired.is_some() {
            state.check_fields(row);
        }
    }

    /// A deal that stands elsewhere than it was written to was moved, or the portal has no such
    /// stage. What an earlier wave knew of its stages does not tell which: somebody may have taken
    /// the stage away since.
    fn check_stage(&mut self, job: JobIx, stands: Stage) {
        let state = &mut self.jobs[job];
        let missed = state
            .wanted
            .clone()
            .filter(|wanted| state.stage_written && *wanted != stands);
        state.stage = Some(stands);
        let Some(wanted) = missed else { return };
        state.missed = Missed::Unjudged;
        if self.facts.has_stage(&wanted).is_none() || self.stages_are_new(wanted.funnel) {
            self.judge_missed(wanted.funnel);
        }
    }

    /// Says of each deal that stands elsewhere than it was written to, why.
    pub(in crate::planner) fn judge_missed(&mut self, funnel: u32) {
        let of = |state: &State| {
            let wanted = state.wanted.as_ref();
            state.missed == Missed::Unjudged && wanted.is_some_and(|stage| stage.funnel == funnel)
        };
        for job in self.jobs_where(of) {
            let state = &mut self.jobs[job];
            let wanted = state.wanted.as_ref();
            if wanted.is_some_and(|stage| self.facts.has_stage(stage) == Some(true)) {
                state.take_for_moved();
            } else {
                state.has_no_stage();
            }
        }
    }

    /// Sets sums by hand where the portal's arithmetic came to another result.
    pub(in crate::planner) fn ask_fixes(&mut self) {
        for job in self.jobs_where(|state| state.fix) {
            let state = &self.jobs[job];
            let (Some(target), Some(desired)) = (state.target_id(), &state.desired) else {
                continue;
            };
            let total = &desired.kept["OPPORTUNITY"];
            let fields = json!({"OPPORTUNITY": total, "IS_MANUAL_OPPORTUNITY": "Y"});
            let params = json!({"id": target, "fields": fields});
            let method = names(state.is_lead()).update;
            self.ask(method, params, PendingCommand::FixSum { job });
        }
    }
}

impl State {
    /// The portal has the stage that the deal was written to: another is somebody's move and no
    /// fault.
    pub(in crate::planner) fn take_for_moved(&mut self) {
        if let (Missed::Unjudged, Some(wanted), Some(stands)) =
            (self.missed, &self.wanted, &self.stage)
        {
            let (written, stands) = (wanted.into(), stands.into());
            self.missed = Missed::No;
            self.note(Note::MovedAtOnce { written, stands });
        }
    }

    /// The portal put the deal elsewhere, for want of the stage: nobody moved it.
    fn has_no_stage(&mut self) {
        self.missed = Missed::NoStage;
        if let (Some(wanted), Some(stands)) = (&self.wanted, &self.stage) {
            let message = format!("written to the stage {wanted}, the deal stands in {stands}");
            self.end(Outcome::Hopeless {
                code: ErrorCode::StageUnknown,
                message,
            });
        }
    }

    /// What was written is not to be seen: it is looked at again before the order counts as done.
    fn unseen(&mut self) {
        self.note(Note::NotListedYet);
        self.end(Outcome::Again {
            code: ErrorCode::InDoubt,
        });
    }

    /// Compares what was sent and not seen yet, and nothing else: what people changed beside it is
    /// theirs.
    fn check_fields(&mut self, row: &Map<String, Value>) {
        self.check_sum(row);
        let sent = self.known.open.fields.clone();
        self.confirm(row);
        let emptied: Vec<&str> = sent
            .iter()
            .filter(|(field, ours)| {
                field.starts_with("UF_") && !is_empty(ours) && row.get(*field).is_some_and(is_empty)
            })
            .map(|(field, _)| field.as_str())
            .collect();
        if !emptied.is_empty() {
            let fields = emptied.into_iter().map(str::to_owned).collect();
            self.note(Note::FieldsLeftEmpty { fields });
        }
        let open = &self.known.open.fields;
        if let Some(ours) = open.get("CURRENCY_ID") {
            let message = format!(
                "the currency is {} instead of {}",
                text(row.get("CURRENCY_ID")),
                text(Some(ours))
            );
            self.end(Outcome::Refused {
                code: ErrorCode::NotTaken,
                message,
            });
            return;
        }
        let dropped: Vec<&str> = open.keys().map(String::as_str).collect();
        let dropped = dropped.join(", ");
        if !dropped.is_empty() {
            let message = format!("the portal has no user field {dropped}");
            self.end(Outcome::Hopeless {
                code: ErrorCode::Field,
                message,
            });
        }
    }

    /// The sum, where this order's rows or sum were written and the portal's arithmetic was not
    /// seen since.
    fn check_sum(&mut self, row: &Map<String, Value>) {
        let kept = self.desired.as_ref().map(|desired| &desired.kept);
        let total = decimal(kept.and_then(|kept| kept.get("OPPORTUNITY")));
        let (Some(total), Some(theirs)) = (total, decimal(row.get("OPPORTUNITY"))) else {
            return;
        };
        if !self.known.open.sum || self.known.open.rows {
            return;
        }
        if total == theirs {
            self.known.open.sum = false;
        } else {
            self.fix = true;
            self.note(Note::SumSetByHand {
                portal: theirs.to_string(),
                total: total.to_string(),
            });
        }
    }
}
