//! Who ordered: contacts and companies, found by link, origin, phone and e-mail, or made. Two orders of one new customer make one.

use super::{
    ask::{Ask, Group, Step},
    rows::cut,
    value::{elements, id, rows, text},
    wave::Wave,
};
use crate::domain::{self, Company, Phone, ShopName, ShopRules};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The most values one duplicate search takes, and the number of hits at which it stops telling all.
const SEARCH_LIMIT: usize = 20;
/// How many ids or names one list filter is given: a page holds as many.
pub(super) const PAGE: usize = 50;

/// A person who ordered, once per wave however many orders.
#[derive(Debug)]
pub(super) struct Customer {
    pub(super) shop: ShopName,
    pub(super) country: String,
    /// ORIGIN_ID of the contact.
    pub(super) origin: String,
    pub(super) names: [Option<String>; 3],
    pub(super) phones: Vec<Phone>,
    pub(super) emails: Vec<String>,
    pub(super) responsible: Option<u64>,
    pub(super) source: Option<String>,
    /// Whether it was searched for; a linked contact is not, unless it is gone.
    pub(super) searched: bool,
    /// Ids that the searches showed.
    pub(super) candidates: BTreeSet<u64>,
    pub(super) by_origin: Option<u64>,
    pub(super) contact: Option<u64>,
    pub(super) made: bool,
}

/// A legal entity that ordered.
#[derive(Debug)]
pub(super) struct Firm {
    pub(super) shop: ShopName,
    pub(super) origin: String,
    pub(super) title: String,
    pub(super) inn: Option<String>,
    pub(super) kpp: Option<String>,
    pub(super) address: Option<String>,
    pub(super) phones: Vec<Phone>,
    pub(super) emails: Vec<String>,
    pub(super) responsible: Option<u64>,
    pub(super) found: BTreeSet<u64>,
    pub(super) by_origin: Option<u64>,
    pub(super) company: Option<u64>,
    pub(super) made: bool,
}

/// A contact as it was read.
#[derive(Debug, Clone)]
pub(super) struct ContactRow {
    phones: Vec<String>,
    emails: Vec<String>,
}

impl ContactRow {
    fn has_phone(&self, phone: &Phone, country: &str) -> bool {
        self.phones.iter().any(|text| {
            text == phone.as_str() || Phone::parse(text, country).as_ref() == Some(phone)
        })
    }
}

impl Customer {
    fn of(rules: &ShopRules, origin: String, names: [Option<String>; 3]) -> Self {
        Self {
            shop: rules.shop.clone(),
            country: rules.phone_country.clone(),
            origin,
            names,
            phones: Vec::new(),
            emails: Vec::new(),
            responsible: rules.responsible_id,
            source: rules.source_id.clone(),
            searched: false,
            candidates: BTreeSet::new(),
            by_origin: None,
            contact: None,
            made: false,
        }
    }
}

impl Firm {
    fn of(rules: &ShopRules, person: &domain::Customer, company: &Company, origin: String) -> Self {
        let nameless = || format!("ИНН {}", company.inn.as_deref().unwrap_or("?"));
        Self {
            shop: rules.shop.clone(),
            title: company.title.clone().unwrap_or_else(nameless),
            origin,
            inn: company.inn.clone(),
            kpp: company.kpp.clone(),
            address: company.address.clone(),
            phones: person.phones.clone(),
            emails: person.emails.clone(),
            responsible: rules.responsible_id,
            found: BTreeSet::new(),
            by_origin: None,
            company: None,
            made: false,
        }
    }
}

