//! The site's products, loaded as strictly as trade modules load them.

use super::{OneC, Trouble, trouble, wire};
use roxmltree::{Document, Node};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// A product that the base has loaded from the site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Goods {
    /// `Наименование` of the product.
    pub name: String,
    /// `Артикул` of the product.
    pub sku: Option<String>,
    /// Names of the groups that it stands in, from the top.
    pub groups: Vec<String>,
    /// Values by the names of properties.
    pub properties: BTreeMap<String, String>,
    /// Code of its unit of measure.
    pub unit: String,
    /// Prices by the names of their kinds, with their currency; of a characteristic with its own
    /// half of the `Ид` before the name.
    pub prices: BTreeMap<String, (Decimal, String)>,
}

/// Queries before a base gives up.
const MOST: usize = 10_000;

/// What was read so far.
#[derive(Default)]
struct Loaded {
    groups: BTreeMap<String, Vec<String>>,
    properties: BTreeMap<String, String>,
    goods: BTreeMap<String, Goods>,
    offered: BTreeSet<String>,
}

impl OneC {
    /// Loads the site's products; by their `Ид`.
    pub async fn load_catalogue(&mut self) -> Result<BTreeMap<String, Goods>, Trouble> {
        self.sign_in("get_catalog").await?;
        self.init("get_catalog").await?;
        let mut loaded = Loaded::default();
        for _ in 0..MOST {
            match self.query_catalogue().await? {
                Some(file) => loaded.read(&file)?,
                None => return Ok(loaded.goods),
            }
        }
        trouble("выгрузка товаров не кончается")
    }

    /// The next file of the site's products; `None`: there are no more.
    pub async fn query_catalogue(&self) -> Result<Option<String>, Trouble> {
        let answer = self.get("get_catalog", "query", &[]).await?;
        let text = wire::text(&answer)?;
        if text == "finished=yes\n" {
            return Ok(None);
        }
        let Some(at) = text.find("<?xml") else {
            return trouble(text.trim_end().replace('\n', " | "));
        };
        wire::decoded(&answer)?;
        Ok(text.get(at..).map(str::to_owned))
    }
}

impl Loaded {
    fn read(&mut self, file: &str) -> Result<(), Trouble> {
        let read = Document::parse(file);
        let document = read.map_err(|error| Trouble(format!("Ошибка разбора XML: {error}")))?;
        for node in elements(document.root_element()) {
            match node.tag_name().name() {
                "Классификатор" => self.classifier(node)?,
                "Каталог" => self.catalogue(node)?,
                "ПакетПредложений" => self.offers(node)?,
                other => return trouble(format!("неизвестный раздел {other}")),
            }
        }
        Ok(())
    }

    fn classifier(&mut self, node: Node<'_, '_>) -> Result<(), Trouble> {
        for one in list(node, "Свойства") {
            self.properties
                .insert(needed(one, "Ид")?, needed(one, "Наименование")?);
        }
        self.groups_in(node, &[])
    }

    fn groups_in(&mut self, node: Node<'_, '_>, above: &[String]) -> Result<(), Trouble> {
        for group in list(node, "Группы") {
            let mut path = above.to_vec();
            path.push(needed(group, "Наименование")?);
            let id = needed(group, "Ид")?;
            self.groups_in(group, &path)?;
            if self.groups.insert(id.clone(), path).is_some() {
                return trouble(format!("группа {id} пришла дважды"));
            }
        }
        Ok(())
    }

    fn catalogue(&mut self, node: Node<'_, '_>) -> Result<(), Trouble> {
        for one in list(node, "Товары") {
            let id = needed(one, "Ид")?;
            let mut groups = Vec::new();
            for group in list(one, "Группы").filter_map(|group| group.text()) {
                match self.groups.get(group) {
                    Some(path) => groups.clone_from(path),
                    None => return trouble(format!("у товара {id} неизвестная группа {group}")),
                }
            }
            let mut properties = BTreeMap::new();
            for value in list(one, "ЗначенияСвойств") {
                let of = needed(value, "Ид")?;
                let Some(name) = self.properties.get(&of) else {
                    return trouble(format!("у товара {id} неизвестное свойство {of}"));
                };
                properties.insert(name.clone(), needed(value, "Значение")?);
            }
            let unit = child(one, "БазоваяЕдиница").and_then(|unit| unit.attribute("Код"));
            let Some(unit) = unit else {
                return trouble(format!("у товара {id} нет единицы измерения"));
            };
            let goods = Goods {
                name: needed(one, "Наименование")?,
                sku: given(one, "Артикул"),
                groups,
                properties,
                unit: unit.to_owned(),
                prices: BTreeMap::new(),
            };
            if self.goods.insert(id.clone(), goods).is_some() {
                return trouble(format!("товар {id} пришёл дважды"));
            }
        }
        Ok(())
    }

    fn offers(&mut self, node: Node<'_, '_>) -> Result<(), Trouble> {
        let mut kinds: BTreeMap<String, String> = BTreeMap::new();
        for kind in list(node, "ТипыЦен") {
            kinds.insert(needed(kind, "Ид")?, needed(kind, "Наименование")?);
        }
        for one in list(node, "Предложения") {
            let id = needed(one, "Ид")?;
            if !self.offered.insert(id.clone()) {
                return trouble(format!("предложение {id} пришло дважды"));
            }
            let (of, characteristic) = id.split_once('#').unwrap_or((id.as_str(), ""));
            let Some(goods) = self.goods.get_mut(of) else {
                return trouble(format!("предложение {id} неизвестного товара"));
            };
            for price in list(one, "Цены") {
                let kind = needed(price, "ИдТипаЦены")?;
                let Some(name) = kinds.get(&kind) else {
                    return trouble(format!("у предложения {id} неизвестный тип цены {kind}"));
                };
                let text = needed(price, "ЦенаЗаЕдиницу")?;
                let Ok(sum) = text.parse::<Decimal>() else {
                    return trouble(format!("у предложения {id} не цена: {text}"));
                };
                let name = format!("{characteristic} {name}").trim_start().to_owned();
                goods.prices.insert(name, (sum, needed(price, "Валюта")?));
            }
        }
        Ok(())
    }
}

fn elements<'a, 'b>(node: Node<'a, 'b>) -> impl Iterator<Item = Node<'a, 'b>> {
    node.children().filter(Node::is_element)
}

fn child<'a, 'b>(node: Node<'a, 'b>, name: &'static str) -> Option<Node<'a, 'b>> {
    elements(node).find(|child| child.has_tag_name(name))
}

/// What stands in a list.
fn list<'a, 'b>(node: Node<'a, 'b>, name: &'static str) -> impl Iterator<Item = Node<'a, 'b>> {
    child(node, name).into_iter().flat_map(elements)
}

fn given(node: Node<'_, '_>, name: &'static str) -> Option<String> {
    let text = child(node, name)?.text()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn needed(node: Node<'_, '_>, name: &'static str) -> Result<String, Trouble> {
    let of = node.tag_name().name();
    given(node, name).ok_or_else(|| Trouble(format!("{of} без {name}")))
}
