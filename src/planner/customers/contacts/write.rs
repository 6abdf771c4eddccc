//! Contacts that are made, and those that get the phones and e-mails they lack.

use crate::planner::{
    Evidence, Wave,
    customers::{communications, ownership},
    entities::product_rows::cut,
    indexes::CustomerIx,
    json::made_id,
    wave::batching::{PendingCommand, PlannedCommand},
};
use serde_json::{Map, Value, json};

impl Wave {
    pub(in crate::planner) fn new_contact(&self, at: CustomerIx) -> PlannedCommand {
        let customer = &self.customers[at];
        let [name, last_name, second_name] = customer.names();
        let phone = customer.phones.first().cloned();
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
            customer.own_origin(),
            customer.responsible,
        );
        if let Some(source) = &customer.source {
            fields.insert("SOURCE_ID".to_owned(), json!(source));
        }
        PlannedCommand::new(
            "crm.contact.add",
            json!({"fields": fields}),
            PendingCommand::AddContact { customer: at },
        )
    }

    /// What the contact lacks of the customer's phones and e-mails; `None` where it was not read.
    pub(in crate::planner) fn completion(
        &self,
        at: CustomerIx,
        contact: u64,
    ) -> Option<PlannedCommand> {
        let customer = &self.customers[at];
        let row = self.contacts.get(&contact)?.as_ref()?;
        let phones: Vec<String> = customer
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
            PlannedCommand::new(
                "crm.contact.update",
                params,
                PendingCommand::CompleteContact { customer: at },
            )
        })
    }

    pub(in crate::planner) fn contact_made(&mut self, at: CustomerIx, result: &Value) {
        if let Some(id) = made_id(result) {
            self.customers[at].contact = Some(id);
            self.customers[at].made = true;
            self.customers[at].evidence = vec![Evidence::Made];
            return;
        }
        self.no_id(
            &PendingCommand::AddContact { customer: at },
            "crm.contact.add",
            result,
        );
    }
}
