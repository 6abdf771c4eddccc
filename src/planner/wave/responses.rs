//! The portal's answers: for each command, done, refused, put off or lost, and the orders that it
//! concerns.

use super::batching::PendingCommand;
use crate::{
    domain::{
        ErrorCode,
        happening::{Note, Words},
    },
    planner::{
        Call, CallAnswer, CommandAnswer, Outcome, State, Wave,
        indexes::{CustomerIx, FirmIx, JobIx},
    },
};
use serde_json::Value;
use std::collections::BTreeSet;

impl Wave {
    /// Takes what became of a call.
    pub fn answer(&mut self, call: &Call, answer: CallAnswer) {
        let mut answered = match answer {
            CallAnswer::Answered(answered) => answered,
            CallAnswer::InDoubt => return self.call_failed(call, ErrorCode::InDoubt),
            CallAnswer::NotRun => return self.call_failed(call, ErrorCode::Down),
            CallAnswer::Poisoned { code, message } => return self.poisoned(call, code, &message),
        };
        let mut stopped = false;
        for command in &call.commands {
            let Some(ask) = self.batcher.take(&command.key) else {
                continue;
            };
            let answer = answered.remove(&command.key);
            // It was not run, and the one that failed has told of the order.
            if stopped && answer.is_none() {
                continue;
            }
            stopped |= call.halts && !matches!(answer, Some(CommandAnswer::Done { .. }) | None);
            match answer {
                Some(CommandAnswer::Done { result, .. }) if ask.is_told_by(&result) => {
                    self.done(ask, &result);
                }
                Some(CommandAnswer::Refused { error, description }) => {
                    self.refused(ask, &error, &description);
                }
                Some(CommandAnswer::Later) => self.put_off(&ask, ErrorCode::Operating),
                Some(CommandAnswer::Done { .. }) | None => self.put_off(&ask, ErrorCode::InDoubt),
            }
            if call.halts && !stopped {
                self.adopt_customers();
            }
        }
        if call.halts && !stopped {
            self.written();
        }
    }

    /// The open jobs that wait for an answer to this call.
    pub fn waiting_for(&self, call: &Call) -> Vec<JobIx> {
        let asks = call.commands.iter();
        let asks = asks.filter_map(|command| self.batcher.asked(&command.key));
        let jobs: BTreeSet<JobIx> = asks.flat_map(|ask| self.concerned(ask)).collect();
        jobs.into_iter().collect()
    }

    /// Something in the call is to blame. If one order is all that is in it, that one is judged.
    fn poisoned(&mut self, call: &Call, code: ErrorCode, message: &str) {
        let keys = call.commands.iter().map(|command| &command.key);
        let asks: Vec<PendingCommand> = keys.filter_map(|key| self.batcher.take(key)).collect();
        let sharing: BTreeSet<JobIx> = asks.iter().flat_map(|ask| self.sharing(ask)).collect();
        for ask in &asks {
            if code == ErrorCode::Unanswered {
                self.lose(&self.concerned(ask), ask, true);
            }
            self.judge(ask, sharing.len(), code, message);
        }
    }

    /// Judges the orders that wait for an answer, if nobody else's data can have spoilt it; else
    /// they are to be tried apart.
    fn judge(&mut self, ask: &PendingCommand, sharing: usize, code: ErrorCode, message: &str) {
        for job in self.concerned(ask) {
            let message = message.to_owned();
            self.jobs[job].end(if sharing > 1 {
                Outcome::Apart { code, message }
            } else {
                Outcome::Refused { code, message }
            });
        }
    }

    /// Only a write can be in doubt: what a lost look-up would have told is simply asked again.
    fn call_failed(&mut self, call: &Call, code: ErrorCode) {
        let code = if call.writes() { code } else { ErrorCode::Down };
        for command in &call.commands {
            if let Some(ask) = self.batcher.take(&command.key) {
                self.put_off(&ask, code);
            }
        }
    }