impl Wave {
    /// Makes one customer of all jobs that share a customer id, a phone or an e-mail, and one firm of all that share a taxpayer number.
    pub(super) fn gather_customers(&mut self) {
        let mut by_key: BTreeMap<String, usize> = BTreeMap::new();
        let mut firm_by_key: BTreeMap<String, usize> = BTreeMap::new();
        for job in 0..self.jobs.len() {
            let state = &self.jobs[job];
            let needs =
                state.open() && !state.is_lead() && (state.is_new() || !state.customer_told());
            let Some(person) = state
                .snapshot()
                .and_then(|snapshot| snapshot.customer.clone())
                .filter(|_| needs)
            else {
                continue;
            };
            let rules = Arc::clone(&state.job.rules);
            let number = state.job.number.clone();
            if let Some(company) = &person.company {
                let origin = match (&company.inn, &person.id) {
                    (Some(inn), _) => format!("inn:{inn}"),
                    (None, Some(id)) => format!("company:{id}"),
                    (None, None) => format!("order:{number}:company"),
                };
                let firm = *firm_by_key
                    .entry(format!("{} {origin}", rules.shop))
                    .or_insert_with(|| {
                        self.firms.push(Firm::of(&rules, &person, company, origin));
                        self.firms.len() - 1
                    });
                self.jobs[job].firm = Some(firm);
            }
            let named = [
                person.name.clone(),
                person.last_name.clone(),
                person.second_name.clone(),
            ];
            let nobody = person.id.is_none()
                && person.phones.is_empty()
                && person.emails.is_empty()
                && named.iter().all(Option::is_none);
            if nobody {
                self.jobs[job].note("the order names no customer: the deal has no contact");
                continue;
            }
            let mut keys: Vec<String> = person.phones.iter().map(ToString::to_string).collect();
            keys.extend(person.emails.iter().cloned());
            keys.extend(
                person
                    .id
                    .as_ref()
                    .map(|id| format!("{} id:{id}", rules.shop)),
            );
            let at = keys
                .iter()
                .find_map(|key| by_key.get(key))
                .copied()
                .unwrap_or_else(|| {
                    let origin = person
                        .id
                        .clone()
                        .unwrap_or_else(|| format!("order:{number}"));
                    self.customers.push(Customer::of(&rules, origin, named));
                    self.customers.len() - 1
                });
            by_key.extend(keys.into_iter().map(|key| (key, at)));
            let customer = &mut self.customers[at];
            customer.phones.extend(
                person
                    .phones
                    .into_iter()
                    .filter(|phone| !customer.phones.contains(phone))
                    .collect::<Vec<_>>(),
            );
            customer.emails.extend(
                person
                    .emails
                    .into_iter()
                    .filter(|email| !customer.emails.contains(email))
                    .collect::<Vec<_>>(),
            );
            self.jobs[job].customer = Some(at);
        }
    }

    /// Asks for linked contacts and companies, and searches the customers and firms that have no link.
    pub(super) fn ask_who(&mut self) {
        let mut linked = BTreeSet::new();
        let mut linked_companies = BTreeSet::new();
        for state in self.jobs.iter().filter(|state| state.open()) {
            if let (Some(at), Some(contact)) = (state.customer, state.known.contact_id) {
                self.customers[at].contact.get_or_insert(contact);
                linked.insert(contact);
            }
            if let (Some(at), Some(company)) = (state.firm, state.known.company_id) {
                self.firms[at].company.get_or_insert(company);
                linked_companies.insert(company);
            }
        }
        self.ask_contacts(linked);
        self.ask_companies(linked_companies);
        let strangers: Vec<usize> = (0..self.customers.len())
            .filter(|at| self.customers[*at].contact.is_none())
            .collect();
        self.search(&strangers);
        let unknown: Vec<usize> = (0..self.firms.len())
            .filter(|at| self.firms[*at].company.is_none())
            .collect();
        self.search_firms(&unknown);
    }

