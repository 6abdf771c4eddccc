//! One wave: the planner's calls, sent one after the other while the lease holds.

use super::{
    lease::HeldLease,
    picture_files::{HostAnswer, with_files},
};
use crate::{
    app::Delivery,
    clients::bitrix24::{BatchResponse, Blocked, Class, Command, CommandError, Priority},
    domain::ErrorCode,
    planner::{
        self, Call, CallAnswer, CatalogueFacts, CommandAnswer, EntryJob, EntryWave, Hindrance, Job,
        JobIx, Outcome, PictureJob, PictureWave, Planned, PortalFacts, ProductJob, ProductWave,
        Rounds, Settlement, Wave, denies,
    },
    worker::{CallFailure, CrashPoint, PortalClient, write_intents::WriteIntents},
};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::Instant;
use tracing::Instrument as _;

/// What a wave came to.
pub(in crate::worker) struct WaveResult {
    pub(in crate::worker) settlements: Vec<Settlement>,
    /// What it learned of the portal; none of a wave that asks nothing of it.
    pub(in crate::worker) facts: Option<PortalFacts>,
    /// What a wave of products learned.
    pub(in crate::worker) products: Option<ProductsLearned>,
    /// What a wave of pictures learned.
    pub(in crate::worker) pictures: Option<PicturesLearned>,
    /// The failure that cut it short.
    pub(in crate::worker) failure: Option<CallFailure>,
    /// Whether the portal answered at all.
    pub(in crate::worker) answered: bool,
    /// Jobs of calls that were left without a usable answer while others were answered.
    pub(in crate::worker) unanswered: BTreeSet<JobIx>,
}

/// What a wave of products learned of the portal.
pub(in crate::worker) struct ProductsLearned {
    /// What its catalogue looks like; `None`: that has to be read anew.
    pub(in crate::worker) facts: Option<CatalogueFacts>,
    /// What stood in the way of all of them.
    pub(in crate::worker) hindrance: Option<Hindrance>,
}

/// What a wave of pictures learned of the portal, and of the hosts where they stand.
pub(in crate::worker) struct PicturesLearned {
    /// What stood in the way of all of them.
    pub(in crate::worker) hindrance: Option<Hindrance>,
    /// Whether the portal took what it was asked.
    pub(in crate::worker) taken: bool,
    /// How each host answered that was asked for files.
    pub(in crate::worker) hosts: Vec<HostAnswer>,
}

/// The most rounds of a wave: a planner that never ends must not hold a lane for ever.
const MOST_ROUNDS: usize = 200;

/// Inner errors that say nothing about the order: the command is asked again later.
const NOT_JUDGED: [&str; 6] = [
    "EXPIRED_TOKEN",
    "OPERATION_TIME_LIMIT",
    "QUERY_LIMIT_EXCEEDED",
    "INTERNAL_SERVER_ERROR",
    "ERROR_UNEXPECTED_ANSWER",
    "OVERLOAD_LIMIT",
];

/// How long a portal may take to answer a call with nothing in it, before it counts as away.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// What a wave brings to the portal.
pub(in crate::worker) enum WaveKind {
    /// Orders, and submissions of forms.
    Orders {
        jobs: Vec<Job>,
        facts: PortalFacts,
        /// What tells the customers whom lost calls may still make.
        doubtful: BTreeSet<String>,
    },
    /// Calls, mails, messages and to-dos that are put on cards.
    Entries { jobs: Vec<EntryJob> },
    /// Products of a shop's catalogue.
    Products {
        jobs: Vec<ProductJob>,
        /// What is known of the catalogue.
        facts: Option<CatalogueFacts>,
    },
    /// Pictures on the cards of products.
    Pictures { jobs: Vec<PictureJob> },
}

/// A job of some kind of wave.
pub(in crate::worker) trait WaveJob: Planned + Sized {
    /// The wave of these jobs.
    fn kind(jobs: Vec<Self>, facts: PortalFacts, doubtful: BTreeSet<String>) -> WaveKind;
}

impl WaveJob for Job {
    fn kind(jobs: Vec<Self>, facts: PortalFacts, doubtful: BTreeSet<String>) -> WaveKind {
        WaveKind::Orders {
            jobs,
            facts,
            doubtful,
        }
    }
}

impl WaveJob for EntryJob {
    fn kind(jobs: Vec<Self>, _: PortalFacts, _: BTreeSet<String>) -> WaveKind {
        WaveKind::Entries { jobs }
    }
}

