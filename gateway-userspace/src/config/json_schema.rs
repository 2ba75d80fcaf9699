//! The configuration as a JSON Schema, for editors: made from the declarations that the files are read by.
//!
//! It knows keys, sorts of values and words, and nothing of what they mean together; that is `postern check`'s.

use serde_json::{Map, Value, json};

use super::reference::{tables, unindented};
use super::section::{Key, REQUIRED};

/// The text of docs/schema/postern.schema.json.
pub fn schema() -> String {
    let mut root = object(
        "A file of Postern's configuration. Several files of one folder are taken together, so no table is required here.",
    );
    for (title, about, keys) in tables() {
        place(&mut root, &title.split('.').collect::<Vec<_>>(), table(about, keys));
    }
    if let Some(root) = root.as_object_mut() {
        root.insert("$schema".into(), "http://json-schema.org/draft-07/schema#".into());
        root.insert("title".into(), "Postern".into());
    }
    format!("{root:#}\n")
}

fn object(about: &str) -> Value {
    json!({ "type": "object", "description": about, "properties": {}, "additionalProperties": false })
}

fn table(about: &str, keys: &[Key]) -> Value {
    let mut table = object(unindented(about).trim());
    let properties: Map<String, Value> =
        keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = keys.iter().filter(|key| key.default == REQUIRED).map(|key| key.name).collect();
    set(&mut table, "properties", properties.into());
    if !required.is_empty() {
        set(&mut table, "required", json!(required));
    }
    table
}

fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

/// A member of an object, made where there is none.
fn member<'a>(object: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    Some(object.as_object_mut()?.entry(key.to_owned()).or_insert(Value::Null))
}

/// Puts a table where its title says. `NAME` is any name.
fn place(parent: &mut Value, path: &[&str], table: Value) {
    let Some((name, rest)) = path.split_first() else { return };
    let slot = match *name {
        "NAME" => member(parent, "additionalProperties"),
        name => member(parent, "properties").and_then(|properties| member(properties, name)),
    };
    let Some(slot) = slot else { return };
    if !slot.is_object() || rest.is_empty() {
        *slot = if rest.is_empty() { table.clone() } else { json!({ "type": "object" }) };
    }
    place(slot, rest, table);
}

fn property(key: &Key) -> Value {
    let item = item(key.form);
    let mut one_of = vec![item.clone()];
    if key.form.contains("or a list of") || key.form.contains("or several") {
        one_of.push(json!({ "type": "array", "items": item }));
    }
    if key.default == "\"none\"" && item.get("type").is_none_or(|sort| sort != "string") {
        one_of.push(json!({ "const": "none" }));
    }
    let mut property = match <[Value; 1]>::try_from(one_of) {
        Ok([only]) => only,
        Err(several) => json!({ "anyOf": several }),
    };
    let description = format!("{}. {}", key.form, unindented(key.meaning).trim());
    set(&mut property, "description", description.into());
    // The defaults are written in a form that TOML and JSON share.
    if let Ok(default) = serde_json::from_str::<Value>(key.default) {
        set(&mut property, "default", default);
    }
    property
}

/// What one value of this form is.
fn item(form: &str) -> Value {
    let words: Vec<&str> = form.split('"').skip(1).step_by(2).collect();
    let begins = |start: &str| form.starts_with(start);
    if form == "true or false" {
        json!({ "type": "boolean" })
    } else if begins("a whole number") || begins("a number") || begins("a port") {
        json!({ "type": "integer" })
    } else if begins("a table") {
        json!({ "type": "object" })
    } else if begins("\"") {
        json!({ "enum": words })
    } else {
        json!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use toml::de::{DeTable, DeValue};

    use super::*;

    fn docs() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
    }

    /// As much of JSON Schema as the schema uses.
    fn fits(value: &DeValue<'_>, schema: &Value) -> bool {
        if schema == &Value::Bool(false) {
            return false;
        }
        if let Some(several) = schema["anyOf"].as_array() {
            return several.iter().any(|one| fits(value, one));
        }
        let word = value.as_str();
        if let Some(words) = schema["enum"].as_array() {
            return words.iter().any(|known| known.as_str() == word);
        }
        if let Some(only) = schema["const"].as_str() {
            return word == Some(only);
        }
        match (schema["type"].as_str(), value) {
            (Some("object"), DeValue::Table(table)) => table_fits(table, schema),
            (Some("array"), DeValue::Array(items)) => {
                items.iter().all(|item| fits(item.get_ref(), &schema["items"]))
            }
            (Some("string"), DeValue::String(_))
            | (Some("integer"), DeValue::Integer(_))
            | (Some("boolean"), DeValue::Boolean(_)) => true,
            _ => false,
        }
    }

    fn table_fits(table: &DeTable<'_>, schema: &Value) -> bool {
        let missing = |key: &Value| !table.contains_key(key.as_str().unwrap_or_default());
        if schema["required"].as_array().is_some_and(|keys| keys.iter().any(missing)) {
            return false;
        }
        table.iter().all(|(key, value)| {
            let known = &schema["properties"][key.get_ref().as_ref()];
            let known = if known.is_null() { &schema["additionalProperties"] } else { known };
            known.is_null() || fits(value.get_ref(), known)
        })
    }

    fn text_fits(text: &str) -> bool {
        let schema: Value = serde_json::from_str(&schema()).expect("JSON");
        let document = DeTable::parse(text).expect("TOML");
        table_fits(document.get_ref(), &schema)
    }

    #[test]
    fn the_published_schema_is_the_one_made_from_the_keys() {
        let published = fs::read_to_string(docs().join("schema/postern.schema.json")).unwrap_or_default();
        assert_eq!(published, schema(), "run `postern reference --schema > docs/schema/postern.schema.json`");
    }

    #[test]
    fn every_example_and_every_pack_fits_the_schema() {
        let mut files = 0;
        for folder in ["examples", "examples/policy", "../gateway-userspace/src/config/packs"] {
            for file in fs::read_dir(docs().join(folder)).expect("a folder") {
                let path = file.expect("a file").path();
                if path.extension().is_some_and(|extension| extension == "toml") {
                    assert!(text_fits(&fs::read_to_string(&path).expect("text")), "{}", path.display());
                    files += 1;
                }
            }
        }
        assert!(files >= 6, "{files}");
    }

    #[test]
    fn what_is_no_configuration_does_not_fit() {
        let rule = "[rules.a]\nagents = \"*\"\ntargets = \"*\"\n";
        for (text, expected) in [
            ("", true),
            ("[serve]\nport = 6100", true),
            ("[serve]\nport = \"6100\"", false),
            ("[serve]\nprot = 6100", false),
            ("[server]\nport = 6100", false),
            ("[rules.a]\nagents = \"*\"", false),
        ] {
            assert_eq!(text_fits(text), expected, "{text}");
        }
        for (more, expected) in [
            ("effect = \"allow\"\nwhat = [\"select\", \"insert\"]", true),
            ("effect = \"allo\"", false),
            ("limits = { rows = 10, time = \"1s\", concurrent = \"none\" }", true),
            ("limits = { rows = \"ten\" }", false),
            ("limits = { row = 10 }", false),
            ("when = 5", false),
        ] {
            assert_eq!(text_fits(&format!("{rule}{more}")), expected, "{more}");
        }
    }
}