    fn ask_contacts(&mut self, ids: BTreeSet<u64>) {
        let ids: Vec<u64> = ids.into_iter().collect();
        for ids in ids.chunks(PAGE) {
            let params = json!({
                "filter": {"@ID": ids},
                "select": ["ID", "NAME", "LAST_NAME", "PHONE", "EMAIL", "ORIGINATOR_ID", "ORIGIN_ID"],
                "order": {"ID": "ASC"}, "start": -1,
            });
            self.ask(
                "crm.contact.list",
                params,
                Ask::Contacts { ids: ids.to_vec() },
            );
        }
    }

    fn ask_companies(&mut self, ids: BTreeSet<u64>) {
        let ids: Vec<u64> = ids.into_iter().collect();
        for ids in ids.chunks(PAGE) {
            let params = json!({"filter": {"@ID": ids}, "select": ["ID"], "order": {"ID": "ASC"}, "start": -1});
            let ask = Ask::Companies { ids: ids.to_vec() };
            self.ask("crm.company.list", params, ask);
        }
    }

    /// Searches by origin, phone and e-mail at once.
    fn search(&mut self, strangers: &[usize]) {
        let mut by_shop: BTreeMap<ShopName, Vec<usize>> = BTreeMap::new();
        let mut phones = Vec::new();
        let mut emails = Vec::new();
        for at in strangers {
            let customer = &mut self.customers[*at];
            customer.searched = true;
            by_shop.entry(customer.shop.clone()).or_default().push(*at);
            phones.extend(
                customer
                    .phones
                    .iter()
                    .flat_map(Phone::spellings)
                    .map(|spelling| (spelling, *at)),
            );
            emails.extend(customer.emails.iter().map(|email| (email.clone(), *at)));
        }
        for (shop, customers) in by_shop {
            for customers in customers.chunks(PAGE) {
                let origins: Vec<&str> = customers
                    .iter()
                    .map(|at| self.customers[*at].origin.as_str())
                    .collect();
                let params = json!({
                    "filter": {"ORIGINATOR_ID": shop.as_str(), "@ORIGIN_ID": origins},
                    "select": ["ID", "ORIGIN_ID", "PHONE", "EMAIL"], "order": {"ID": "ASC"}, "start": -1,
                });
                self.ask(
                    "crm.contact.list",
                    params,
                    Ask::ContactsByOrigin {
                        customers: customers.to_vec(),
                    },
                );
            }
        }
        self.ask_duplicates(true, &phones, SEARCH_LIMIT);
        self.ask_duplicates(false, &emails, SEARCH_LIMIT);
    }

    fn ask_duplicates(&mut self, by_phone: bool, values: &[(String, usize)], size: usize) {
        for values in values.chunks(size) {
            let texts: Vec<&str> = values.iter().map(|(value, _)| value.as_str()).collect();
            let kind = if by_phone { "PHONE" } else { "EMAIL" };
            let params = json!({"type": kind, "values": texts, "entity_type": "CONTACT"});
            let ask = Ask::Duplicates {
                by_phone,
                values: values.to_vec(),
            };
            self.ask("crm.duplicate.findbycomm", params, ask);
        }
    }

