//! Text is text, however it is written: an escape changes no answer, nor do blanks around a value.
#![allow(clippy::unwrap_used)] // Helpers of tests.

mod support;

use serde_json::{Value, json};
use support::{answer, answer_text, map_json, mapper, sample, samples};

const PARAMS: [&[(&str, &str)]; 2] = [
    &[
        ("events", "all"),
        ("tenant", "acme"),
        ("time-zone", "+05:30"),
    ],
    &[
        ("events", "all"),
        ("tenant", "acme"),
        (
            "identities",
            r#"{"customerId":"CapillaryId","email":"Email","mobile":"Phone","externalId":"Ext"}"#,
        ),
        ("omit-fields", "loyalty.program"),
    ],
];

/// One of the ways to write a character in a JSON string.
fn write_char(c: char, random: &mut fastrand::Rng, out: &mut String) {
    let short = match c {
        '\u{8}' => Some('b'),
        '\u{c}' => Some('f'),
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        '"' | '\\' | '/' => Some(c),
        _ => None,
    };
    let must = c < ' ' || c == '"' || c == '\\';
    match (random.u8(..4), short) {
        (0, Some(short)) => out.extend(['\\', short]),
        (1.., _) if !must => out.push(c),
        _ => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let hex = format!("{unit:04x}");
                let hex = if random.bool() {
                    hex
                } else {
                    hex.to_uppercase()
                };
                out.push_str(&format!("\\u{hex}"));
            }
        }
    }
}