/// A wave before it is sent.
pub(in crate::worker) struct QueuedWave {
    pub(in crate::worker) kind: WaveKind,
    pub(in crate::worker) priority: Priority,
    /// Whether silence counts as an answer.
    pub(in crate::worker) judges: bool,
}

/// Sends a wave's calls, and tells how each of its jobs ended.
pub(in crate::worker) async fn perform<P: PortalClient>(
    delivery: &Delivery,
    portal: &P,
    held: &HeldLease,
    queued: QueuedWave,
) -> WaveResult {
    let (priority, judges) = (queued.priority, queued.judges);
    let (mut products, mut pictures) = (None, None);
    let (sent, settlements, facts) = match queued.kind {
        WaveKind::Orders {
            jobs,
            facts,
            doubtful,
        } => {
            let mut wave = Wave::new(jobs, facts);
            wave.doubt_customers(doubtful);
            let sent = exchange(delivery, portal, held, &mut wave, priority, judges).await;
            let (mut settlements, facts) = wave.finish();
            if let Some(failure) = &sent.failure {
                wait_for(&mut settlements, failure.code);
            }
            (sent, settlements, Some(facts))
        }
        WaveKind::Entries { jobs } => {
            let mut wave = EntryWave::new(jobs);
            let sent = exchange(delivery, portal, held, &mut wave, priority, judges).await;
            (sent, wave.finish(), None)
        }
        WaveKind::Products { jobs, facts } => {
            let mut wave = ProductWave::new(jobs, facts);
            let sent = exchange(delivery, portal, held, &mut wave, priority, judges).await;
            let (settlements, facts, hindrance) = wave.finish();
            products = Some(ProductsLearned { facts, hindrance });
            (sent, settlements, None)
        }
        WaveKind::Pictures { jobs } => {
            let (jobs, hosts) = with_files(portal.pictures(), jobs).await;
            let mut wave = PictureWave::new(jobs);
            let sent = exchange(delivery, portal, held, &mut wave, priority, judges).await;
            let (settlements, hindrance) = wave.finish();
            pictures = Some(PicturesLearned {
                taken: sent.answered && hindrance.is_none(),
                hindrance,
                hosts,
            });
            (sent, settlements, None)
        }
    };
    WaveResult {
        settlements,
        facts,
        products,
        pictures,
        failure: sent.failure,
        answered: sent.answered,
        unanswered: sent.unanswered,
    }
}

/// What was not sent because the portal failed as a whole waits for that: its code tells more than
/// that no answer came.
fn wait_for(settlements: &mut [Settlement], failure: ErrorCode) {
    for settlement in settlements {
        if let Outcome::Again { code } = &mut settlement.outcome
            && *code == ErrorCode::Down
        {
            *code = failure;
        }
    }
}

/// How the sending of a wave's calls went.
#[derive(Default)]
struct Sent {
    failure: Option<CallFailure>,
    answered: bool,
    unanswered: BTreeSet<JobIx>,
}

/// Sends a wave's calls. Stops sending when the lease ends, the worker is told to stop, or the
/// portal fails. A call that fails alone, while the portal takes others, is the fault of something
/// in it: it stops nobody else.
async fn exchange<P: PortalClient>(
    delivery: &Delivery,
    portal: &P,
    held: &HeldLease,
    wave: &mut impl Rounds,
    priority: Priority,
    judges: bool,
) -> Sent {
    let mut intended = WriteIntents::new(delivery, held);
    let (mut so_far, mut unready) = (Sent::default(), false);
    for _ in 0..MOST_ROUNDS {
        let round = wave.next_round();
        if round.is_empty() {
            break;
        }
        for call in &round {
            if so_far.failure.is_some() || unready || !held.may_send() {
                wave.answer(call, CallAnswer::NotRun);
                continue;
            }
            let sending = send(portal, held, call, priority, None);
            let sent = if !call.writes() {
                sending.await
            } else if intended.ready(wave).await {
                intended.while_fresh(wave, sending).await
            } else {
                wave.answer(call, CallAnswer::NotRun);
                unready = true;
                continue;
            };
            match sent {
                Ok(answer) => {
                    so_far.answered = true;
                    wave.answer(call, answer);
                }
                Err(fault) => match fails_alone(portal, held, &fault).await {
                    Ok(()) => {
                        so_far.answered = true;
                        if fault.maybe_executed {
                            so_far.unanswered.extend(wave.waiting_for(call));
                        }
                        wave.answer(call, poisoned(fault, judges));
                    }
                    Err(whole) => {
                        wave.answer(call, unusable(&fault));
                        so_far.failure = Some(whole);
                    }
                },
            }
            if call.writes() {
                held.reached(CrashPoint::Called).await;
            }
        }
        if so_far.failure.is_some() || unready || !held.may_send() {
            break;
        }
    }
    so_far
}

