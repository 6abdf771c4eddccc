//! The fields of leads, deals, contacts and companies: names in both families, kinds, and who may
//! write them.

use Access::{Once, Read, Write};
use Kind::{Category, Currency, Day, Flag, Int, Link, Moment, Money, Status, Text, User};
use serde_json::Value;

/// The objects of the CRM that have a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Entity {
    Lead,
    Deal,
    Contact,
    Company,
}

impl Entity {
    pub(crate) const ALL: [Self; 4] = [Self::Lead, Self::Deal, Self::Contact, Self::Company];

    pub(crate) fn type_id(self) -> u64 {
        match self {
            Self::Lead => 1,
            Self::Deal => 2,
            Self::Contact => 3,
            Self::Company => 4,
        }
    }

    pub(crate) fn from_type_id(id: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|entity| entity.type_id() == id)
    }

    /// The word in method names and event names.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Lead => "LEAD",
            Self::Deal => "DEAL",
            Self::Contact => "CONTACT",
            Self::Company => "COMPANY",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|entity| entity.word().eq_ignore_ascii_case(word))
    }

    /// The letter by which product rows name their owner.
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Self::Lead => "L",
            Self::Deal => "D",
            Self::Contact => "C",
            Self::Company => "CO",
        }
    }

    pub(crate) fn fields(self) -> &'static [Field] {
        match self {
            Self::Lead => LEAD,
            Self::Deal => DEAL,
            Self::Contact => CONTACT,
            Self::Company => COMPANY,
        }
    }

    pub(crate) fn field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// The field that holds the stage.
    pub(crate) fn stage_field(self) -> Option<&'static str> {
        match self {
            Self::Lead => Some("STATUS_ID"),
            Self::Deal => Some("STAGE_ID"),
            Self::Contact | Self::Company => None,
        }
    }

    pub(crate) fn has_multifields(self) -> bool {
        self != Self::Deal
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    Money,
    Flag,
    Day,
    Moment,
    User,
    Status(&'static str),
    Category,
    Currency,
    Link(Entity),
    Bool,
}

impl Kind {
    pub(crate) fn is_number(self) -> bool {
        matches!(
            self,
            Self::Int | Self::User | Self::Category | Self::Link(_)
        )
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Int => "integer",
            Self::Text => "string",
            Self::Money => "double",
            Self::Flag => "char",
            Self::Day => "date",
            Self::Moment => "datetime",
            Self::User => "user",
            Self::Status(_) => "crm_status",
            Self::Category => "crm_category",
            Self::Currency => "crm_currency",
            Self::Link(Entity::Lead) => "crm_lead",
            Self::Link(Entity::Deal) => "crm_deal",
            Self::Link(Entity::Contact) => "crm_contact",
            Self::Link(Entity::Company) => "crm_company",
            Self::Bool => "boolean",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Write,
    Once,
    Read,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) access: Access,
}

impl Field {
    /// The name in the universal methods.
    pub(crate) fn camel(&self) -> String {
        match self.name {
            "DATE_CREATE" => "createdTime".to_owned(),
            "DATE_MODIFY" => "updatedTime".to_owned(),
            "CREATED_BY_ID" => "createdBy".to_owned(),
            "MODIFY_BY_ID" => "updatedBy".to_owned(),
            "MOVED_BY_ID" => "movedBy".to_owned(),
            "STATUS_ID" => "stageId".to_owned(),
            "STATUS_SEMANTIC_ID" => "stageSemanticId".to_owned(),
            "COMPANY_TYPE" => "typeId".to_owned(),
            name => camel(name),
        }
    }
}

fn camel(name: &str) -> String {
    let mut text = String::new();
    for (at, part) in name.to_lowercase().split('_').enumerate() {
        let mut chars = part.chars();
        match chars.next() {
            Some(first) if at > 0 => text.extend(first.to_uppercase().chain(chars)),
            _ => text.push_str(part),
        }
    }
    text
}

/// The universal methods' name of a user field.
pub(crate) fn user_field_camel(name: &str) -> String {
    let Some(tail) = name.strip_prefix("UF_CRM_") else {
        return camel(name);
    };
    let parts: Vec<&str> = tail.split('_').collect();
    let digits = |p: &str| !p.is_empty() && p.chars().all(|c| c.is_ascii_digit());
    let letters = |p: &str| !p.is_empty() && p.chars().all(|c| c.is_ascii_alphabetic());
    let mixed = parts.iter().any(|p| !digits(p) && !letters(p));
    if mixed || (parts.len() == 1 && digits(tail)) {
        return format!("ufCrm_{tail}");
    }
    let mut text = String::from("ufCrm");
    let mut after_digits = false;
    for part in parts {
        if digits(part) && after_digits {
            text.push('_');
        }
        let (head, rest) = part.split_at(1);
        text.push_str(&head.to_uppercase());
        text.push_str(&rest.to_lowercase());
        after_digits = digits(part);
    }
    text
}

const fn f(name: &'static str, kind: Kind, access: Access) -> Field {
    Field { name, kind, access }
}

const DEAL: &[Field] = &[
    f("ID", Int, Read),
    f("TITLE", Text, Write),
    f("TYPE_ID", Status("DEAL_TYPE"), Write),
    f("STAGE_ID", Status("DEAL_STAGE"), Write),
    f("PROBABILITY", Int, Write),
    f("CURRENCY_ID", Currency, Write),
    f("OPPORTUNITY", Money, Write),
    f("IS_MANUAL_OPPORTUNITY", Flag, Write),
    f("TAX_VALUE", Money, Write),
    f("LEAD_ID", Link(Entity::Lead), Read),
    f("COMPANY_ID", Link(Entity::Company), Write),
    f("CONTACT_ID", Link(Entity::Contact), Write),
    f("QUOTE_ID", Int, Read),
    f("BEGINDATE", Day, Write),
    f("CLOSEDATE", Day, Write),
    f("ASSIGNED_BY_ID", User, Write),
    f("CREATED_BY_ID", User, Read),
    f("MODIFY_BY_ID", User, Read),
    f("DATE_CREATE", Moment, Read),
    f("DATE_MODIFY", Moment, Read),
    f("OPENED", Flag, Write),
    f("CLOSED", Flag, Read),
    f("COMMENTS", Text, Write),
    f("ADDITIONAL_INFO", Text, Write),
    f("LOCATION_ID", Int, Write),
    f("CATEGORY_ID", Category, Once),
    f("STAGE_SEMANTIC_ID", Text, Read),
    f("IS_NEW", Flag, Read),
    f("IS_RECURRING", Flag, Write),
    f("IS_RETURN_CUSTOMER", Flag, Read),
    f("IS_REPEATED_APPROACH", Flag, Write),
    f("SOURCE_ID", Status("SOURCE"), Write),
    f("SOURCE_DESCRIPTION", Text, Write),
    f("ORIGINATOR_ID", Text, Write),
    f("ORIGIN_ID", Text, Write),
    f("MOVED_BY_ID", User, Read),
    f("MOVED_TIME", Moment, Read),
    f("LAST_ACTIVITY_BY", User, Read),
    f("LAST_ACTIVITY_TIME", Moment, Read),
    f("UTM_SOURCE", Text, Write),
    f("UTM_MEDIUM", Text, Write),
    f("UTM_CAMPAIGN", Text, Write),
    f("UTM_CONTENT", Text, Write),
    f("UTM_TERM", Text, Write),
];

const LEAD: &[Field] = &[
    f("ID", Int, Read),
    f("TITLE", Text, Write),
    f("HONORIFIC", Status("HONORIFIC"), Write),
    f("NAME", Text, Write),
    f("SECOND_NAME", Text, Write),
    f("LAST_NAME", Text, Write),
    f("BIRTHDATE", Day, Write),
    f("COMPANY_TITLE", Text, Write),
    f("SOURCE_ID", Status("SOURCE"), Write),
    f("SOURCE_DESCRIPTION", Text, Write),
    f("STATUS_ID", Status("STATUS"), Write),
    f("STATUS_DESCRIPTION", Text, Write),
    f("STATUS_SEMANTIC_ID", Text, Read),
    f("POST", Text, Write),
    f("CURRENCY_ID", Currency, Write),
    f("OPPORTUNITY", Money, Write),
    f("IS_MANUAL_OPPORTUNITY", Flag, Write),
    f("OPENED", Flag, Write),
    f("COMMENTS", Text, Write),
    f("HAS_PHONE", Flag, Read),
    f("HAS_EMAIL", Flag, Read),
    f("HAS_IMOL", Flag, Read),
    f("ASSIGNED_BY_ID", User, Write),
    f("CREATED_BY_ID", User, Read),
    f("MODIFY_BY_ID", User, Read),
    f("MOVED_BY_ID", User, Read),
    f("DATE_CREATE", Moment, Read),
    f("DATE_MODIFY", Moment, Read),
    f("MOVED_TIME", Moment, Read),
    f("DATE_CLOSED", Moment, Read),
    f("COMPANY_ID", Link(Entity::Company), Write),
    f("CONTACT_ID", Link(Entity::Contact), Write),
    f("IS_RETURN_CUSTOMER", Flag, Read),
    f("ORIGINATOR_ID", Text, Write),
    f("ORIGIN_ID", Text, Write),
    f("ADDRESS", Text, Write),
    f("ADDRESS_CITY", Text, Write),
    f("ADDRESS_POSTAL_CODE", Text, Write),
    f("LAST_ACTIVITY_BY", User, Read),
    f("LAST_ACTIVITY_TIME", Moment, Read),
    f("UTM_SOURCE", Text, Write),
    f("UTM_MEDIUM", Text, Write),
    f("UTM_CAMPAIGN", Text, Write),
    f("UTM_CONTENT", Text, Write),
    f("UTM_TERM", Text, Write),
];

const CONTACT: &[Field] = &[
    f("ID", Int, Read),
    f("POST", Text, Write),
    f("COMMENTS", Text, Write),
    f("HONORIFIC", Status("HONORIFIC"), Write),
    f("NAME", Text, Write),
    f("SECOND_NAME", Text, Write),
    f("LAST_NAME", Text, Write),
    f("PHOTO", Text, Read),
    f("LEAD_ID", Link(Entity::Lead), Read),
    f("TYPE_ID", Status("CONTACT_TYPE"), Write),
    f("SOURCE_ID", Status("SOURCE"), Write),
    f("SOURCE_DESCRIPTION", Text, Write),
    f("COMPANY_ID", Link(Entity::Company), Write),
    f("BIRTHDATE", Day, Write),
    f("EXPORT", Flag, Write),
    f("HAS_PHONE", Flag, Read),
    f("HAS_EMAIL", Flag, Read),
    f("HAS_IMOL", Flag, Read),
    f("DATE_CREATE", Moment, Read),
    f("DATE_MODIFY", Moment, Read),
    f("ASSIGNED_BY_ID", User, Write),
    f("CREATED_BY_ID", User, Read),
    f("MODIFY_BY_ID", User, Read),
    f("OPENED", Flag, Write),
    f("ORIGINATOR_ID", Text, Write),
    f("ORIGIN_ID", Text, Write),
    f("ORIGIN_VERSION", Text, Write),
    f("FACE_ID", Int, Read),
    f("LAST_ACTIVITY_BY", User, Read),
    f("LAST_ACTIVITY_TIME", Moment, Read),
    f("ADDRESS", Text, Write),
    f("ADDRESS_CITY", Text, Write),
    f("ADDRESS_POSTAL_CODE", Text, Write),
    f("ADDRESS_REGION", Text, Write),
    f("ADDRESS_COUNTRY", Text, Write),
    f("UTM_SOURCE", Text, Write),
    f("UTM_MEDIUM", Text, Write),
    f("UTM_CAMPAIGN", Text, Write),
    f("UTM_CONTENT", Text, Write),
    f("UTM_TERM", Text, Write),
];

const COMPANY: &[Field] = &[
    f("ID", Int, Read),
    f("COMPANY_TYPE", Status("COMPANY_TYPE"), Write),
    f("TITLE", Text, Write),
    f("LOGO", Text, Read),
    f("LEAD_ID", Link(Entity::Lead), Read),
    f("HAS_PHONE", Flag, Read),
    f("HAS_EMAIL", Flag, Read),
    f("HAS_IMOL", Flag, Read),
    f("ASSIGNED_BY_ID", User, Write),
    f("CREATED_BY_ID", User, Read),
    f("MODIFY_BY_ID", User, Read),
    f("BANKING_DETAILS", Text, Write),
    f("INDUSTRY", Status("INDUSTRY"), Write),
    f("REVENUE", Money, Write),
    f("CURRENCY_ID", Currency, Write),
    f("EMPLOYEES", Status("EMPLOYEES"), Write),
    f("COMMENTS", Text, Write),
    f("DATE_CREATE", Moment, Read),
    f("DATE_MODIFY", Moment, Read),
    f("OPENED", Flag, Write),
    f("IS_MY_COMPANY", Flag, Write),
    f("ORIGINATOR_ID", Text, Write),
    f("ORIGIN_ID", Text, Write),
    f("ORIGIN_VERSION", Text, Write),
    f("ADDRESS", Text, Write),
    f("ADDRESS_CITY", Text, Write),
    f("ADDRESS_POSTAL_CODE", Text, Write),
    f("REG_ADDRESS", Text, Write),
    f("LAST_ACTIVITY_BY", User, Read),
    f("LAST_ACTIVITY_TIME", Moment, Read),
    f("UTM_SOURCE", Text, Write),
    f("UTM_MEDIUM", Text, Write),
    f("UTM_CAMPAIGN", Text, Write),
    f("UTM_CONTENT", Text, Write),
    f("UTM_TERM", Text, Write),
];

/// Whether a stored value counts as nothing.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_two_families_correspond() {
        let name = |field: &str| Entity::Deal.field(field).unwrap().camel();
        assert_eq!(name("DATE_CREATE"), "createdTime");
        assert_eq!(name("MOVED_BY_ID"), "movedBy");
        assert_eq!(name("IS_MANUAL_OPPORTUNITY"), "isManualOpportunity");
        assert_eq!(name("BEGINDATE"), "begindate");
        assert_eq!(Entity::Lead.field("STATUS_ID").unwrap().camel(), "stageId");
    }

    #[test]
    fn user_fields_are_renamed_as_documented() {
        for (upper, camel) in [
            ("UF_CRM_10_5186744711", "ufCrm10_5186744711"),
            ("UF_CRM_3_DIGIT", "ufCrm3Digit"),
            ("UF_CRM_3_DIGIT10", "ufCrm_3_DIGIT10"),
            ("UF_CRM_1747309879", "ufCrm_1747309879"),
            ("UF_CRM_PROMO", "ufCrmPromo"),
            ("UF_CRM_PROMO_CODE", "ufCrmPromoCode"),
        ] {
            assert_eq!(user_field_camel(upper), camel);
        }
    }
}