    fn search_firms(&mut self, firms: &[usize]) {
        let mut by_shop: BTreeMap<ShopName, Vec<usize>> = BTreeMap::new();
        for at in firms {
            by_shop
                .entry(self.firms[*at].shop.clone())
                .or_default()
                .push(*at);
        }
        for (shop, firms) in by_shop {
            for firms in firms.chunks(PAGE) {
                let origins: Vec<&str> = firms
                    .iter()
                    .map(|at| self.firms[*at].origin.as_str())
                    .collect();
                let params = json!({
                    "filter": {"ORIGINATOR_ID": shop.as_str(), "@ORIGIN_ID": origins},
                    "select": ["ID", "ORIGIN_ID"], "order": {"ID": "ASC"}, "start": -1,
                });
                self.ask(
                    "crm.company.list",
                    params,
                    Ask::CompaniesByOrigin {
                        firms: firms.to_vec(),
                    },
                );
            }
        }
        let (with_inn, without): (Vec<usize>, Vec<usize>) =
            firms.iter().partition(|at| self.firms[**at].inn.is_some());
        for firms in with_inn.chunks(PAGE) {
            let inns: Vec<&str> = firms
                .iter()
                .filter_map(|at| self.firms[*at].inn.as_deref())
                .collect();
            let params = json!({
                "filter": {"@RQ_INN": inns, "ENTITY_TYPE_ID": 4},
                "select": ["ID", "ENTITY_ID", "ENTITY_TYPE_ID", "RQ_INN"], "order": {"ID": "ASC"},
            });
            self.ask(
                "crm.requisite.list",
                params,
                Ask::Requisites {
                    firms: firms.to_vec(),
                },
            );
        }
        for at in without {
            let params = json!({
                "filter": {"=TITLE": self.firms[at].title}, "select": ["ID", "TITLE", "PHONE"],
                "order": {"ID": "ASC"}, "start": -1,
            });
            self.ask(
                "crm.company.list",
                params,
                Ask::CompaniesByTitle { firm: at },
            );
        }
        if !with_inn.is_empty() && !self.facts.presets_known() {
            let params = json!({"select": ["ID", "NAME", "XML_ID", "ACTIVE", "COUNTRY_ID"], "order": {"ID": "ASC"}});
            self.ask("crm.requisite.preset.list", params, Ask::Presets);
        }
    }

    pub(super) fn take_contacts(&mut self, ids: &[u64], result: &Value) {
        for id in ids {
            self.contacts.entry(*id).or_insert(None);
        }
        for row in rows(result) {
            if let Some((id, contact)) = contact_row(&row) {
                self.contacts.insert(id, Some(contact));
            }
        }
    }

    pub(super) fn take_companies(&mut self, ids: &[u64], result: &Value) {
        let shown: BTreeSet<u64> = rows(result)
            .iter()
            .filter_map(|row| row.get("ID").and_then(id))
            .collect();
        self.companies
            .extend(ids.iter().map(|id| (*id, shown.contains(id))));
    }

    pub(super) fn take_contacts_by_origin(&mut self, customers: &[usize], result: &Value) {
        for row in rows(result) {
            let Some((id, contact)) = contact_row(&row) else {
                continue;
            };
            let origin = text(row.get("ORIGIN_ID"));
            self.contacts.insert(id, Some(contact));
            for at in customers
                .iter()
                .filter(|at| self.customers[**at].origin == origin)
                .collect::<Vec<_>>()
            {
                let customer = &mut self.customers[*at];
                customer.by_origin = Some(customer.by_origin.map_or(id, |known| known.min(id)));
            }
        }
    }

    /// The hits of all values come in one list, and at twenty the portal stops telling: then each value is asked alone.
    pub(super) fn take_duplicates(
        &mut self,
        by_phone: bool,
        values: &[(String, usize)],
        result: &Value,
    ) {
        let hits: BTreeSet<u64> = result
            .get("CONTACT")
            .map(|list| elements(list).into_iter().filter_map(id).collect())
            .unwrap_or_default();
        if hits.len() >= SEARCH_LIMIT && values.len() > 1 {
            self.ask_duplicates(by_phone, values, 1);
            return;
        }
        for (_, at) in values {
            self.customers[*at].candidates.extend(hits.iter().copied());
        }
    }

    pub(super) fn take_companies_by_origin(&mut self, firms: &[usize], result: &Value) {
        for row in rows(result) {
            let Some(id) = row.get("ID").and_then(id) else {
                continue;
            };
            let origin = text(row.get("ORIGIN_ID"));
            for at in firms
                .iter()
                .filter(|at| self.firms[**at].origin == origin)
                .collect::<Vec<_>>()
            {
                let firm = &mut self.firms[*at];
                firm.by_origin = Some(firm.by_origin.map_or(id, |known| known.min(id)));
            }
        }
    }

