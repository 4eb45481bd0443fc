//! A parsed page and a few ways to ask it.

use std::collections::BTreeMap;

use html5ever::tendril::TendrilSink as _;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use saltprint_report::{CaseReport, html};

use crate::data::Case;

pub(crate) const ALL: [crate::data::Variant; 5] = [
    crate::data::Variant::Sample,
    crate::data::Variant::Plain,
    crate::data::Variant::Empty,
    crate::data::Variant::Negative,
    crate::data::Variant::Large,
];

/// The page of a case.
pub(crate) fn page(case: &Case) -> String {
    let thumbnail = |item| case.thumbnail(item);
    html(&CaseReport { summary: &case.summary, items: &case.items, thumbnail: &thumbnail, made: None })
}

/// An element with its attributes; text and comments are within its parent's [`Element::text`].
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).map(String::as_str)
    }

    pub(crate) fn is(&self, name: &str, class: &str) -> bool {
        self.name == name
            && self.get("class").is_some_and(|classes| classes.split(' ').any(|each| each == class))
    }
}

/// All elements in the order of the document, and the parser's complaints.
pub(crate) fn parse(page: &str) -> (Vec<Element>, Vec<String>) {
    let options = ParseOpts {
        tokenizer: html5ever::tokenizer::TokenizerOpts { exact_errors: true, ..Default::default() },
        ..Default::default()
    };
    let dom = parse_document(RcDom::default(), options).one(page);
    let mut elements = Vec::new();
    walk(&dom.document, &mut elements);
    let errors = dom.errors.borrow().iter().map(ToString::to_string).collect();
    (elements, errors)
}

fn walk(node: &Handle, elements: &mut Vec<Element>) {
    if let NodeData::Element { name, attrs, .. } = &node.data {
        let attributes =
            attrs.borrow().iter().map(|attr| (attr.name.local.to_string(), attr.value.to_string())).collect();
        elements.push(Element { name: name.local.to_string(), attributes, text: text(node) });
    }
    for child in node.children.borrow().iter() {
        walk(child, elements);
    }
}

fn text(node: &Handle) -> String {
    if let NodeData::Text { contents } = &node.data {
        return contents.borrow().to_string();
    }
    node.children.borrow().iter().map(text).collect()
}

/// The section with this anchor, as a page of its own.
pub(crate) fn section(page: &str, id: &str) -> Vec<Element> {
    let start = page.find(&format!("<section id=\"{id}\"")).unwrap_or_else(|| panic!("section `{id}`"));
    let end = page[start..].find("</section>").expect("sections are closed");
    parse(&page[start..start + end]).0
}
