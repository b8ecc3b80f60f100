//! The schema of a tool's parameters, from their Rust type.

use schemars::{JsonSchema, Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Value, json};

/// The smallest and the largest number of the integer types, which JSON Schema knows by no name.
fn bounds(format: &str) -> Option<(Value, Value)> {
    Some(match format {
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        "int64" | "int" => (i64::MIN.into(), i64::MAX.into()),
        "uint8" => (0.into(), u8::MAX.into()),
        "uint16" => (0.into(), u16::MAX.into()),
        "uint32" => (0.into(), u32::MAX.into()),
        "uint64" | "uint" => (0.into(), u64::MAX.into()),
        _ => return None,
    })
}

/// Says what `u32` means in words that every validator knows, so that a number that does not fit is refused with a
/// hint before the function's own type would refuse it without one.
fn spell_out_integers(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    let Some((min, max)) = object.get("format").and_then(Value::as_str).and_then(bounds) else { return };
    object.remove("format");
    object.entry("minimum").or_insert(min);
    object.entry("maximum").or_insert(max);
}

/// The schema of an object with the parameters as its properties.
pub(crate) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12()
        .for_deserialize()
        .with(|settings| settings.meta_schema = None)
        .with_transform(RecursiveTransform(spell_out_integers));
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(object) = schema.as_object_mut() {
        // The name of a type that nobody sees.
        object.remove("title");
        object.entry("properties").or_insert_with(|| json!({}));
    }
    schema
}