    pub(super) fn take_requisites(&mut self, firms: &[usize], result: &Value) {
        for row in rows(result) {
            let inn = text(row.get("RQ_INN"));
            let of_company = row
                .get("ENTITY_TYPE_ID")
                .is_none_or(|kind| id(kind) == Some(4));
            let Some(company) = row.get("ENTITY_ID").and_then(id).filter(|_| of_company) else {
                continue;
            };
            for at in firms {
                if self.firms[*at].inn.as_deref() == Some(inn.as_str()) {
                    self.firms[*at].found.insert(company);
                }
            }
        }
    }

    /// A name alone proves little: a company of that name counts if it has one of the phones, or if no phone can tell.
    pub(super) fn take_companies_by_title(&mut self, firm: usize, result: &Value) {
        let firm = &mut self.firms[firm];
        for row in rows(result) {
            let Some(id) = row.get("ID").and_then(id) else {
                continue;
            };
            let theirs: Vec<Phone> = multifield(row.get("PHONE"))
                .iter()
                .filter_map(|text| Phone::parse(text, "7"))
                .collect();
            let same_title =
                text(row.get("TITLE")).trim().to_lowercase() == firm.title.trim().to_lowercase();
            let told_apart = !theirs.is_empty() && !firm.phones.is_empty();
            if same_title && (!told_apart || theirs.iter().any(|phone| firm.phones.contains(phone)))
            {
                self.companies.insert(id, true);
                firm.found.insert(id);
            }
        }
    }

    pub(super) fn take_presets(&mut self, result: &Value) {
        self.facts.presets_asked = true;
        let rows = rows(result);
        let active: Vec<&Map<String, Value>> = rows
            .iter()
            .filter(|row| text(row.get("ACTIVE")) != "N")
            .collect();
        let named = |words: [&str; 2]| {
            let holds = |row: &&&Map<String, Value>| {
                let (code, name) = (text(row.get("XML_ID")), text(row.get("NAME")));
                code.contains(words[0]) || name.to_lowercase().contains(words[1])
            };
            active
                .iter()
                .find(holds)
                .and_then(|row| row.get("ID"))
                .and_then(id)
        };
        let first = active.first().and_then(|row| row.get("ID")).and_then(id);
        self.facts.preset_company = named(["RU_COMPANY", "организация"]).or(first);
        self.facts.preset_entrepreneur =
            named(["RU_INDIVIDUAL", "ип"]).or(self.facts.preset_company);
    }

    /// Searches for firms whose linked company is gone: deleted, or merged with another. Asks whether those that were found are there.
    fn search_lost_firms(&mut self) {
        let lost: Vec<(usize, u64)> = (0..self.firms.len())
            .filter_map(|at| Some((at, self.firms[at].company?)))
            .filter(|(_, company)| self.companies.get(company) == Some(&false))
            .collect();
        for (at, company) in &lost {
            self.firms[*at].company = None;
            for state in self.jobs.iter_mut().filter(|state| state.firm == Some(*at)) {
                state.known.company_id = None;
                state.note(format!(
                    "the company {company} is no longer in the portal: it was looked for again"
                ));
            }
        }
        let firms: Vec<usize> = lost.into_iter().map(|(at, _)| at).collect();
        self.search_firms(&firms);
        // The requisite of a deleted company may outlive it.
        let unread: BTreeSet<u64> = self
            .firms
            .iter()
            .flat_map(|firm| firm.found.iter().copied())
            .filter(|id| !self.companies.contains_key(id))
            .collect();
        self.ask_companies(unread);
    }

