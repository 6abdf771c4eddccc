//! A shop's products, as 1C loads them from a site (`type=get_catalog`): the classifier, the goods,
//! and what they cost, each a file of its own.
//!
//! Goods are given page by page: a page says nothing of goods that are not on it.

use super::{CLOSED, Form, Unit, encoded, opened, xml::Xml};
use crate::formats::commerceml::Group;
use rust_decimal::Decimal;

/// A shop's catalogue.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// `Ид` of the catalogue and of its classifier: the same for ever.
    pub id: String,
    /// `Наименование`: what people in 1C choose it by.
    pub name: String,
}

/// A product: what orders name by its `Ид`.
#[derive(Debug, Clone)]
pub struct ShelfProduct {
    /// `Ид`: the one that stands in the lines of orders.
    pub id: String,
    /// `Артикул`: the article.
    pub sku: Option<String>,
    /// `Штрихкод`: every barcode.
    pub barcodes: Vec<String>,
    /// `Наименование`: the product's name.
    pub name: String,
    /// `Описание`: what it is.
    pub description: Option<String>,
    /// `БазоваяЕдиница`: its unit of measure.
    pub unit: Unit,
    /// `Группы/Ид`: the groups that it stands in.
    pub groups: Vec<String>,
    /// The rate of VAT in percent; `None`: the shop did not say.
    pub vat: Option<Decimal>,
    /// `ЗначенияСвойств`: ids of properties, and their values.
    pub properties: Vec<(String, String)>,
}

/// A kind of prices.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PriceKind {
    /// `Ид`: by which prices name it.
    pub id: String,
    /// `Наименование`: what people choose it by.
    pub name: String,
    /// `Валюта`, as the base writes it.
    pub currency: String,
    /// Whether its prices hold VAT.
    pub vat_included: bool,
}

/// What a product costs.
#[derive(Debug, Clone)]
pub struct ShelfOffer {
    /// `Ид`: the product's, with `#` and its characteristic's where the shop has 1C's own.
    pub id: String,
    /// `Артикул`: the article.
    pub sku: Option<String>,
    /// `Наименование`: what is offered.
    pub name: String,
    /// `БазоваяЕдиница`: what a price is of.
    pub unit: Unit,
    /// A price of each kind.
    pub prices: Vec<(PriceKind, Decimal)>,
}

impl Catalogue {
    /// The classifier: groups, and properties by their ids and names.
    pub fn classifier(
        &self,
        form: Form,
        properties: &[(String, String)],
        groups: &[Group],
    ) -> Vec<u8> {
        file(form, |xml| {
            xml.inside("Классификатор", |xml| {
                self.named(xml);
                xml.inside("Свойства", |xml| {
                    for (id, name) in properties {
                        xml.inside("Свойство", |xml| {
                            xml.leaf("Ид", id);
                            xml.leaf("Наименование", name);
                            xml.leaf("ТипЗначений", "Строка");
                        });
                    }
                });
                xml.groups(groups);
            });
        })
    }

    /// A page of goods.
    pub fn goods(&self, form: Form, page: &[ShelfProduct]) -> Vec<u8> {
        file(form, |xml| {
            xml.inside("Каталог", |xml| {
                xml.leaf("Ид", &self.id);
                xml.leaf("ИдКлассификатора", &self.id);
                xml.leaf("Наименование", &self.name);
                xml.inside("Товары", |xml| {
                    for one in page {
                        xml.inside("Товар", |xml| xml.shelf_product(one));
                    }
                });
            });
        })
    }

