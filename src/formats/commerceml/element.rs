//! The tree of one item.

use super::write::escaped;
use std::fmt::Write as _;

/// An element with all that is in it. Names are local: namespaces say nothing in these files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name without the namespace's prefix.
    pub name: String,
    /// Its attributes by local name.
    pub attributes: Vec<(String, String)>,
    /// Its own text, trimmed.
    pub text: String,
    /// The elements in it, in the file's order.
    pub children: Vec<Self>,
}

impl Element {
    /// The first child of this name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of this name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of a child; empty if it is absent.
    pub fn text_of(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| &child.text)
    }

    /// The text of a child; none if it is absent or empty.
    pub(super) fn given(&self, name: &str) -> Option<String> {
        let text = self.text_of(name);
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The value of an attribute; `None` if it has none of this name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The element as XML, without blanks around its texts.
    pub fn to_xml(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) {
        let _ = write!(text, "<{}", self.name);
        for (name, value) in &self.attributes {
            let _ = write!(text, " {name}=\"{}\"", escaped(value));
        }
        if self.text.is_empty() && self.children.is_empty() {
            text.push_str("/>");
            return;
        }
        text.push('>');
        text.push_str(&escaped(&self.text));
        for child in &self.children {
            child.write(text);
        }
        let _ = write!(text, "</{}>", self.name);
    }

    /// What it holds, in bytes: names, attributes, texts.
    pub(super) fn bytes(&self) -> usize {
        let attributes = self.attributes.iter();
        let attributes: usize = attributes
            .map(|(name, value)| name.len() + value.len())
            .sum();
        // What an element takes besides.
        self.name.len() + attributes + 100
    }

    /// The elements two levels below: `Товары/Товар`.
    pub(super) fn list(&self, outer: &str, inner: &str) -> impl Iterator<Item = &Self> {
        self.all(outer).flat_map(move |group| group.all(inner))
    }
}
