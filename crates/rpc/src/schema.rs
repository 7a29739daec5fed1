//! All methods as an OpenRPC document, made from the very types that carry them out.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use crate::method::{Entry, METHODS};
use crate::shape::Change;

/// The OpenRPC document, with JSON Schema (2020-12) for all parameters and answers.
#[must_use]
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = SchemaGenerator::new(settings);
    let methods: Vec<Value> = METHODS.iter().map(|entry| method(entry, &mut generator)).collect();
    let event = generator.subschema_for::<Change>();
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "hush",
            "description": "A profile of Hushwire's client, over JSON-RPC 2.0: hush daemon.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "methods": methods,
        "x-notifications": [{
            "name": "event",
            "description": "Something happened. Comes after subscribe, and again until it is acknowledged.",
            "params": { "type": "object", "properties": { "subscription": { "type": "integer" }, "event": event } },
        }, {
            "name": "ended",
            "description": "A subscription ended on its own.",
            "params": { "type": "object", "properties": { "subscription": { "type": "integer" }, "why": { "$ref": "#/components/schemas/Fault" } } },
        }],
        "components": { "schemas": generator.take_definitions(true) },
    })
}

fn method(entry: &Entry, generator: &mut SchemaGenerator) -> Value {
    let params = (entry.params)(generator);
    let result = (entry.answer)(generator);
    let description = params.get("description").and_then(Value::as_str).unwrap_or_default();
    let required: Vec<&str> = params
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let none = Map::new();
    let properties = params.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let params: Vec<Value> = properties
        .iter()
        .map(|(name, schema)| {
            let description = schema.get("description").cloned();
            json!({
                "name": name,
                "description": description,
                "required": required.contains(&name.as_str()),
                "schema": schema,
            })
        })
        .collect();
    json!({
        "name": entry.name,
        "description": description,
        "paramStructure": "by-name",
        "params": params,
        "result": { "name": "result", "schema": result },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_method_is_described_once_and_every_reference_leads_somewhere() {
        let document = document();
        let names: BTreeSet<&str> = METHODS.iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), METHODS.len(), "a name is taken twice");
        for method in document["methods"].as_array().unwrap() {
            assert!(method["description"].as_str().unwrap().ends_with('.'), "{method:#}");
            for param in method["params"].as_array().unwrap() {
                assert!(param["description"].is_string(), "{param:#}");
            }
        }
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let path = reference.split('"').next().unwrap();
            assert!(document.pointer(path).is_some(), "{path} leads nowhere");
        }
    }
}