    /// A page of what goods cost.
    pub fn offers(&self, form: Form, page: &[ShelfOffer]) -> Vec<u8> {
        let prices = page.iter().flat_map(|one| &one.prices);
        let mut kinds: Vec<&PriceKind> = prices.map(|(kind, _)| kind).collect();
        kinds.sort_unstable();
        kinds.dedup_by(|one, other| one.id == other.id);
        file(form, |xml| {
            xml.inside("ПакетПредложений", |xml| {
                xml.leaf("Ид", &format!("{}#", self.id));
                xml.leaf("Наименование", &self.name);
                xml.leaf("ИдКаталога", &self.id);
                xml.leaf("ИдКлассификатора", &self.id);
                xml.inside("ТипыЦен", |xml| {
                    for kind in kinds {
                        xml.inside("ТипЦены", |xml| xml.price_kind(kind));
                    }
                });
                xml.inside("Предложения", |xml| {
                    for one in page {
                        xml.inside("Предложение", |xml| xml.shelf_offer(one));
                    }
                });
            });
        })
    }

    fn named(&self, xml: &mut Xml<'_>) {
        xml.leaf("Ид", &self.id);
        xml.leaf("Наименование", &self.name);
    }
}

/// A file in its encoding. There is no byte order mark: words for people stand before it.
fn file(form: Form, write: impl FnOnce(&mut Xml<'_>)) -> Vec<u8> {
    let mut text = opened(form);
    write(&mut Xml::new(&mut text, form));
    text.push_str(CLOSED);
    encoded(&text, form.encoding).into_owned()
}

impl Xml<'_> {
    fn groups(&mut self, groups: &[Group]) {
        if groups.is_empty() {
            return;
        }
        self.inside("Группы", |xml| {
            for group in groups {
                xml.inside("Группа", |xml| {
                    xml.leaf("Ид", &group.id);
                    xml.leaf("Наименование", &group.name);
                    xml.groups(&group.groups);
                });
            }
        });
    }

    fn shelf_product(&mut self, one: &ShelfProduct) {
        self.leaf("Ид", &one.id);
        self.given("Артикул", one.sku.as_ref());
        for barcode in &one.barcodes {
            self.leaf("Штрихкод", barcode);
        }
        self.leaf("Наименование", &one.name);
        self.base_unit(&one.unit);
        if !one.groups.is_empty() {
            self.inside("Группы", |xml| {
                for id in &one.groups {
                    xml.leaf("Ид", id);
                }
            });
        }
        self.given("Описание", one.description.as_ref());
        if !one.properties.is_empty() {
            self.inside("ЗначенияСвойств", |xml| {
                for (id, value) in &one.properties {
                    xml.inside("ЗначенияСвойства", |xml| {
                        xml.leaf("Ид", id);
                        xml.leaf("Значение", value);
                    });
                }
            });
        }
        if let Some(rate) = one.vat {
            self.inside("СтавкиНалогов", |xml| {
                xml.inside("СтавкаНалога", |xml| {
                    xml.leaf("Наименование", "НДС");
                    xml.leaf("Ставка", &rate.normalize().to_string());
                });
            });
        }
        self.inside("ЗначенияРеквизитов", |xml| {
            xml.requisite("ВидНоменклатуры", "Товар");
            xml.requisite("ТипНоменклатуры", "Товар");
        });
    }

    fn price_kind(&mut self, kind: &PriceKind) {
        self.leaf("Ид", &kind.id);
        self.leaf("Наименование", &kind.name);
        self.leaf("Валюта", &kind.currency);
        self.inside("Налог", |xml| {
            xml.leaf("Наименование", "НДС");
            xml.leaf("УчтеноВСумме", &kind.vat_included.to_string());
        });
    }

    fn shelf_offer(&mut self, one: &ShelfOffer) {
        self.leaf("Ид", &one.id);
        self.given("Артикул", one.sku.as_ref());
        self.leaf("Наименование", &one.name);
        self.base_unit(&one.unit);
        self.inside("Цены", |xml| {
            for (kind, price) in &one.prices {
                xml.inside("Цена", |xml| {
                    xml.leaf("ИдТипаЦены", &kind.id);
                    xml.leaf("ЦенаЗаЕдиницу", &price.normalize().to_string());
                    xml.leaf("Валюта", &kind.currency);
                    xml.leaf("Единица", &one.unit.short);
                    xml.leaf("Коэффициент", "1");
                });
            }
        });
    }
}