/// The document, each of its strings written in some way; `names`: those of members, too.
fn rewritten(value: &Value, random: &mut fastrand::Rng, names: bool, out: &mut String) {
    let string = |text: &str, escapes: bool, random: &mut fastrand::Rng, out: &mut String| {
        if !escapes {
            return out.push_str(&json!(text).to_string());
        }
        out.push('"');
        text.chars().for_each(|c| write_char(c, random, out));
        out.push('"');
    };
    match value {
        Value::String(text) => {
            let escapes = random.u8(..3) > 0;
            string(text, escapes, random, out);
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                rewritten(item, random, names, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                let escapes = names && random.bool();
                string(name, escapes, random, out);
                out.push(':');
                rewritten(value, random, names, out);
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// Texts that are more than text in some place.
const TEXTS: &[&str] = &[
    "48.60",
    "48.60\n",
    "\t48.60 ",
    "-12.5\r\n",
    "1e3",
    "0",
    "-1",
    " -1\n",
    "null",
    "null\n",
    "\n",
    "\u{b}7\u{c}",
    "true",
    "TRUE\t",
    "false\n",
    "USER",
    "group\n",
    "REGULAR\n",
    "return",
    "usd",
    "2027-09-14",
    "2027-09-14\n",
    "2027-09-14T10:00:00+05:30",
    "2121-12-31\t",
    "1789373730412",
    "1789373730\n",
    "Deleted\n",
    "a@example.com\n",
    "A.B@example.com",
    "12025550143\n",
    "+1 202\t555 0143",
    "male\n",
    "90417.0",
    "700100201.0\n",
    "back\\slash\\n",
    "\\n",
    "quo\"te",
    "a\nb",
    "é\u{a0}",
    "\u{2028}x",
    "😀",
    "</script>",
    "O'Brien & Söhne",
    "\u{0}",
    "\u{7f}",
    "pointsIssued\n",
    "CouponIssue",
];

fn strings(value: &mut Value, random: &mut fastrand::Rng) {
    match value {
        Value::Object(members) => members
            .values_mut()
            .for_each(|value| strings(value, random)),
        Value::Array(items) => items.iter_mut().for_each(|value| strings(value, random)),
        scalar if random.u8(..6) == 0 => *scalar = json!(random.choice(TEXTS).unwrap()),
        Value::Number(number) if random.u8(..3) == 0 => {
            let after = *random.choice(&["", "\n", " \t"]).unwrap();
            *value = json!(format!("{number}{after}"));
        }
        _ => {}
    }
}

#[test]
fn answer_is_the_same_however_strings_are_escaped() {
    let mut random = fastrand::Rng::with_seed(15);
    let mut mappers = PARAMS.map(mapper);
    for (name, raw) in samples() {
        let sample: Value = serde_json::from_slice(&raw).unwrap();
        for round in 0..60 {
            let mut event = sample.clone();
            if round > 0 {
                strings(&mut event, &mut random);
            }
            let plain = event.to_string();
            let mut other = String::new();
            rewritten(&event, &mut random, round % 3 == 0, &mut other);
            assert_eq!(serde_json::from_str::<Value>(&other).unwrap(), event);
            for mapper in &mut mappers {
                let expected = answer(mapper, plain.as_bytes());
                let mut found = answer(mapper, other.as_bytes());
                if let Some(raw) = found.get_mut("raw") {
                    *raw = expected["raw"].clone();
                }
                assert_eq!(found, expected, "{name}: {other}");
            }
        }
    }
}

#[test]
fn answer_is_the_same_with_blanks_around_values() {
    let mut mapper = mapper(PARAMS[1]);
    for (name, raw) in samples() {
        let event: Value = serde_json::from_slice(&raw).unwrap();
        if event.get("eventId").is_none() {
            continue; // The hash of one without an id is that of its text.
        }
        let expected = answer(&mut mapper, event.to_string().as_bytes());
        for (before, after) in [
            ("", "\n"),
            (" ", "\t "),
            ("\r\n", "\u{b}"),
            ("\u{a0}", "\u{c}"),
        ] {
            let mut padded = event.clone();
            pad(&mut padded, before, after);
            let found = answer(&mut mapper, padded.to_string().as_bytes());
            assert_eq!(found, expected, "{name}");
        }
    }
}

fn pad(value: &mut Value, before: &str, after: &str) {
    match value {
        Value::Object(members) => members
            .values_mut()
            .for_each(|value| pad(value, before, after)),
        Value::Array(items) => items.iter_mut().for_each(|value| pad(value, before, after)),
        Value::String(text) => *text = format!("{before}{text}{after}"),
        _ => {}
    }
}

#[test]
fn number_with_a_line_break_behind_it_is_a_number() {
    let mut event = sample("transactionAdded");
    for amount in ["48.60\n", "\t48.6", "48.60\\n"] {
        event["data"]["amount"] = json!(amount);
        let price = &map_json(&[], &event)["event"]["commerce"]["order"]["priceTotal"];
        assert_eq!(price.is_null(), amount.contains('\\'), "{amount}");
        assert!(price.is_null() || *price == 48.6);
    }
}

#[test]
fn boolean_with_blanks_around_it_is_a_boolean() {
    for word in ["true", "true ", " TRUE\n"] {
        let mut event = sample("pointsRedeemed");
        event["data"]["isGroupRedemption"] = json!(word);
        let answer = map_json(&[], &event);
        assert_eq!(answer["notes"], json!(["of_a_group"]), "{word}");
        assert!(answer.get("profile").is_none());
    }
}

#[test]
fn text_that_ends_in_a_backslash_and_a_letter_keeps_both() {
    let mut event = sample("tierUpgraded");
    for notes in ["\\n", "a\\t", "\\\\n", "x\\\n", "\n\\n\n"] {
        event["data"]["notes"] = json!(notes);
        let answer = map_json(&[("tenant", "acme")], &event);
        assert_eq!(
            answer["event"]["_acme"]["capillary"]["tier"]["notes"],
            notes.trim()
        );
    }
    // Through the shape that was learnt, too.
    let mut mapper = mapper(&[("tenant", "acme")]);
    for notes in ["plain", "\\n", "plain\n"] {
        event["data"]["notes"] = json!(notes);
        let text = answer_text(&mut mapper, event.to_string().as_bytes());
        let written = json!(notes.trim()).to_string();
        assert!(text.contains(&format!("\"notes\":{written}")), "{text}");
    }
}
