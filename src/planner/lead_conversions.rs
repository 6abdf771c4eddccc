//! Conversions of leads: the deals that people, or the portal, have made of them. Nothing tells of
//! one but the `LEAD_ID` of the deal.

use super::{
    BATCH_LIMIT, Call, CallAnswer, Command, CommandAnswer,
    json::{id, rows},
    list_query::{PAGE, listed, of_ids, row_id},
};
use serde_json::json;
use std::collections::BTreeMap;

/// The most leads that are asked for in one call.
pub const LEADS_AT_ONCE: usize = BATCH_LIMIT / 2 * PAGE;

/// What became of a lead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Became {
    /// The deal that was made of it; the first, if there are several.
    pub deal: Option<u64>,
    /// The contact of that deal, else the lead's own.
    pub contact: Option<u64>,
}

/// The call that asks for it.
pub fn ask_conversions(leads: &[u64]) -> Call {
    let pages = leads.chunks(PAGE).take(BATCH_LIMIT / 2).enumerate();
    let commands = pages.flat_map(|(nth, leads)| {
        let of_leads = json!({ "@LEAD_ID": leads });
        [
            Command {
                key: format!("lead{nth}"),
                method: "crm.lead.list",
                params: listed(&of_ids(leads), &["ID", "CONTACT_ID"]),
            },
            Command {
                key: format!("deal{nth}"),
                method: "crm.deal.list",
                params: listed(&of_leads, &["ID", "LEAD_ID", "CONTACT_ID"]),
            },
        ]
    });
    Call::from(commands.collect::<Vec<_>>())
}

/// What the answer tells, and the words of a command that was refused. Of what is missing nothing
/// is known: it may be unread, or stand on a further page, and is asked for again.
pub fn read_conversions(answer: CallAnswer) -> (BTreeMap<u64, Became>, Option<String>) {
    let (mut found, mut refused) = (BTreeMap::<u64, Became>::new(), None);
    let CallAnswer::Answered(answered) = answer else {
        return (found, refused);
    };
    let (mut leads, mut deals) = (Vec::new(), Vec::new());
    for (key, answer) in answered {
        match answer {
            CommandAnswer::Done { result, .. } if key.starts_with("deal") => {
                deals.extend(rows(&result));
            }
            CommandAnswer::Done { result, .. } => leads.extend(rows(&result)),
            CommandAnswer::Refused { error, description } => {
                refused = Some(format!("{error} {description}"));
            }
            CommandAnswer::Later => {}
        }
    }
    for row in &leads {
        if let (Some(lead), Some(contact)) = (row_id(row), row.get("CONTACT_ID").and_then(id)) {
            found.entry(lead).or_default().contact = Some(contact);
        }
    }
    deals.sort_by_key(row_id);
    for row in &deals {
        let (Some(deal), Some(lead)) = (row_id(row), row.get("LEAD_ID").and_then(id)) else {
            continue;
        };
        let became = found.entry(lead).or_default();
        if became.deal.is_none() {
            became.deal = Some(deal);
            became.contact = row.get("CONTACT_ID").and_then(id).or(became.contact);
        }
    }
    (found, refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn done(result: serde_json::Value) -> CommandAnswer {
        CommandAnswer::Done { result, next: None }
    }

    #[test]
    fn as_many_leads_as_fit_into_one_call_are_asked_for_in_it() {
        let leads: Vec<u64> = (1..=2_000).collect();
        let call = ask_conversions(&leads);
        assert_eq!(call.commands.len(), BATCH_LIMIT);
        let params = |nth: usize| &call.commands[nth].params["filter"];
        assert_eq!(params(1)["@LEAD_ID"].as_array().unwrap().len(), PAGE);
        assert_eq!(params(BATCH_LIMIT - 1)["@LEAD_ID"][PAGE - 1], LEADS_AT_ONCE);
        assert!(!call.writes());
    }

    #[test]
    fn the_first_deal_of_a_lead_counts_and_what_is_not_read_is_not_known() {
        let answered = HashMap::from([
            (
                "lead0".to_owned(),
                done(
                    json!([{"ID": "1", "CONTACT_ID": "8"}, {"ID": "2", "CONTACT_ID": "0"},
                            {"ID": "3", "CONTACT_ID": "9"}]),
                ),
            ),
            (
                "deal0".to_owned(),
                done(json!([{"ID": "31", "LEAD_ID": "1", "CONTACT_ID": "7"},
                            {"ID": "30", "LEAD_ID": "1", "CONTACT_ID": null}])),
            ),
            (
                "deal1".to_owned(),
                CommandAnswer::Refused {
                    error: "ACCESS_DENIED".to_owned(),
                    description: "no".to_owned(),
                },
            ),
        ]);
        let (found, refused) = read_conversions(CallAnswer::Answered(answered));
        let became = |deal, contact| Became { deal, contact };
        let expected = [(1, became(Some(30), Some(8))), (3, became(None, Some(9)))];
        assert_eq!(found, expected.into());
        assert_eq!(refused.as_deref(), Some("ACCESS_DENIED no"));
        assert_eq!(
            read_conversions(CallAnswer::NotRun),
            (BTreeMap::new(), None)
        );
    }
}
