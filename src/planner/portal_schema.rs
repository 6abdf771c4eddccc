//! The portal's schema as a wave learns it: the stages of its funnels, and its presets for
//! requisites.
//!
//! Asked for only where an order of the wave needs it. A portal that does not let the bridge read
//! them is written to without.

use super::{
    Wave,
    json::{id, rows, text},
    list_query::PAGE,
    wave::batching::PendingCommand,
};
use crate::domain::Stage;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What a wave learns of the portal and the next one need not ask again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortalFacts {
    /// Stage ids by funnel. A stage that is not among them is looked up again before it counts as
    /// unknown.
    pub stages: BTreeMap<u32, BTreeSet<String>>,
    /// Requisite preset for legal entities.
    pub preset_company: Option<u64>,
    /// Requisite preset for sole proprietors.
    pub preset_entrepreneur: Option<u64>,
    /// Whether the presets were asked for.
    pub presets_asked: bool,
    /// Whether the portal refused to tell its presets.
    pub presets_refused: bool,
}

impl PortalFacts {
    /// Whether the portal has this stage; `None` where it did not list the stages of the funnel.
    pub(super) fn has_stage(&self, stage: &Stage) -> Option<bool> {
        let listed = self.stages.get(&stage.funnel)?;
        Some(listed.contains(&stage.id))
    }

    /// The preset for the requisite of a taxpayer: a sole proprietor's number is longer.
    pub(super) fn preset(&self, inn: &str) -> Option<u64> {
        match inn.len() {
            12 => self.preset_entrepreneur,
            _ => self.preset_company,
        }
    }

    pub(super) fn take_presets(&mut self, result: &Value) {
        self.presets_asked = true;
        let rows = rows(result);
        let active: Vec<&Map<String, Value>> = rows
            .iter()
            .filter(|row| text(row.get("ACTIVE")) != "N")
            .collect();
        // The vendor's code before a name, of which a whole word counts: a "Типовая" is no "ИП".
        let named = |[code, word]: [&str; 2]| {
            let is_coded = |row: &&&Map<String, Value>| text(row.get("XML_ID")).contains(code);
            let is_named = |row: &&&Map<String, Value>| {
                let name = text(row.get("NAME")).to_lowercase();
                name.split(|c: char| !c.is_alphanumeric())
                    .any(|part| part == word)
            };
            let coded = active.iter().find(is_coded);
            coded
                .or_else(|| active.iter().find(is_named))
                .and_then(|row| row.get("ID"))
                .and_then(id)
        };
        let first = active.first().and_then(|row| row.get("ID")).and_then(id);
        self.preset_company = named(["RU_COMPANY", "организация"]).or(first);
        self.preset_entrepreneur = named(["RU_INDIVIDUAL", "ип"]).or(self.preset_company);
    }
}

impl Wave {
    /// Asks for the stages of the funnels that are written to, where a wanted stage is not known to
    /// be there.
    pub(super) fn ask_stages(&mut self) {
        let open = self.jobs.iter().filter(|state| state.open());
        let funnels: BTreeSet<u32> = open
            .filter_map(|state| state.wanted.as_ref())
            .filter(|wanted| self.facts.has_stage(wanted) != Some(true))
            .map(|wanted| wanted.funnel)
            .collect();
        for funnel in funnels {
            self.ask_stages_of(funnel, BTreeSet::new());
        }
    }

    /// One page of a funnel's stages; a full page is followed by the next.
    fn ask_stages_of(&mut self, funnel: u32, so_far: BTreeSet<String>) {
        self.asked_funnels.insert(funnel, false);
        let entity = Stage::dictionary(funnel);
        let params = json!(
            {"filter": {"ENTITY_ID": entity}, "order": {"SORT": "ASC"}, "start": so_far.len()}
        );
        self.ask(
            "crm.status.list",
            params,
            PendingCommand::Stages { funnel, so_far },
        );
    }

    pub(super) fn take_stages(&mut self, funnel: u32, so_far: BTreeSet<String>, result: &Value) {
        let page = rows(result);
        let before = so_far.len();
        let mut stages = so_far;
        stages.extend(page.iter().map(|row| text(row.get("STATUS_ID"))));
        // A portal that shows the same page again is not followed for ever.
        if page.len() >= PAGE && stages.len() >= before + PAGE {
            self.ask_stages_of(funnel, stages);
            return;
        }
        if stages.is_empty() {
            self.stages_untold(funnel);
        } else {
            self.facts.stages.insert(funnel, stages);
            self.asked_funnels.insert(funnel, true);
            self.judge_missed(funnel);
        }
    }

    /// The portal does not tell the stages of a funnel: the bridge does without.
    pub(super) fn stages_untold(&mut self, funnel: u32) {
        self.facts.stages.remove(&funnel);
        self.asked_funnels.insert(funnel, true);
        self.judge_missed(funnel);
    }

    /// Whether what is known of a funnel's stages was told in this wave; where it is older they are
    /// asked for.
    pub(super) fn stages_are_new(&mut self, funnel: u32) -> bool {
        let told = self.asked_funnels.get(&funnel).copied();
        if told.is_none() {
            self.ask_stages_of(funnel, BTreeSet::new());
        }
        told.unwrap_or_default()
    }

    /// Asks for the presets, unless they are known or may not be known.
    pub(super) fn ask_presets(&mut self) {
        if !self.facts.presets_asked && !self.facts.presets_refused {
            let params = json!(
                {"select": ["ID", "NAME", "XML_ID", "ACTIVE", "COUNTRY_ID"], "order": {"ID": "ASC"}}
            );
            self.ask("crm.requisite.preset.list", params, PendingCommand::Presets);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_is_told_by_its_code_and_else_by_a_whole_word_of_its_name() {
        let presets = |rows: Value| {
            let mut facts = PortalFacts::default();
            facts.take_presets(&rows);
            (facts.preset_company, facts.preset_entrepreneur)
        };
        let typical = json!({"ID": "1", "NAME": "Типовая организация"});
        let own = json!({"ID": "2", "NAME": "ИП (Россия)"});
        assert_eq!(presets(json!([typical, own])), (Some(1), Some(2)));
        let coded = json!({"ID": "3", "XML_ID": "#CRM_REQUISITE_PRESET_DEF_RU_INDIVIDUAL#"});
        assert_eq!(presets(json!([typical, own, coded])), (Some(1), Some(3)));
        let off = json!({"ID": "3", "XML_ID": "RU_INDIVIDUAL", "ACTIVE": "N"});
        assert_eq!(presets(json!([typical, off])), (Some(1), Some(1)));
    }
}
