//! Damages and oddities that real producers put into events, chosen by a seeded generator.

use serde_json::{Number, Value, json};

/// Changes one place of `event` and says what was done where.
pub(crate) fn mutate(event: &mut Value, random: &mut fastrand::Rng) -> String {
    let mut places = Vec::new();
    collect(event, String::new(), &mut places);
    let place = random.choice(&places).cloned().unwrap_or_default();
    let (parent, key) = place.rsplit_once('/').unwrap_or_default();
    if key.parse::<usize>().is_err() {
        match random.u8(..10) {
            0 | 1 => {
                if let Some(Value::Object(map)) = event.pointer_mut(parent) {
                    map.remove(&unescaped(key));
                }
                return format!("dropped {place}");
            }
            2 => {
                if let Some(Value::Object(map)) = event.pointer_mut(parent)
                    && let Some(value) = map.remove(&unescaped(key))
                {
                    map.insert(odd_case(key, random), value);
                }
                return format!("odd case {place}");
            }
            _ => {}
        }
    }
    let Some(value) = event.pointer_mut(&place) else {
        return "nothing".to_owned();
    };
    *value = changed(value, random);
    format!(
        "changed {place} to {}",
        value.to_string().chars().take(60).collect::<String>()
    )
}

fn collect(value: &Value, path: String, places: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                collect(
                    value,
                    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")),
                    places,
                );
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect(value, format!("{path}/{index}"), places);
            }
        }
        _ => {}
    }
    if !path.is_empty() {
        places.push(path);
    }
}

fn unescaped(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

fn odd_case(text: &str, random: &mut fastrand::Rng) -> String {
    match random.u8(..3) {
        0 => text.to_uppercase(),
        1 => text.to_lowercase(),
        _ => text
            .chars()
            .map(|c| {
                if random.bool() {
                    c.to_ascii_uppercase()
                } else {
                    c.to_ascii_lowercase()
                }
            })
            .collect(),
    }
}

/// Half of the time something of the same sense in another dress, otherwise something that makes no
/// sense.
fn changed(value: &Value, random: &mut fastrand::Rng) -> Value {
    if random.bool() {
        match value {
            Value::Number(number) => return number_in_disguise(number, random),
            Value::String(text) => return text_in_disguise(text, random),
            Value::Array(items) if !items.is_empty() => {
                return Value::Array(
                    items
                        .iter()
                        .cycle()
                        .take(items.len() * random.usize(2..60))
                        .cloned()
                        .collect(),
                );
            }
            Value::Object(map) => return json!([map, map]),
            _ => {}
        }
    }
    match random.u8(..18) {
        0 => Value::Null,
        1 => json!(""),
        2 => json!(" "),
        3 => json!({}),
        4 => json!([]),
        5 => json!("-1"),
        6 => json!("null"),
        7 => json!(0),
        8 => json!(-1),
        9 => json!(1e300),
        10 => json!(i64::MIN),
        11 => json!(u64::MAX),
        12 => json!(0.1 + 0.2),
        13 => json!(true),
        14 => json!("9".repeat(random.usize(1..40))),
        15 => json!("long ".repeat(random.usize(1..4_000))),
        16 => json!("\u{0}\u{7f}\u{2028}\u{feff}\u{1F600}"),
        _ => json!([null, "", {}, [[]]]),
    }
}

fn number_in_disguise(number: &Number, random: &mut fastrand::Rng) -> Value {
    let float = number.as_f64().unwrap_or_default();
    match random.u8(..7) {
        0 => json!(number.to_string()),
        1 => json!(float),
        2 => json!(format!("{float:.3}")),
        3 => json!(float + 0.5),
        4 => json!(-float),
        5 => json!((float / 1_000.0).trunc()),
        _ => json!(format!(" {number} ")),
    }
}

fn text_in_disguise(text: &str, random: &mut fastrand::Rng) -> Value {
    match random.u8(..8) {
        0 => json!(format!("  {text}\t")),
        1 => json!(odd_case(text, random)),
        2 => text
            .parse::<i64>()
            .map_or(Value::Null, |number| json!(number)),
        3 => json!(text.chars().rev().collect::<String>()),
        4 => json!(
            text.chars()
                .take(text.chars().count() / 2)
                .collect::<String>()
        ),
        5 => json!(format!("{text}@{text}")),
        6 => json!(
            *random
                .choice(&[
                    "2026-02-30",
                    "9999-12-31",
                    "2121-01-01",
                    "2026-09-14 10:00:00",
                    "14/09/2026"
                ])
                .unwrap_or(&"")
        ),
        _ => json!("d41d8cd98f00b204e9800998ecf8427e"),
    }
}