    /// Reads candidates that were not read yet, and searches for customers whose linked contact or company is gone. Whether anything was asked.
    pub(super) fn ask_who_further(&mut self) -> bool {
        let unread: BTreeSet<u64> = self
            .customers
            .iter()
            .flat_map(|customer| customer.candidates.iter().copied())
            .filter(|id| !self.contacts.contains_key(id))
            .collect();
        self.ask_contacts(unread);
        let gone: Vec<usize> = (0..self.customers.len())
            .filter(|at| {
                let customer = &self.customers[*at];
                !customer.searched
                    && customer
                        .contact
                        .is_some_and(|id| matches!(self.contacts.get(&id), Some(None)))
            })
            .collect();
        for at in &gone {
            let lost = self.customers[*at].contact.take();
            for state in self
                .jobs
                .iter_mut()
                .filter(|state| state.customer == Some(*at))
            {
                state.known.contact_id = None;
                if let Some(lost) = lost {
                    state.note(format!("the contact {lost} is no longer in the portal: the customer was looked for again"));
                }
            }
        }
        self.search(&gone);
        self.search_lost_firms();
        !self.waiting.is_empty()
    }

    /// Says who is who: by origin, then by phone, then by e-mail; several: the oldest.
    pub(super) fn recognise(&mut self) {
        for at in 0..self.customers.len() {
            if self.customers[at].contact.is_none() {
                let (found, note) = self.best_match(at);
                self.customers[at].contact = found;
                if let Some(note) = note {
                    self.jobs
                        .iter_mut()
                        .filter(|state| state.customer == Some(at))
                        .for_each(|state| state.note(&note));
                }
            }
        }
        for at in 0..self.firms.len() {
            let firm = &mut self.firms[at];
            let there = &self.companies;
            firm.found.retain(|id| there.get(id) != Some(&false));
            if firm.company.is_none() {
                firm.company = firm.by_origin.or_else(|| firm.found.first().copied());
                if firm.by_origin.is_none() && firm.found.len() > 1 {
                    let note = several("companies", &firm.found);
                    self.jobs
                        .iter_mut()
                        .filter(|state| state.firm == Some(at))
                        .for_each(|state| state.note(&note));
                }
            }
        }
    }

    fn best_match(&self, at: usize) -> (Option<u64>, Option<String>) {
        let customer = &self.customers[at];
        if customer.by_origin.is_some() {
            return (customer.by_origin, None);
        }
        let read = |id: &u64| self.contacts.get(id).and_then(Option::as_ref);
        let by_phone = |row: &ContactRow| {
            customer
                .phones
                .iter()
                .any(|phone| row.has_phone(phone, &customer.country))
        };
        let by_email = |row: &ContactRow| {
            row.emails
                .iter()
                .any(|email| customer.emails.contains(email))
        };
        let matching = |test: &dyn Fn(&ContactRow) -> bool| -> BTreeSet<u64> {
            customer
                .candidates
                .iter()
                .copied()
                .filter(|id| read(id).is_some_and(test))
                .collect()
        };
        for found in [matching(&by_phone), matching(&by_email)] {
            if let Some(oldest) = found.first() {
                return (
                    Some(*oldest),
                    (found.len() > 1).then(|| several("contacts", &found)),
                );
            }
        }
        (None, None)
    }

    /// Makes what is missing, and adds missing phones and e-mails to what is there. Names that a manager typed are never touched.
    pub(super) fn ask_customers(&mut self) {
        self.recognise();
        let wanted = |jobs: &[super::wave::State], test: &dyn Fn(&super::wave::State) -> bool| {
            jobs.iter()
                .any(|state| state.open() && state.needs_customer() && test(state))
        };
        let mut groups: Vec<Group> = Vec::new();
        for at in 0..self.firms.len() {
            if self.firms[at].company.is_none()
                && wanted(&self.jobs, &|state| state.firm == Some(at))
            {
                let group = self.company_group(at);
                groups.push(group);
            }
        }
        for at in 0..self.customers.len() {
            let needed = wanted(&self.jobs, &|state| state.customer == Some(at));
            let told = self
                .jobs
                .iter()
                .any(|state| state.open() && state.customer == Some(at) && !state.customer_told());
            match self.customers[at].contact {
                None if needed => groups.push(vec![self.new_contact(at)]),
                Some(contact) if told => {
                    groups.extend(self.completion(at, contact).map(|step| vec![step]));
                }
                _ => {}
            }
        }
        self.waiting.extend(groups);
    }