/// What a call without a usable answer means for what it carried.
pub(in crate::worker) fn unusable(fault: &CallFailure) -> CallAnswer {
    if fault.maybe_executed {
        CallAnswer::InDoubt
    } else {
        CallAnswer::NotRun
    }
}

/// The same for a call that failed while the portal takes others.
pub(in crate::worker) fn poisoned(fault: CallFailure, judges: bool) -> CallAnswer {
    match fault.maybe_executed {
        false => CallAnswer::Poisoned {
            code: match fault.class {
                Class::Refused => ErrorCode::Refused,
                _ => fault.code,
            },
            message: fault.message,
        },
        true if judges => CallAnswer::Poisoned {
            code: ErrorCode::Unanswered,
            message: fault.message,
        },
        true => CallAnswer::InDoubt,
    }
}

/// Whether a call failed for what is in it: then the portal takes one with nothing in it. Else the
/// failure of the portal as a whole.
pub(in crate::worker) async fn fails_alone<P: PortalClient>(
    portal: &P,
    held: &HeldLease,
    fault: &CallFailure,
) -> Result<(), CallFailure> {
    let may_be = match fault.class {
        Class::InDoubt | Class::Intercepted | Class::Refused => true,
        Class::Down => fault.maybe_executed,
        // The permission for the methods themselves is gone: a call of another kind proves nothing.
        Class::Blocked(reason) => !matches!(reason, Blocked::Scope | Blocked::Reads),
        Class::Throttled(_) | Class::MethodBlocked(_) | Class::TokenExpired => false,
    };
    if !may_be || !held.may_send() {
        return Err(fault.clone());
    }
    match tokio::time::timeout(PROBE_TIMEOUT, portal.probe_batch()).await {
        Ok(Ok(())) => Ok(()),
        // What the portal says of itself tells more than what it said of the call.
        Ok(Err(whole)) if whole.class != Class::InDoubt => Err(whole),
        Ok(Err(_)) | Err(_) => Err(fault.clone()),
    }
}

/// One call; throttling is waited out here, since nothing was judged, but not beyond `until`.
pub(in crate::worker) async fn send<P: PortalClient>(
    portal: &P,
    held: &HeldLease,
    call: &Call,
    priority: Priority,
    until: Option<Instant>,
) -> Result<CallAnswer, CallFailure> {
    let commands: Vec<Command> = call.commands.iter().map(command).collect();
    for _ in 0..3 {
        let span = tracing::info_span!("portal_call", commands = commands.len());
        let answered = async {
            if let (true, [command]) = (call.brings_a_file(), &*commands) {
                portal.single(command, priority).await
            } else if call.halts {
                portal.sequence(&commands, priority).await
            } else {
                portal.batch(&commands, priority).await
            }
        };
        match answered.instrument(span).await {
            Ok(response) => {
                return match hindrance(&commands, &response) {
                    Some(failure) => Err(failure),
                    None => Ok(answer(response)),
                };
            }
            Err(fault) => {
                let Class::Throttled(pause) = fault.class else {
                    return Err(fault);
                };
                held.pause(pause.clamp(Duration::from_millis(100), Duration::from_mins(1)))
                    .await;
                if !held.may_send() || until.is_some_and(|until| Instant::now() > until) {
                    return Err(fault);
                }
            }
        }
    }
    let message = "the portal throttles every call".to_owned();
    Err(CallFailure {
        class: Class::Throttled(Duration::from_secs(5)),
        code: ErrorCode::Limit,
        message,
        maybe_executed: false,
    })
}

/// A batch is answered though the permission for its methods, or the right to read, is gone: each
/// command is refused, and no order is to blame.
fn hindrance(commands: &[Command], response: &BatchResponse) -> Option<CallFailure> {
    let hindered = commands.iter().find_map(|command| {
        let refused = response.get(&command.key)?.as_ref().err()?;
        let reason = lacks(&command.method, refused)?;
        Some((
            reason,
            format!("{}: {}", command.method, refused.description),
        ))
    });
    let (reason, message) = hindered?;
    Some(CallFailure {
        code: match reason {
            Blocked::Scope => ErrorCode::Scope,
            Blocked::Auth => ErrorCode::Auth,
            Blocked::Plan => ErrorCode::Plan,
            _ => ErrorCode::Rights,
        },
        class: Class::Blocked(reason),
        message,
        maybe_executed: response.values().any(Result::is_ok),
    })
}