    /// The answer did not come: whoever needed it is done again later. What was sent and may have
    /// been done is not believed either way. Where only the reading of stages rests, the bridge
    /// does without.
    fn put_off(&mut self, ask: &PendingCommand, code: ErrorCode) {
        if matches!(ask, PendingCommand::Stages { .. }) && code == ErrorCode::Operating {
            return;
        }
        let concerned = self.concerned(ask);
        if matches!(code, ErrorCode::InDoubt | ErrorCode::Operating) {
            self.lose(&concerned, ask, code == ErrorCode::InDoubt);
        }
        for job in concerned {
            self.jobs[job].end(Outcome::Again { code });
        }
    }

    fn done(&mut self, ask: PendingCommand, result: &Value) {
        match ask {
            PendingCommand::Targets { lead, jobs, so_far } => {
                self.take_targets(lead, &jobs, so_far, result);
            }
            PendingCommand::TargetsById { jobs } => self.take_targets_by_id(&jobs, result),
            PendingCommand::Stages { funnel, so_far } => self.take_stages(funnel, so_far, result),
            PendingCommand::Presets => self.facts.take_presets(result),
            PendingCommand::Contacts { ids } => self.take_contacts(&ids, result),
            PendingCommand::AnyCard { kind } => self.take_any_card(kind, result),
            PendingCommand::Profile => self.take_profile(result),
            PendingCommand::ContactsByOrigin { customers, page } => {
                self.take_contacts_by_origin(&customers, &page, result);
            }
            PendingCommand::Duplicates { by_phone, values } => {
                self.take_duplicates(by_phone, &values, result);
            }
            PendingCommand::Companies { ids } => self.take_companies(&ids, result),
            PendingCommand::CompaniesByOrigin { firms, page } => {
                self.take_companies_by_origin(&firms, &page, result);
            }
            PendingCommand::Requisites { firms, after } => {
                self.take_requisites(&firms, after, result);
            }
            PendingCommand::CompaniesByTitle { firm, after } => {
                self.take_companies_by_title(firm, after, result);
            }
            PendingCommand::AddContact { customer } => self.contact_made(customer, result),
            PendingCommand::AddCompany { firm } => self.company_made(firm, result),
            PendingCommand::CompleteContact { .. }
            | PendingCommand::AddToCompany { .. }
            | PendingCommand::DealContact { .. } => {}
            PendingCommand::LinkCompany { job } => self.jobs[job].known.open.link = false,
            PendingCommand::RowsBefore { job } => self.jobs[job].tell_rows(result),
            PendingCommand::RowsToLink { job } => self.jobs[job].take_rows_to_link(result),
            PendingCommand::LinkRow { job, at } => self.jobs[job].row_linked(at, result),
            PendingCommand::Import { jobs } => self.take_import(&jobs, result),
            PendingCommand::Imported { jobs, so_far } => {
                self.take_imported(&jobs, so_far, result);
            }
            PendingCommand::Add { job } => self.target_made(job, result),
            PendingCommand::Update { job, fields } => self.fields_written(job, fields),
            // What the rows should have made is still what is compared next time.
            PendingCommand::FixSum { job } => {
                self.jobs[job].wrote = true;
                self.jobs[job].known.open.sum = false;
            }
            PendingCommand::SetRows { job, rows } => self.rows_written(job, rows),
            PendingCommand::ReadBack { jobs } => self.check_written(&jobs, result),
        }
    }