    fn new_contact(&self, at: usize) -> Step {
        let customer = &self.customers[at];
        let [name, last_name, second_name] = customer.names.clone();
        let phone = customer.phones.first().map(ToString::to_string);
        let stand_in = || {
            phone
                .or_else(|| customer.emails.first().cloned())
                .unwrap_or_else(|| "Покупатель".to_owned())
        };
        let mut fields = Map::new();
        let nameless = name.is_none() && last_name.is_none();
        for (field, value) in [
            ("NAME", if nameless { Some(stand_in()) } else { name }),
            ("LAST_NAME", last_name),
            ("SECOND_NAME", second_name),
        ] {
            if let Some(value) = value {
                fields.insert(field.to_owned(), json!(cut(&value, 50)));
            }
        }
        communications(&mut fields, &customer.phones, &customer.emails);
        ownership(
            &mut fields,
            &customer.shop,
            &customer.origin,
            customer.responsible,
        );
        if let Some(source) = &customer.source {
            fields.insert("SOURCE_ID".to_owned(), json!(source));
        }
        Step::new(
            "crm.contact.add",
            json!({"fields": fields}),
            Ask::AddContact { customer: at },
        )
    }

    fn completion(&self, at: usize, contact: u64) -> Option<Step> {
        let customer = &self.customers[at];
        let row = self.contacts.get(&contact)?.as_ref()?;
        let phones: Vec<Phone> = customer
            .phones
            .iter()
            .filter(|phone| !row.has_phone(phone, &customer.country))
            .cloned()
            .collect();
        let emails: Vec<String> = customer
            .emails
            .iter()
            .filter(|email| !row.emails.contains(email))
            .cloned()
            .collect();
        let mut fields = Map::new();
        communications(&mut fields, &phones, &emails);
        (!fields.is_empty()).then(|| {
            let params = json!({"id": contact, "fields": fields});
            Step::new(
                "crm.contact.update",
                params,
                Ask::CompleteContact { customer: at },
            )
        })
    }

    /// The company, its requisite and the requisite's address. If the company is refused, the rest finds no owner and is refused too.
    fn company_group(&mut self, at: usize) -> Group {
        let key = self.desk.key();
        let firm = &self.firms[at];
        let mut fields = Map::new();
        fields.insert("TITLE".to_owned(), json!(cut(&firm.title, 255)));
        communications(&mut fields, &firm.phones, &firm.emails);
        ownership(&mut fields, &firm.shop, &firm.origin, firm.responsible);
        let mut company = Step::new(
            "crm.company.add",
            json!({"fields": fields}),
            Ask::AddCompany { firm: at },
        );
        company.key = Some(key.clone());
        let mut group = vec![company];
        let preset = match firm.inn.as_deref().map(str::len) {
            Some(12) => self.facts.preset_entrepreneur,
            Some(_) => self.facts.preset_company,
            None => None,
        };
        if let (Some(inn), Some(preset)) = (firm.inn.clone(), preset) {
            let requisite_key = self.desk.key();
            let firm = &self.firms[at];
            let mut fields = Map::new();
            fields.insert("ENTITY_TYPE_ID".to_owned(), json!(4));
            fields.insert("ENTITY_ID".to_owned(), json!(format!("$result[{key}]")));
            fields.insert("PRESET_ID".to_owned(), json!(preset));
            fields.insert("NAME".to_owned(), json!(cut(&firm.title, 255)));
            fields.insert("RQ_INN".to_owned(), json!(inn));
            fields.insert("RQ_COMPANY_NAME".to_owned(), json!(cut(&firm.title, 255)));
            if let Some(kpp) = &firm.kpp {
                fields.insert("RQ_KPP".to_owned(), json!(kpp));
            }
            let ask = Ask::AddToCompany {
                firm: at,
                what: "requisite",
            };
            let mut requisite = Step::new("crm.requisite.add", json!({"fields": fields}), ask);
            requisite.key = Some(requisite_key.clone());
            group.push(requisite);
            if let Some(address) = &firm.address {
                // Address type 6: the registered address. Owner type 8: a requisite.
                let owner = format!("$result[{requisite_key}]");
                let fields = json!({"TYPE_ID": 6, "ENTITY_TYPE_ID": 8, "ENTITY_ID": owner, "ADDRESS_1": address});
                let ask = Ask::AddToCompany {
                    firm: at,
                    what: "address",
                };
                group.push(Step::new("crm.address.add", json!({"fields": fields}), ask));
            }
        }
        group
    }

