//! The OpenAPI document of the control socket, made from the types of its calls.

use std::sync::Arc;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::api;
use super::call::{Call, Manner, Nothing, Trouble};
use super::caller::Caller;
use super::role::Role;
use crate::gateway::Gateway;

/// The document while calls are added to it.
#[derive(Debug)]
pub struct Document {
    schemas: SchemaGenerator,
    paths: Map<String, Value>,
}

impl Document {
    /// The whole document.
    pub fn whole() -> Value {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        let mut document = Self { schemas: settings.into_generator(), paths: Map::new() };
        api::describe(&mut document);
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Postern's control socket",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "HTTP over the unix socket `serve.control`. Who asks is known by the kernel; \
                    `[control]` in the configuration says who may do what.",
            },
            "servers": [{ "url": "http://postern", "description": "the unix socket; any host name will do" }],
            "paths": self::Value::Object(document.paths),
            "components": { "schemas": document.schemas.take_definitions(true) },
        })
    }

    pub fn add<C: Call>(&mut self) {
        let answer = self.schemas.subschema_for::<C::Answer>();
        let trouble = self.schemas.subschema_for::<Trouble>();
        let content = |schema: Value| json!({ "application/json": { "schema": schema } });
        let mut operation = json!({
            "summary": C::ABOUT,
            "x-role": C::ROLE.name(),
            "responses": {
                "200": { "description": "the answer", "content": content(answer.to_value()) },
                "default": { "description": "why there is none", "content": content(trouble.to_value()) },
            },
        });
        let (method, key, question) = match C::MANNER {
            Manner::Look => ("get", "parameters", self.parameters::<C::Question>()),
            Manner::Act => {
                let schema = self.schemas.subschema_for::<C::Question>();
                ("post", "requestBody", json!({ "required": true, "content": content(schema.to_value()) }))
            }
        };
        if let Some(operation) = operation.as_object_mut() {
            operation.insert(key.to_owned(), question);
        }
        self.paths.insert(C::PATH.to_owned(), json!({ method: operation }));
    }

    /// What may stand in a query: the fields of the question.
    fn parameters<Q: JsonSchema>(&mut self) -> Value {
        let schema = Q::json_schema(&mut self.schemas).to_value();
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let fields = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        fields
            .into_iter()
            .map(|(name, schema)| {
                json!({ "in": "query", "required": required.contains(&name.as_str()), "name": name, "schema": schema })
            })
            .collect()
    }
}

/// The document, for whoever writes a program against the socket.
#[derive(Debug)]
pub struct Specification;

/// Any JSON object.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Specified(pub Value);

impl Call for Specification {
    type Question = Nothing;
    type Answer = Specified;

    const MANNER: Manner = Manner::Look;
    const PATH: &'static str = "/v1/openapi.json";
    const ROLE: Role = Role::Viewer;
    const ABOUT: &'static str = "This document";

    async fn answer(_: Arc<Gateway>, _: Caller, _: Nothing) -> Result<Specified, Trouble> {
        Ok(Specified(Document::whole()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");

    /// `POSTERN_BLESS=1 cargo test -p gateway-userspace openapi` writes it anew.
    #[test]
    fn the_document_that_is_kept_is_the_one_that_is_served() {
        let made = format!("{:#}\n", Document::whole());
        if std::env::var_os("POSTERN_BLESS").is_some() {
            std::fs::write(KEPT, &made).expect("docs/openapi.json");
        }
        let kept = std::fs::read_to_string(KEPT).expect("docs/openapi.json");
        assert!(kept == made, "docs/openapi.json is not what the types say; POSTERN_BLESS=1 writes it anew");
    }

    #[test]
    fn every_call_says_who_may_and_every_reference_leads_somewhere() {
        let document = Document::whole();
        let paths = document["paths"].as_object().expect("paths");
        assert!(paths.keys().all(|path| path.starts_with("/v1/")));
        assert_eq!(document["paths"]["/v1/status"]["get"]["x-role"], "viewer");
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
    }
}