    fn refused(&mut self, ask: PendingCommand, error: &str, description: &str) {
        let words = if description.is_empty() {
            error
        } else {
            description
        };
        if self.ask_without_emails(&ask, words) {
            return;
        }
        match ask {
            PendingCommand::Import { jobs } => self.import_command_refused(&jobs, error, words),
            // Without rights to the dictionaries the bridge does without them.
            PendingCommand::Stages { funnel, .. } => self.stages_untold(funnel),
            PendingCommand::Presets => self.facts.presets_refused = true,
            // What cannot be seen is taken to be there.
            PendingCommand::Companies { ids } => {
                self.companies.extend(ids.into_iter().map(|id| (id, true)));
            }
            // What belongs to a company that was itself refused.
            PendingCommand::AddToCompany { firm, .. } if self.firms[firm].company.is_none() => {}
            PendingCommand::AddToCompany { firm, what } => {
                let note = Note::CompanyIncomplete {
                    part: what.to_owned(),
                    words: Words(words.to_owned()),
                };
                self.note_where(|state| state.firm == Some(firm), &note);
                self.firms[firm].incomplete = true;
            }
            PendingCommand::LinkCompany { job } => {
                let words = Words(words.to_owned());
                self.jobs[job].note(Note::CompanyNotLinked { words });
            }
            PendingCommand::DealContact { job } => {
                let words = Words(words.to_owned());
                self.jobs[job].note(Note::ContactsNotChanged { words });
            }
            // A deal is none the worse for it.
            PendingCommand::RowsToLink { job } | PendingCommand::LinkRow { job, .. } => {
                let words = Words(words.to_owned());
                self.jobs[job].leave_links(Note::RowNotLinked { words });
            }
            // Rows were only to be told. Who does not say that he sees everything may not.
            PendingCommand::RowsBefore { .. } | PendingCommand::Profile => {}
            // The rows of a deal or lead that was itself refused: its own reason counts, or it is
            // asked again.
            PendingCommand::SetRows { job, .. } if self.jobs[job].target_id().is_none() => {}
            ask => {
                let sharing = self.sharing(&ask).len();
                let fault = if denies(error) {
                    ErrorCode::Rights
                } else {
                    self.fault(&ask, words)
                };
                self.judge(&ask, sharing, fault, words);
            }
        }
    }

    /// Which fault the portal's words speak of, as far as the command carried what they speak of: a
    /// user field may be called "E-mail", too.
    pub(in crate::planner) fn fault(&self, ask: &PendingCommand, words: &str) -> ErrorCode {
        let fault = classify(words);
        let carried = match fault {
            ErrorCode::Currency => matches!(
                ask,
                PendingCommand::Add { .. }
                    | PendingCommand::Update { .. }
                    | PendingCommand::FixSum { .. }
                    | PendingCommand::SetRows { .. }
            ),
            ErrorCode::Email => match ask {
                PendingCommand::AddContact { .. }
                | PendingCommand::CompleteContact { .. }
                | PendingCommand::AddCompany { .. }
                | PendingCommand::Duplicates { .. } => true,
                PendingCommand::Add { job } => self.jobs[*job].is_lead(),
                _ => false,
            },
            _ => true,
        };
        if carried { fault } else { ErrorCode::Refused }
    }

    /// The answer to the creation of something that orders share holds no id.
    pub(in crate::planner) fn no_id(&mut self, ask: &PendingCommand, what: &str, result: &Value) {
        let sharing = self.sharing(ask).len();
        self.judge(ask, sharing, ErrorCode::Protocol, &idless(what, result));
    }

    /// All jobs whose data is in this command, also those that have ended.
    pub(in crate::planner) fn sharing(&self, ask: &PendingCommand) -> Vec<JobIx> {
        let all = |wanted: &dyn Fn(&State) -> bool| {
            let jobs = JobIx::all(self.jobs.len());
            jobs.filter(|job| wanted(&self.jobs[*job])).collect()
        };
        match ask {
            PendingCommand::AddContact { customer }
            | PendingCommand::CompleteContact { customer } => {
                all(&|state| state.customer == Some(*customer))
            }
            PendingCommand::ContactsByOrigin { customers, .. } => {
                all(&|state| state.customer.is_some_and(|at| customers.contains(&at)))
            }
            PendingCommand::Duplicates { values, .. } => all(&|state| {
                let of = |at: CustomerIx| values.iter().any(|(_, customer)| *customer == at);
                state.customer.is_some_and(of)
            }),
            PendingCommand::AddCompany { firm } | PendingCommand::CompaniesByTitle { firm, .. } => {
                all(&|state| state.firm == Some(*firm))
            }
            PendingCommand::CompaniesByOrigin { firms, .. }
            | PendingCommand::Requisites { firms, .. } => {
                all(&|state| state.firm.is_some_and(|at| firms.contains(&at)))
            }
            ask => self.concerned(ask),
        }
    }