/// What a refusal says that the bridge lacks, whatever it asks of whom. A list leaves out what a
/// user may not see: one that is refused shows him nothing of its kind.
fn lacks(method: &str, refused: &CommandError) -> Option<Blocked> {
    const READ: [&str; 2] = ["crm.deal.list", "crm.contact.list"];
    /// What is said of the whole access, whatever was asked.
    const WHOLE: [(&str, Blocked); 13] = [
        ("INSUFFICIENT_SCOPE", Blocked::Scope),
        ("INVALID_SCOPE", Blocked::Scope),
        ("NO_AUTH_FOUND", Blocked::Auth),
        ("INVALID_TOKEN", Blocked::Auth),
        ("AUTHORIZATION_ERROR", Blocked::Auth),
        ("APPLICATION_NOT_FOUND", Blocked::Auth),
        ("ERROR_OAUTH", Blocked::Auth),
        ("METHOD_CONFIRM_WAITING", Blocked::Auth),
        ("METHOD_CONFIRM_DENIED", Blocked::Auth),
        ("USER_ACCESS_ERROR", Blocked::Rights),
        ("ALLOWED_ONLY_INTRANET_USER", Blocked::Rights),
        ("PAYMENT_REQUIRED", Blocked::Plan),
        ("PORTAL_DELETED", Blocked::Plan),
    ];
    let said = |(code, _): &&(&str, Blocked)| refused.error.eq_ignore_ascii_case(code);
    // Of what else is asked (who the bridge is, say) it can do without.
    if method.starts_with("crm.")
        && let Some((_, reason)) = WHOLE.iter().find(said)
    {
        return Some(*reason);
    }
    let denied = denies(&refused.error) || denies(&refused.description);
    (denied && READ.contains(&method)).then_some(Blocked::Reads)
}

pub(in crate::worker) fn command(of: &planner::Command) -> Command {
    Command {
        key: of.key.clone(),
        method: of.method.to_owned(),
        params: of.params.clone(),
    }
}

pub(in crate::worker) fn answer(response: BatchResponse) -> CallAnswer {
    let one = |(key, result)| {
        let answer = match result {
            Ok(crate::clients::bitrix24::Response { result, next, .. }) => {
                CommandAnswer::Done { result, next }
            }
            Err(CommandError { error, description }) => {
                if NOT_JUDGED
                    .iter()
                    .any(|code| error.eq_ignore_ascii_case(code))
                {
                    CommandAnswer::Later
                } else {
                    CommandAnswer::Refused { error, description }
                }
            }
        };
        (key, answer)
    };
    CallAnswer::Answered(response.into_iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_batch_says_of_the_whole_access_is_no_orders_fault() {
        let reason = |method: &str, error: &str, description: &str| {
            let refused = CommandError {
                error: error.to_owned(),
                description: description.to_owned(),
            };
            lacks(method, &refused)
        };
        for (method, error, expected) in [
            ("crm.deal.add", "insufficient_scope", Some(Blocked::Scope)),
            (
                "crm.deal.add",
                "METHOD_CONFIRM_WAITING",
                Some(Blocked::Auth),
            ),
            ("crm.deal.add", "PAYMENT_REQUIRED", Some(Blocked::Plan)),
            ("profile", "insufficient_scope", None),
            ("crm.deal.list", "INVALID_CREDENTIALS", Some(Blocked::Reads)),
            ("crm.deal.add", "INVALID_CREDENTIALS", None),
            ("crm.deal.add", "ERROR_CORE", None),
        ] {
            assert_eq!(reason(method, error, ""), expected, "{method} {error}");
        }
        let denied = reason("crm.contact.list", "", "Access denied.");
        assert_eq!(denied, Some(Blocked::Reads));
    }

    #[test]
    fn a_token_that_ends_in_the_middle_of_a_batch_is_no_orders_fault() {
        let refused = CommandError {
            error: "expired_token".to_owned(),
            description: "The access token provided has expired".to_owned(),
        };
        let response = BatchResponse::from([("a".to_owned(), Err(refused))]);
        let CallAnswer::Answered(answered) = answer(response) else {
            panic!("a batch is answered")
        };
        assert!(matches!(answered["a"], CommandAnswer::Later));
    }
}
