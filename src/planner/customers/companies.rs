//! Legal entities that ordered, and their companies in the portal. A requisite carries the taxpayer
//! number, and is what tells a company best.

use super::{communications, multifield, older, ownership, several};
use crate::{
    domain::{
        self, Company, Phone, ShopName, ShopRules,
        happening::{Cards, Note},
    },
    planner::{
        Evidence, Passed, State, Wave,
        customers::card_match::{Linked, Recognition},
        entities::product_rows::cut,
        indexes::{FirmIx, indexed_by},
        json::{id, made_id, rows, text},
        list_query::{CardKind, OriginPage, PAGE, above, further, listed, of_ids, row_id},
        wave::batching::{AtomicCommands, PendingCommand, PlannedCommand, result_of},
    },
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The number of companies among the portal's kinds of objects.
const COMPANIES: u64 = 4;
/// The number of requisites among them.
const REQUISITES: u64 = 8;
/// What is read of companies by their origin.
const BY_ORIGIN: [&str; 2] = ["ID", "ORIGIN_ID"];
/// The type of a registered address.
const REGISTERED: u64 = 6;

/// A legal entity that ordered, once per wave however many orders.
#[derive(Debug)]
pub(in crate::planner) struct BusinessCustomer {
    shop: ShopName,
    /// ORIGIN_ID of the company.
    origin: String,
    title: String,
    inn: Option<String>,
    kpp: Option<String>,
    address: Option<String>,
    phones: Vec<String>,
    emails: Vec<String>,
    responsible: Option<u64>,
    /// The company that an order or the number's link has already.
    linked: Option<Linked>,
    /// Companies that are not this firm's, by an operator's word.
    refused: BTreeSet<u64>,
    /// Ids that its number or its name showed, and what spoke for each.
    found: BTreeMap<u64, Vec<Evidence>>,
    evidence: Vec<Evidence>,
    passed: Vec<Passed>,
    by_origin: Option<u64>,
    pub(in crate::planner) company: Option<u64>,
    pub(in crate::planner) made: bool,
    /// The requisites with its number, by company.
    requisites: BTreeMap<u64, u64>,
    /// Whether its requisite, or the address of that, was refused.
    pub(in crate::planner) incomplete: bool,
}

indexed_by!(FirmIx => BusinessCustomer);

impl BusinessCustomer {
    pub(super) fn new(
        rules: &ShopRules,
        person: &domain::Customer,
        company: &Company,
        origin: String,
        aside: &[String],
    ) -> Self {
        let own = |value: &String| !aside.contains(value);
        let phones = person.phones.iter().map(ToString::to_string);
        let nameless = || format!("ИНН {}", company.inn.as_deref().unwrap_or("?"));
        Self {
            shop: rules.shop.clone(),
            title: company.title.clone().unwrap_or_else(nameless),
            origin,
            inn: company.inn.clone(),
            kpp: company.kpp.clone(),
            address: company.address.clone(),
            phones: phones.filter(own).collect(),
            emails: person
                .emails
                .iter()
                .filter(|email| own(email))
                .cloned()
                .collect(),
            responsible: rules.responsible_id,
            linked: None,
            refused: BTreeSet::new(),
            found: BTreeMap::new(),
            by_origin: None,
            evidence: Vec::new(),
            passed: Vec::new(),
            company: None,
            made: false,
            requisites: BTreeMap::new(),
            incomplete: false,
        }
    }

    /// What tells it from others while it may still be made.
    pub(in crate::planner) fn identity(&self) -> String {
        format!("company {}/{}", self.shop, self.origin)
    }

    /// Drops the e-mail addresses, which the portal refused; false if there were none.
    pub(in crate::planner) fn forget_emails(&mut self) -> bool {
        !std::mem::take(&mut self.emails).is_empty()
    }

    /// Takes over what is known of it from before.
    pub(super) fn know(&mut self, linked: Option<Linked>, refused: BTreeSet<u64>) {
        self.linked = self.linked.or(linked);
        self.refused.extend(refused);
    }

    /// Takes the linked company for its own, until it is read.
    pub(super) fn take_linked(&mut self) -> Option<u64> {
        let linked = self.linked?;
        self.company = Some(linked.id);
        self.evidence = vec![linked.by];
        self.company
    }

    /// How the company was recognised, for whoever asks.
    pub(in crate::planner) fn recognition(&self) -> Option<Recognition> {
        Some(Recognition {
            id: self.company?,
            evidence: self.evidence.clone(),
            values: self.same(),
            names: [None, None, None],
            passed: self.passed.clone(),
        })
    }

    /// What was the same, where it was found by its number.
    fn same(&self) -> Vec<String> {
        let by = |one| self.evidence.contains(&one);
        let inn = self.inn.iter().filter(|_| by(Evidence::Inn));
        let kpp = self.kpp.iter().filter(|_| by(Evidence::Kpp));
        inn.chain(kpp).cloned().collect()
    }

    /// Whether the company, now recognised, is to be linked to the taxpayer number.
    pub(in crate::planner) fn links(&self) -> bool {
        self.made
            || self
                .linked
                .is_none_or(|linked| Some(linked.id) != self.company)
    }

    /// The companies that its number or its name showed.
    pub(super) fn found(&self) -> impl Iterator<Item = u64> {
        self.found.keys().copied()
    }

    /// Whether its company, or one that may be it, is among these.
    pub(in crate::planner) fn is_one_of(&self, ids: &[u64]) -> bool {
        self.found().chain(self.company).any(|id| ids.contains(&id))
    }
}

impl Wave {
    /// Asks whether these companies are there.
    pub(super) fn ask_companies(&mut self, ids: BTreeSet<u64>) {
        let ids: Vec<u64> = ids.into_iter().collect();
        for ids in ids.chunks(PAGE) {
            let params = listed(&of_ids(ids), &["ID"]);
            let ids = ids.to_vec();
            let ask = PendingCommand::Companies { ids };
            self.ask("crm.company.list", params, ask);
        }
    }

    pub(in crate::planner) fn take_companies(&mut self, ids: &[u64], result: &Value) {
        let shown: BTreeSet<u64> = rows(result).iter().filter_map(row_id).collect();
        self.companies
            .extend(ids.iter().map(|id| (*id, shown.contains(id))));
    }

    /// Takes the link from the firms whose company was deleted, or merged with another; which they
    /// are.
    pub(super) fn forget_gone_companies(&mut self) -> Vec<FirmIx> {
        if self.hides(CardKind::Company) {
            return Vec::new();
        }
        let gone: Vec<(FirmIx, u64)> = FirmIx::all(self.firms.len())
            .filter_map(|at| Some((at, self.firms[at].company?)))
            .filter(|(_, company)| self.companies.get(company) == Some(&false))
            .collect();
        for (at, company) in &gone {
            self.firms[*at].company = None;
            let jobs = self.jobs.iter_mut();
            for state in jobs.filter(|state| state.firm == Some(*at)) {
                state.known.forget_company();
                state.note(Note::CompanyGone { company: *company });
            }
        }
        gone.into_iter().map(|(at, _)| at).collect()
    }

    /// Searches by origin, and by taxpayer number; by name only where there is no number.
    pub(super) fn search_companies(&mut self, firms: &[FirmIx]) {
        let origin = |at: &FirmIx| {
            let firm = &self.firms[*at];
            (firm.shop.clone(), firm.origin.clone(), *at)
        };
        let origins = firms.iter().map(origin).collect();
        self.ask_by_origin("crm.company.list", &BY_ORIGIN, origins, |firms, page| {
            PendingCommand::CompaniesByOrigin { firms, page }
        });
        let (with_inn, without): (Vec<FirmIx>, Vec<FirmIx>) =
            firms.iter().partition(|at| self.firms[**at].inn.is_some());
        self.ask_requisites(&with_inn);
        for firm in without {
            self.ask_title_page(firm, None);
        }
    }

    /// One page of the companies whose title is this firm's name: there are names that many have.
    fn ask_title_page(&mut self, firm: FirmIx, after: Option<u64>) {
        let filter = above(json!({"=TITLE": self.firms[firm].title}), after);
        let params = listed(&filter, &["ID", "TITLE", "PHONE"]);
        let ask = PendingCommand::CompaniesByTitle { firm, after };
        self.ask("crm.company.list", params, ask);
    }

    /// The requisites with these firms' numbers, and what a new one needs.
    fn ask_requisites(&mut self, with_inn: &[FirmIx]) {
        for firms in with_inn.chunks(PAGE) {
            self.ask_requisites_page(firms, None);
        }
        if !with_inn.is_empty() {
            self.ask_presets();
        }
    }

    /// One page of the requisites with these firms' numbers, which may stand on many branches.
    fn ask_requisites_page(&mut self, firms: &[FirmIx], after: Option<u64>) {
        let inns: Vec<&str> = firms
            .iter()
            .filter_map(|at| self.firms[*at].inn.as_deref())
            .collect();
        let filter = above(json!({"@RQ_INN": inns, "ENTITY_TYPE_ID": COMPANIES}), after);
        let select = ["ID", "ENTITY_ID", "ENTITY_TYPE_ID", "RQ_INN", "RQ_KPP"];
        let params = json!({"filter": filter, "select": select, "order": {"ID": "ASC"}});
        let firms = firms.to_vec();
        let ask = PendingCommand::Requisites { firms, after };
        self.ask("crm.requisite.list", params, ask);
    }

    pub(in crate::planner) fn take_companies_by_origin(
        &mut self,
        firms: &[FirmIx],
        page: &OriginPage,
        result: &Value,
    ) {
        let rows = rows(result);
        if let Some(page) = page.next(&rows) {
            let (params, firms) = (page.params(&BY_ORIGIN), firms.to_vec());
            let ask = PendingCommand::CompaniesByOrigin { firms, page };
            self.ask("crm.company.list", params, ask);
        }
        for row in rows {
            let Some(id) = row_id(&row) else { continue };
            let origin = text(row.get("ORIGIN_ID"));
            for at in firms {
                let firm = &mut self.firms[*at];
                if firm.origin == origin {
                    firm.by_origin = Some(older(firm.by_origin, id));
                }
            }
        }
    }

    pub(in crate::planner) fn take_requisites(
        &mut self,
        firms: &[FirmIx],
        after: Option<u64>,
        result: &Value,
    ) {
        let page = rows(result);
        if let last @ Some(_) = further(&page, after) {
            self.ask_requisites_page(firms, last);
        }
        for row in page {
            let inn = text(row.get("RQ_INN"));
            let of_company = row
                .get("ENTITY_TYPE_ID")
                .is_none_or(|kind| id(kind) == Some(COMPANIES));
            let Some(company) = row.get("ENTITY_ID").and_then(id).filter(|_| of_company) else {
                continue;
            };
            for at in firms {
                let firm = &mut self.firms[*at];
                if firm.inn.as_deref() == Some(inn.as_str()) {
                    let branch = firm.kpp.as_deref() == Some(text(row.get("RQ_KPP")).as_str());
                    let evidence = firm.found.entry(company).or_default();
                    evidence.push(Evidence::Inn);
                    evidence.extend(branch.then_some(Evidence::Kpp));
                    evidence.sort_unstable();
                    evidence.dedup();
                    if let Some(requisite) = row_id(&row) {
                        firm.requisites.entry(company).or_insert(requisite);
                    }
                }
            }
        }
    }

    /// A name alone proves little: a company of that name counts if it has one of the phones, or if
    /// no phone can tell.
    pub(in crate::planner) fn take_companies_by_title(
        &mut self,
        firm: FirmIx,
        after: Option<u64>,
        result: &Value,
    ) {
        let rows = rows(result);
        if let Some(last) = further(&rows, after) {
            self.ask_title_page(firm, Some(last));
        }
        let firm = &mut self.firms[firm];
        for row in rows {
            let Some(id) = row_id(&row) else { continue };
            let theirs: Vec<String> = multifield(row.get("PHONE"))
                .iter()
                .filter_map(|text| Phone::parse(text, "7"))
                .map(|phone| phone.to_string())
                .collect();
            let same_title =
                text(row.get("TITLE")).trim().to_lowercase() == firm.title.trim().to_lowercase();
            let told_apart = !theirs.is_empty() && !firm.phones.is_empty();
            let phone = theirs.iter().any(|phone| firm.phones.contains(phone));
            if same_title && (!told_apart || phone) {
                self.companies.insert(id, true);
                let evidence = phone.then_some(Evidence::Phone).into_iter();
                let evidence = evidence.chain([Evidence::Title]).collect();
                firm.found.insert(id, evidence);
            }
        }
    }

    /// Says which company is whose: by origin, else that of the same branch, else the oldest that
    /// was found.
    pub(super) fn recognise_companies(&mut self) {
        for at in FirmIx::all(self.firms.len()) {
            let firm = &mut self.firms[at];
            if firm.company.is_some() {
                continue;
            }
            let there = &self.companies;
            firm.found.retain(|id, _| there.get(id) != Some(&false));
            let refused: Vec<u64> = firm.found.keys().copied().chain(firm.by_origin).collect();
            let refused = refused.into_iter().filter(|id| firm.refused.contains(id));
            let refused: BTreeSet<u64> = refused.collect();
            firm.found.retain(|id, _| !refused.contains(id));
            firm.by_origin = firm.by_origin.filter(|id| !refused.contains(id));
            firm.passed = refused.into_iter().map(Passed::by_operator).collect();
            let best = firm
                .found
                .iter()
                .min_by_key(|(id, evidence)| (!evidence.contains(&Evidence::Kpp), **id));
            let best = best.map(|(id, evidence)| (*id, evidence.clone()));
            let several_found = firm.found.keys().copied().collect::<BTreeSet<u64>>();
            let mut notes: Vec<Note> = firm.passed.iter().map(Passed::note).collect();
            match (firm.by_origin, best) {
                (Some(id), best) => {
                    firm.company = Some(id);
                    firm.evidence = vec![Evidence::Origin];
                    firm.evidence.extend(
                        best.filter(|(found, _)| *found == id)
                            .into_iter()
                            .flat_map(|(_, evidence)| evidence),
                    );
                }
                (None, Some((id, evidence))) => {
                    firm.company = Some(id);
                    firm.evidence = evidence;
                    if several_found.len() > 1 {
                        notes.push(several(Cards::Companies, &several_found, id));
                    }
                }
                (None, None) => {}
            }
            for note in notes {
                self.note_where(|state| state.firm == Some(at), &note);
            }
        }
    }

    /// The company, its requisite and the requisite's address. If the company is refused, the rest
    /// finds no owner and is refused too.
    pub(in crate::planner) fn company_group(&mut self, at: FirmIx) -> AtomicCommands {
        let key = self.batcher.key();
        let firm = &self.firms[at];
        let mut fields = Map::new();
        fields.insert("TITLE".to_owned(), json!(cut(&firm.title, 255)));
        communications(&mut fields, &firm.phones, &firm.emails);
        ownership(&mut fields, &firm.shop, &firm.origin, firm.responsible);
        let params = json!({ "fields": fields });
        let company = PlannedCommand::new(
            "crm.company.add",
            params,
            PendingCommand::AddCompany { firm: at },
        );
        let mut group = vec![company.keyed(&key)];
        group.extend(self.requisite_group(at, &result_of(&key), None));
        group
    }

    /// The requisite of a company, unless it is there, and its address, which is written over one
    /// of the same type.
    fn requisite_group(
        &mut self,
        at: FirmIx,
        company: &Value,
        there: Option<u64>,
    ) -> AtomicCommands {
        let requisite_key = self.batcher.key();
        let firm = &self.firms[at];
        let mut group = AtomicCommands::new();
        let add = |method, fields: Value, what| {
            let ask = PendingCommand::AddToCompany { firm: at, what };
            PlannedCommand::new(method, json!({ "fields": fields }), ask)
        };
        let requisite = match (there, firm.inn.as_deref()) {
            (Some(requisite), _) => json!(requisite),
            (None, Some(inn)) if let Some(preset) = self.facts.preset(inn) => {
                let mut fields = json!({
                    "ENTITY_TYPE_ID": COMPANIES, "ENTITY_ID": company, "PRESET_ID": preset,
                    "NAME": cut(&firm.title, 255), "RQ_INN": inn, "RQ_COMPANY_NAME":
                        cut(&firm.title, 255),
                });
                if let Some(kpp) = &firm.kpp {
                    fields["RQ_KPP"] = json!(kpp);
                }
                group.push(add("crm.requisite.add", fields, "requisite").keyed(&requisite_key));
                result_of(&requisite_key)
            }
            _ => return group,
        };
        if let Some(address) = &firm.address {
            let fields = json!({
                "TYPE_ID": REGISTERED, "ENTITY_TYPE_ID": REQUISITES, "ENTITY_ID": requisite,
                    "ADDRESS_1": address,
            });
            group.push(add("crm.address.add", fields, "address"));
        }
        group
    }

    /// Firms whose company is known and may lack its requisite.
    fn lacking(&self) -> Vec<FirmIx> {
        let lacks = |at: &FirmIx| {
            let firm = &self.firms[*at];
            let open = |state: &State| state.firm == Some(*at) && state.known.open.requisite;
            firm.inn.is_some() && firm.company.is_some() && self.any_job(open)
        };
        FirmIx::all(self.firms.len()).filter(lacks).collect()
    }

    /// Asks which of the companies that may lack their requisite have it.
    pub(super) fn ask_lacking(&mut self) {
        let lacking = self.lacking();
        self.ask_requisites(&lacking);
    }

    /// What is missing of companies that were made before and lack their requisite.
    pub(super) fn complete_companies(&mut self) -> Vec<(FirmIx, AtomicCommands)> {
        let lacking = self.lacking();
        let mut groups = Vec::new();
        for at in lacking {
            let Some(company) = self.firms[at].company else {
                continue;
            };
            let there = self.firms[at].requisites.get(&company).copied();
            groups.push((at, self.requisite_group(at, &json!(company), there)));
        }
        let jobs = self.jobs.iter_mut().filter(|state| state.open());
        jobs.for_each(|state| state.known.open.requisite = false);
        groups
    }

    pub(in crate::planner) fn company_made(&mut self, at: FirmIx, result: &Value) {
        if let Some(id) = made_id(result) {
            self.firms[at].company = Some(id);
            self.firms[at].made = true;
            self.firms[at].evidence = vec![Evidence::Made];
            return;
        }
        self.no_id(
            &PendingCommand::AddCompany { firm: at },
            "crm.company.add",
            result,
        );
    }
}