    /// The open jobs that wait for this answer.
    fn concerned(&self, ask: &PendingCommand) -> Vec<JobIx> {
        let of_customers = |wanted: &[CustomerIx]| {
            self.jobs_where(|state| state.customer.is_some_and(|c| wanted.contains(&c)))
        };
        let of_firms = |wanted: &[FirmIx]| {
            self.jobs_where(|state| state.firm.is_some_and(|f| wanted.contains(&f)))
        };
        match ask {
            PendingCommand::Targets { jobs, .. }
            | PendingCommand::TargetsById { jobs }
            | PendingCommand::Import { jobs }
            | PendingCommand::Imported { jobs, .. }
            | PendingCommand::ReadBack { jobs } => jobs.clone(),
            PendingCommand::Stages { funnel, .. } => self.jobs_where(|state| {
                let unsure = |stage| self.facts.has_stage(stage) != Some(true);
                let wanted = state.wanted.as_ref();
                wanted.is_some_and(|stage| stage.funnel == *funnel && unsure(stage))
            }),
            PendingCommand::Presets => self.jobs_where(|state| state.firm.is_some()),
            PendingCommand::AnyCard { kind } => self.unseen(*kind),
            PendingCommand::Profile => Vec::new(),
            PendingCommand::Contacts { ids } => {
                let linked = self.jobs_where(|state| {
                    let theirs = state.customer.and_then(|at| self.customers[at].contact);
                    theirs.is_some_and(|id| ids.contains(&id))
                });
                let found: Vec<CustomerIx> = CustomerIx::all(self.customers.len())
                    .filter(|customer| {
                        self.customers[*customer]
                            .candidates
                            .iter()
                            .any(|id| ids.contains(id))
                    })
                    .collect();
                linked.into_iter().chain(of_customers(&found)).collect()
            }
            PendingCommand::ContactsByOrigin { customers, .. } => of_customers(customers),
            PendingCommand::Duplicates { values, .. } => of_customers(
                &values
                    .iter()
                    .map(|(_, customer)| *customer)
                    .collect::<Vec<_>>(),
            ),
            PendingCommand::Companies { ids } => {
                let asked =
                    FirmIx::all(self.firms.len()).filter(|at| self.firms[*at].is_one_of(ids));
                of_firms(&asked.collect::<Vec<_>>())
            }
            PendingCommand::CompaniesByOrigin { firms, .. }
            | PendingCommand::Requisites { firms, .. } => of_firms(firms),
            PendingCommand::AddContact { customer }
            | PendingCommand::CompleteContact { customer } => of_customers(&[*customer]),
            PendingCommand::CompaniesByTitle { firm, .. }
            | PendingCommand::AddCompany { firm }
            | PendingCommand::AddToCompany { firm, .. } => of_firms(&[*firm]),
            PendingCommand::Add { job }
            | PendingCommand::Update { job, .. }
            | PendingCommand::SetRows { job, .. }
            | PendingCommand::RowsBefore { job }
            | PendingCommand::RowsToLink { job }
            | PendingCommand::LinkRow { job, .. }
            | PendingCommand::LinkCompany { job }
            | PendingCommand::DealContact { job }
            | PendingCommand::FixSum { job } => vec![*job],
        }
    }
}

impl State {
    /// The answer to a creation holds no id: the order cannot go on without.
    pub(in crate::planner) fn no_id(&mut self, what: &str, result: &Value) {
        self.end(Outcome::Refused {
            code: ErrorCode::Protocol,
            message: idless(what, result),
        });
    }
}

fn idless(what: &str, result: &Value) -> String {
    let shown: String = result.to_string().chars().take(200).collect();
    format!("the portal's answer to {what} holds no id: {shown}")
}

/// Which fault the portal's words speak of. The codes of these methods are mostly empty; only the
/// words tell.
pub(in crate::planner) fn classify(words: &str) -> ErrorCode {
    let lower = words.to_lowercase();
    if lower.contains("валют") || lower.contains("currency") {
        ErrorCode::Currency
    } else if ["e-mail", "email", "электронн", "некорректный адрес"]
        .iter()
        .any(|word| lower.contains(word))
    {
        ErrorCode::Email
    } else if denies(words) {
        ErrorCode::Rights
    } else {
        ErrorCode::Refused
    }
}

/// Whether the portal's words, or its code, say that the user may not do what was asked.
pub fn denies(words: &str) -> bool {
    const DENIALS: [&str; 4] = [
        "access denied",
        "access_denied",
        "invalid_credentials",
        "доступ запрещ",
    ];
    let lower = words.to_lowercase();
    DENIALS.iter().any(|word| lower.contains(word))
}