    pub(super) fn contact_made(&mut self, customer: usize, result: &Value) {
        match made_id(result) {
            Some(id) => {
                self.customers[customer].contact = Some(id);
                self.customers[customer].made = true;
            }
            None => self.protocol(
                |state| state.customer == Some(customer),
                "crm.contact.add",
                result,
            ),
        }
    }

    pub(super) fn company_made(&mut self, firm: usize, result: &Value) {
        match made_id(result) {
            Some(id) => {
                self.firms[firm].company = Some(id);
                self.firms[firm].made = true;
            }
            None => self.protocol(|state| state.firm == Some(firm), "crm.company.add", result),
        }
    }
}

/// The id in the answer of an `add`: bare, or wrapped as the universal methods do.
pub(super) fn made_id(result: &Value) -> Option<u64> {
    id(result)
        .or_else(|| id(result.get("id")?))
        .or_else(|| id(result.get("item")?.get("id")?))
}

fn contact_row(row: &Map<String, Value>) -> Option<(u64, ContactRow)> {
    let emails = multifield(row.get("EMAIL"))
        .into_iter()
        .map(|email| email.trim().to_lowercase())
        .collect();
    Some((
        id(row.get("ID")?)?,
        ContactRow {
            phones: multifield(row.get("PHONE")),
            emails,
        },
    ))
}

/// The values of a multifield.
fn multifield(value: Option<&Value>) -> Vec<String> {
    value
        .map(elements)
        .unwrap_or_default()
        .into_iter()
        .map(|element| text(element.get("VALUE")))
        .collect()
}

fn communications(fields: &mut Map<String, Value>, phones: &[Phone], emails: &[String]) {
    let values = |texts: Vec<&str>, kind: &str| -> Value {
        texts
            .into_iter()
            .map(|text| json!({"VALUE": text, "VALUE_TYPE": kind}))
            .collect()
    };
    if !phones.is_empty() {
        fields.insert(
            "PHONE".to_owned(),
            values(phones.iter().map(Phone::as_str).collect(), "MOBILE"),
        );
    }
    if !emails.is_empty() {
        fields.insert(
            "EMAIL".to_owned(),
            values(emails.iter().map(String::as_str).collect(), "HOME"),
        );
    }
}

fn ownership(
    fields: &mut Map<String, Value>,
    shop: &ShopName,
    origin: &str,
    responsible: Option<u64>,
) {
    fields.insert("ORIGINATOR_ID".to_owned(), json!(shop.as_str()));
    fields.insert("ORIGIN_ID".to_owned(), json!(origin));
    if let Some(responsible) = responsible {
        fields.insert("ASSIGNED_BY_ID".to_owned(), json!(responsible));
    }
}

fn several(what: &str, found: &BTreeSet<u64>) -> String {
    let ids: Vec<String> = found.iter().take(10).map(ToString::to_string).collect();
    format!(
        "{} {what} match this customer ({}): the oldest was taken",
        found.len(),
        ids.join(", ")
    )
}
